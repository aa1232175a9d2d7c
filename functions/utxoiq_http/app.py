"""A function as an ASGI app: it finds the route, checks access, reads the request and always sends one response."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic

from starlette.types import Receive, Scope

from utxoiq_http import answer, compression, header_lines, idempotency, preconditions, problems
from utxoiq_http.access import Caller
from utxoiq_http.answer import Answer
from utxoiq_http.client_address import UNKNOWN
from utxoiq_http.cross_origin import CrossOrigin
from utxoiq_http.gate import Gate, RequestContext
from utxoiq_http.lifetime import OpenOnce
from utxoiq_http.links import Base
from utxoiq_http.observability import logs, trace_headers
from utxoiq_http.observability.logs import AccessLog
from utxoiq_http.observability.traces import RequestTraces
from utxoiq_http.problems import Problem, Violations
from utxoiq_http.routes import IDEMPOTENCY_KEY, IF_MATCH, Call, Endpoint, Resource, Route, Router, without_slash
from utxoiq_http.tolerance import Ignored
from utxoiq_persistence import deadlines
from utxoiq_persistence.figures import RequestFigures
from utxoiq_persistence.writes import audit
from utxoiq_persistence.writes.audit import Origin

# Requests without an endpoint are counted under these names, so that callers cannot create new names.
PREFLIGHTS = "OPTIONS *"
NOWHERE = "OTHER *"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened(Generic[Resource]):
    """Has what handlers work on, and the gate that checks callers. `gate` is None if only the platform checks them."""

    resource: Resource
    gate: Gate | None


class App(Generic[Resource]):
    """Serves the requests of one function.

    `opening` opens what handlers work on, at the first request. `requests` is where requests are counted. `seconds` is
    how long a request may take, with all that it waits for; None for no limit.
    """

    def __init__(
        self,
        routes: Sequence[Route[Resource]],
        opening: Callable[[], AbstractAsyncContextManager[Opened[Resource]]],
        *,
        base: Base,
        log: AccessLog,
        cross_origin: CrossOrigin,
        requests: dict[str, RequestFigures],
        traces: RequestTraces | None,
        seconds: float | None = None,
    ) -> None:
        self.opened = OpenOnce(opening)
        self._router = Router(routes)
        self._base = base
        self._access_log = log
        self._cross_origin = cross_origin
        self._requests = requests
        self._traces = traces
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive) -> Answer:
        """Return the response to a request. Exceptions become problem details; none is raised."""
        started = time.perf_counter()
        method: str = scope["method"]
        path: str = scope["path"]
        headers = header_lines.combine(scope["headers"])
        span = None
        if self._traces is not None:
            span = self._traces.begin(method, path, headers, trace_headers.read(headers))
        request_id = self._access_log.begin(headers, None if span is None else span.context)
        visit = RequestContext(UNKNOWN)
        origin: Origin | None = None
        name = PREFLIGHTS
        ignored = Ignored()
        gate: Gate | None = None
        try:
            reply = self._preflight(method, path, headers)
            if reply is None:
                name = NOWHERE
                opened = await self.opened.get()
                gate = opened.gate
                if gate is not None:
                    visit = gate.visit(scope, headers)
                endpoint, segment = await self._found(gate, visit, method, path, headers)
                name = endpoint.name
                if self._seconds is not None and endpoint.route.has_deadline:
                    deadlines.limit(self._seconds)
                if gate is not None and endpoint.route.identified:
                    await gate.enter(visit, headers, endpoint.route)
                origin = Origin(visit.caller.name, visit.caller.key_id, visit.address, request_id, [], logs.own_id())
                audit.set_origin(origin)
                call = await self._read(endpoint, segment, scope, headers, visit.caller, receive, ignored)
                reply = await endpoint.route.handler(opened.resource, call)
                await compression.encode(reply, headers)
        except Exception as error:
            reply = _answer_error(error, request_id)
        finally:
            if gate is not None:
                gate.leave(visit)
        reply.raw_headers += [
            (b"x-request-id", request_id.encode()),
            *logs.correlation(headers, request_id),
            *ignored.headers(),
            *visit.headers(),
            *self._cross_origin.headers(headers),
        ]
        status = reply.status_code
        self._count(name, status, time.perf_counter() - started)
        if span is not None:
            span.end(name, status, request_id)
        changes = [entry for entry in origin.entries if entry.made] if origin is not None and status < 400 else ()
        self._access_log.end(
            method, path, status, len(reply.body), started, visit.caller.name, address=visit.address, changes=changes
        )
        return reply

    async def _found(
        self, gate: Gate | None, visit: RequestContext, method: str, path: str, headers: Mapping[bytes, bytes]
    ) -> tuple[Endpoint[Resource], str | None]:
        """Return the endpoint of a request, and the path parameter if it has one.

        Raises Problem 404 or 405. Such a request counts against its caller's rate limit, too.
        """
        try:
            return self._router.find(method, path)
        except Problem:
            if gate is not None:
                await gate.enter(visit, headers, None)
            raise

    async def _read(
        self,
        endpoint: Endpoint[Resource],
        segment: str | None,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        caller: Caller,
        receive: Receive,
        ignored: Ignored,
    ) -> Call[object, object]:
        """Return the request as its types say. Raises Problem, a 422 with all that is wrong in it."""
        reader, route = endpoint.body, endpoint.route
        parameters = body = once = None
        wrong = Violations()
        with wrong:
            parameters = endpoint.parameters.read(scope["query_string"], segment, ignored)
        if IF_MATCH in route.headers:
            with wrong:
                preconditions.expected_versions(headers.get(b"if-match"))
        if reader is not None:
            with wrong:
                body = await reader.read(headers, receive, ignored)
            if IDEMPOTENCY_KEY in route.headers:
                with wrong:
                    once = idempotency.from_request(headers, caller, route.path, body)
        wrong.refuse()
        return Call(caller, headers, self._base, without_slash(scope["path"]), parameters, body, once)

    def _count(self, name: str, status: int, seconds: float) -> None:
        figures = self._requests.get(name)
        if figures is None:
            figures = self._requests[name] = RequestFigures()
        figures.add(status, seconds)

    def _preflight(self, method: str, path: str, headers: Mapping[bytes, bytes]) -> Answer | None:
        if method != "OPTIONS":
            return None
        return self._cross_origin.preflight(headers, self._router.methods(path))


def _answer_error(error: Exception, request_id: str) -> Answer:
    problem = problems.from_error(error)
    if problem is None:
        _log.error("a request failed", exc_info=error)
        problem = problems.unexpected()
    elif problem.status >= 500:
        _log.warning("%s", problem.detail, exc_info=error.__cause__)
    return answer.from_problem(problem, request_id)
