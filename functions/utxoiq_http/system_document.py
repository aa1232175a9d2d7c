"""The OpenAPI document of the whole system: `python -m utxoiq_http.system_document docs/openapi.json` writes it."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import msgspec

from utxoiq_http import endpoints, openapi
from utxoiq_http.endpoints import system
from utxoiq_http.routes import Route

TITLE = "utxoIQ persistence"


class SharedPath(Exception):
    """Two routes have the same method and path. The text names them."""


def endpoint_modules() -> Iterator[ModuleType]:
    """Yield every module of endpoints, in the order of their names."""
    for module in iter_modules(endpoints.__path__, f"{endpoints.__name__}."):
        yield import_module(module.name)


def system_routes() -> list[Route[Any]]:
    """Return the routes of every module of endpoints, and health and documentation, which all functions have, once.

    A route that one module takes over from another counts once. Raises SharedPath.
    """
    own: dict[str, Route[Any]] = {}
    for module in endpoint_modules():
        for route in getattr(module, "ROUTES", ()):
            name = f"{route.method} {route.path}"
            if own.setdefault(name, route) is not route:
                raise SharedPath(f"{name} is the path of two routes")
    return system.add_system_routes(TITLE, list(own.values()))


def text() -> bytes:
    """Return the document as indented JSON."""
    return msgspec.json.format(openapi.encode(openapi.document(TITLE, system_routes())), indent=2) + b"\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(text())
