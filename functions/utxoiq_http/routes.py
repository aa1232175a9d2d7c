"""What a function serves, declared: the types here are its validation and its documentation as well."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct

from utxoiq_http.access import Access, Caller
from utxoiq_http.answer import Answer
from utxoiq_http.bodies import BodyReader
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
    pass


class Call(Generic[Parameters, Body]):
    """A request that was let in and found well formed. path: as the client wrote it."""

    __slots__ = ("body", "caller", "headers", "idempotency", "parameters", "path")

    def __init__(
        self,
        caller: Caller,
        headers: Mapping[bytes, bytes],
        path: str,
        parameters: Parameters,
        body: Body,
        idempotency: Idempotency | None,
    ) -> None:
        self.caller = caller
        self.headers = headers
        self.path = path
        self.parameters = parameters
        self.body = body
        self.idempotency = idempotency


Handler: TypeAlias = Callable[[Resource, Call[Any, Any]], Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class Route(Generic[Resource]):
    """A method on a path, whose last segment may be a `{parameter}`.

    handler: its docstring is the documentation. parameters: their types, in the path where it names them, in the query
    otherwise. body: the type of the JSON that is sent. answer: the type of what status comes with, as one of the
    media_types. headers: those of the request that the handler honours. problems: statuses that only the handler can
    tell. identified: whether credentials are looked at, and the request counted against a limit. batch: whether it
    counts as one, too.
    """

    method: str
    path: str
    handler: Handler[Resource]
    access: Access
    answer: Any
    status: int = 200
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

    @property
    def path_parameter(self) -> str | None:
        last = self.path.rpartition("/")[2]
        return last[1:-1] if last.startswith("{") else None


class Endpoint(Generic[Resource]):
    """A route, with what reads its requests."""

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
    """Finds an endpoint in two looks into dictionaries, however many there are."""

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
        """What a path takes; nothing where it leads nowhere."""
        path = without_slash(path)
        methods = self._plain.get(path) or self._by_parent.get(path.rpartition("/")[0])
        return methods or ()

    def find(self, method: str, path: str) -> tuple[Endpoint[Resource], str | None]:
        """The endpoint, and the last segment of the path if that is its parameter. Raises Problem 404, 405."""
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
