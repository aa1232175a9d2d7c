"""Declarations of routes. Their types define validation and the OpenAPI document."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct

from utxoiq_http.access import Access, Caller
from utxoiq_http.answer import Answer
from utxoiq_http.bodies import BodyReader
from utxoiq_http.links import Base
from utxoiq_http.parameters import ParameterReader
from utxoiq_http.problems import Problem
from utxoiq_persistence.records import Idempotency

BODY_LIMIT = 64 * 1024
IDEMPOTENCY_KEY = "Idempotency-Key"
ETAG = "ETag"
IF_MATCH = "If-Match"
IF_NONE_MATCH = "If-None-Match"

Resource = TypeVar("Resource")
Parameters = TypeVar("Parameters")
Body = TypeVar("Body")


class NoParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """Has no fields: the route takes no parameters."""


class Call(Generic[Parameters, Body]):
    """Is a request that passed access checks and validation."""

    __slots__ = ("_base", "_path", "body", "caller", "headers", "idempotency", "parameters")

    def __init__(
        self,
        caller: Caller,
        headers: Mapping[bytes, bytes],
        base: Base,
        path: str,
        parameters: Parameters,
        body: Body,
        idempotency: Idempotency | None,
    ) -> None:
        self.caller = caller
        self.headers = headers
        self._base = base
        self._path = path
        self.parameters = parameters
        self.body = body
        self.idempotency = idempotency

    @property
    def path(self) -> str:
        """Return the path as the client sent it, for links."""
        return self._base.path(self.headers, self._path)


Handler: TypeAlias = Callable[[Resource, Call[Any, Any]], Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class Route(Generic[Resource]):
    """Declares a method of a path, whose last segment may be a `{parameter}`.

    Attributes:
        method: The HTTP method.
        path: The path.
        handler: Answers requests. Its name is the operation id, its docstring the documentation.
        access: Who may call the route.
        answer: The type of the response body.
        status: The status of a successful response.
        may_be_empty: Whether a successful response may also be 204, without a body.
        media_types: The media types that the response body can have.
        parameters: The types of the parameters: of the path if it names them, else of the query.
        body: The type of the JSON request body; None if there is none.
        body_limit: The maximum length of the request body, in bytes.
        headers: The request headers that the handler uses.
        answer_headers: The response headers that the handler sets.
        problems: The error statuses that only the handler can cause.
        example: An example of the request body.
        identified: Whether the caller is identified and the request counted against a rate limit.
        batch: Whether the request also counts against the limit of batches.
        takes_its_time: Whether the request may take longer than the function's REQUEST_SECONDS, as upkeep may.
    """

    method: str
    path: str
    handler: Handler[Resource]
    access: Access
    answer: Any
    status: int = 200
    may_be_empty: bool = False
    media_types: tuple[str, ...] = ("application/json",)
    parameters: type[Struct] = NoParameters
    body: Any = None
    body_limit: int = BODY_LIMIT
    headers: tuple[str, ...] = ()
    answer_headers: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    example: Any = None
    identified: bool = True
    batch: bool = False
    takes_its_time: bool = False

    @property
    def has_deadline(self) -> bool:
        """Return whether the request must end within the function's REQUEST_SECONDS."""
        return not (self.takes_its_time or self.access.scheduler)

    @property
    def path_parameter(self) -> str | None:
        """Return the name of the path parameter; None if the path has none."""
        last = self.path.rpartition("/")[2]
        return last[1:-1] if last.startswith("{") else None


class Endpoint(Generic[Resource]):
    """Combines a route with the readers of its parameters and body."""

    __slots__ = ("body", "name", "parameters", "route")

    def __init__(self, route: Route[Resource]) -> None:
        self.route = route
        self.name = f"{route.method} {route.path}"
        self.parameters = ParameterReader(route.parameters, route.path_parameter)
        self.body = None if route.body is None else BodyReader(route.body, route.body_limit)


def without_slash(path: str) -> str:
    """Return the path without the slash at its end, with which it is the same path."""
    return path[:-1] if len(path) > 1 and path.endswith("/") else path


class Router(Generic[Resource]):
    """Finds endpoints with at most two dictionary lookups, whatever the number of routes."""

    def __init__(self, routes: Iterable[Route[Resource]]) -> None:
        self._plain: dict[str, dict[str, Endpoint[Resource]]] = {}
        self._by_parent: dict[str, dict[str, Endpoint[Resource]]] = {}
        for route in routes:
            parent = route.path.rpartition("/")[0]
            methods = (
                self._plain.setdefault(route.path, {})
                if route.path_parameter is None
                else self._by_parent.setdefault(parent, {})
            )
            methods[route.method] = Endpoint(route)
            if route.method == "GET":
                methods["HEAD"] = methods["GET"]

    def methods(self, path: str) -> Collection[str]:
        """Return the methods of a path; none if it has no route."""
        path = without_slash(path)
        methods = self._plain.get(path) or self._by_parent.get(path.rpartition("/")[0])
        return methods or ()

    def find(self, method: str, path: str) -> tuple[Endpoint[Resource], str | None]:
        """Return the endpoint, and the last segment of the path if it is a parameter. Raises Problem 404 or 405."""
        path = without_slash(path)
        segment = None
        methods = self._plain.get(path)
        if methods is None:
            parent, _, segment = path.rpartition("/")
            methods = self._by_parent.get(parent)
            if methods is None or not segment:
                raise Problem(404, "there is nothing at this path; GET /openapi.json lists what there is")
        endpoint = methods.get(method)
        if endpoint is None:
            allowed = ", ".join(sorted(methods))
            raise Problem(405, f"this path takes {allowed}, not {method[:20]}", headers=[(b"allow", allowed.encode())])
        return endpoint, segment
