"""Creation of a function's app from its environment. A wrong variable stops the process, and is named."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from utxoiq_http import garbage, worker
from utxoiq_http.app import App, Opened
from utxoiq_http.config import GateSettings, IdentitySettings
from utxoiq_http.cross_origin import CrossOrigin
from utxoiq_http.endpoints import system
from utxoiq_http.endpoints.system import HasParts
from utxoiq_http.gate import Gate
from utxoiq_http.identity import Identities
from utxoiq_http.links import Base
from utxoiq_http.observability import logs
from utxoiq_http.observability import traces as request_traces
from utxoiq_http.routes import Route
from utxoiq_persistence.config import Settings
from utxoiq_persistence.figures import RequestFigures
from utxoiq_persistence.store import Store

Part = TypeVar("Part", bound=HasParts)

worker.set_server_options()
worker.exit_normally_on_sigterm()


def create_store_app(name: str, routes: Sequence[Route[Store]], environment: Mapping[str, str]) -> App[Store]:
    """Return an app whose handlers work on the store. Raises ConfigurationError, which names the wrong variable."""
    return create_app(name, routes, environment, lambda store: store)


def create_app(
    name: str, routes: Sequence[Route[Part]], environment: Mapping[str, str], part_of: Callable[[Store], Part]
) -> App[Part]:
    """Return an app whose handlers work on what `part_of` makes of the store, and which this process is to serve.

    Raises ConfigurationError, which names the wrong variable.
    """
    settings = Settings.from_environment(environment)
    identity = IdentitySettings.from_environment(environment)
    limits = GateSettings.from_environment(environment)
    requests: dict[str, RequestFigures] = {}

    @asynccontextmanager
    async def opened() -> AsyncIterator[Opened[Part]]:
        async with Store.opened(settings, requests) as store:
            garbage.freeze_loaded_objects()
            yield Opened(part_of(store), Gate(Identities(identity, store.key_ring), store.rate_limits, limits))

    app = App(
        system.add_system_routes(name, routes),
        opened,
        base=Base(identity.function_audience),
        log=logs.from_environment(environment),
        cross_origin=CrossOrigin(limits.origins),
        requests=requests,
        traces=request_traces.from_environment(environment),
        seconds=settings.request_seconds,
    )
    worker.serve_directly(app)
    return app
