"""The endpoints that every function serves: its health and its OpenAPI document."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from utxoiq_http import answer, problems
from utxoiq_http import answers as views
from utxoiq_http.access import PUBLIC
from utxoiq_http.answer import Answer
from utxoiq_http.routes import Call, Handler, Route

OPENAPI_PATH = "/openapi.json"
HEALTH_PATH = "/health"
Part = TypeVar("Part", bound="HasParts")


class HasParts(Protocol):
    """Knows the state of the parts that a function depends on."""

    async def parts(self) -> Mapping[str, str]:
        """Return the state of each part by its name, `ok` or `away`; `database` is among the names."""


class Documentation:
    """Serves the function's OpenAPI document, which is generated on the first request for it."""

    def __init__(self, title: str, routes: Sequence[Route[Any]]) -> None:
        self._title = title
        self._routes = routes
        self._text: bytes | None = None

    async def document(self, _: object, __: Call[None, None]) -> Answer:
        """Get the OpenAPI document of this function."""
        if self._text is None:
            from utxoiq_http import openapi

            self._text = openapi.encode(openapi.document(self._title, self._routes))
        return answer.from_json(200, self._text)


async def health(resource: HasParts, _: Call[None, None]) -> Answer:
    """Get the health of the function. It is degraded without Redis; the response is 503 without the database."""
    parts = dict(await resource.parts())
    if parts.get("database", "ok") != "ok":  # keeper has none
        raise problems.unavailable("the database does not answer; try again", parts)
    status = "healthy" if all(state == "ok" for state in parts.values()) else "degraded"
    return answer.from_value(200, {"status": status, "parts": parts})


def add_system_routes(name: str, routes: Sequence[Route[Part]]) -> list[Route[Part]]:
    """Return the function's own routes and those that every function has. `name` is the OpenAPI document's title."""
    all_routes: list[Route[Part]] = [*routes, _system_route(HEALTH_PATH, health, views.Health, 503)]
    documentation = Documentation(name, all_routes)
    all_routes.append(_system_route(OPENAPI_PATH, documentation.document, dict[str, Any]))
    return all_routes


def _system_route(path: str, handler: Handler[Part], kind: Any, *statuses: int) -> Route[Part]:
    """Return a public route that ignores credentials: it must answer even when callers cannot be identified."""
    return Route(
        method="GET", path=path, handler=handler, access=PUBLIC, answer=kind, problems=statuses, identified=False
    )
