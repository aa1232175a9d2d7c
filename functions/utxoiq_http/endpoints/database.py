"""What every instance of every function counts, together, and what the database's server says to it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from utxoiq_http import answer
from utxoiq_http import answers as views
from utxoiq_http.access import MAINTENANCE, service
from utxoiq_http.answer import Answer
from utxoiq_http.app import App
from utxoiq_http.observability import open_metrics
from utxoiq_http.routes import Call, Route
from utxoiq_http.serving import app_over_store
from utxoiq_persistence.figures import InstanceFigures
from utxoiq_persistence.fleet import report as fleet_report
from utxoiq_persistence.publishing.fleet_publishing import FleetPublisher
from utxoiq_persistence.publishing.settings import PublishSettings
from utxoiq_persistence.store import Store

PATH = "/api/v1/monitoring/database"
READ = "metrics:read"


@dataclass(frozen=True)
class Desk:
    store: Store
    publisher: FleetPublisher

    async def parts(self) -> Mapping[str, str]:
        return await self.store.parts()


async def pool(desk: Desk, _: Call[None, None]) -> Answer:
    """Connections of the fleet, of each function and of each instance, and the server's clients. Times are ms."""
    metrics, server = await asyncio.gather(_report(desk, fleet_report.report_pools), desk.store.server.activity())
    return _success({**metrics, "server": server})


async def queries(desk: Desk, _: Call[None, None]) -> Answer:
    """Queries of the fleet, of each function and instance, by statement, and as the server counts. Times are ms."""
    metrics, server = await asyncio.gather(_report(desk, fleet_report.report_queries), desk.store.server.statements())
    return _success({**metrics, "server": server})


async def requests(desk: Desk, _: Call[None, None]) -> Answer:
    """Requests to the fleet, to each function and instance, and by route, with their statuses. Times are ms."""
    return _success(await _report(desk, fleet_report.report_requests))


async def cache(desk: Desk, _: Call[None, None]) -> Answer:
    """Lookups in the cache's two levels, of the fleet, of each function and instance, and by what was looked up."""
    return _success(await _report(desk, fleet_report.report_cache))


async def publish_metrics(desk: Desk, _: Call[None, None]) -> Answer:
    """Publish the fleet's present figures to Cloud Monitoring and as system metrics. For the scheduler.

    Once a minute: whoever asks again in the same one changes nothing, or brings what was missing.
    """
    return answer.of_value(200, {"status": "success", "message": await desk.publisher.publish()})


async def scrape(desk: Desk, call: Call[None, None]) -> Answer:
    """The fleet's present figures in OpenMetrics, or in Prometheus' older text format where that is asked for."""
    media_type = open_metrics.media_type(call.headers.get(b"accept", b"").decode("latin-1"))
    fleet = await desk.store.fleet.read()
    text = await asyncio.to_thread(open_metrics.text, fleet, desk.store.fleet.reachable, media_type)
    return answer.of_text(200, text, media_type)


async def _report(desk: Desk, report: Callable[[Sequence[InstanceFigures]], dict[str, object]]) -> dict[str, object]:
    """Put together in a thread: of many instances it takes long enough for other requests to notice."""
    fleet = desk.store.fleet
    figures = await fleet.read()
    whole = fleet.reachable
    return {**await asyncio.to_thread(report, figures), "whole": whole}


def _success(metrics: dict[str, object]) -> Answer:
    return answer.of_value(200, {"status": "success", "metrics": metrics})


def app_of_database(environment: Mapping[str, str]) -> App[Desk]:
    """Raises ConfigurationError, which names the variable."""
    settings = PublishSettings.from_environment(environment)
    return app_over_store("database", ROUTES, environment, lambda store: Desk(store, FleetPublisher(settings, store)))


ROUTES = (
    Route(method="GET", path=f"{PATH}/pool", handler=pool, access=service(READ), answer=views.PoolAnswer),
    Route(method="GET", path=f"{PATH}/queries", handler=queries, access=service(READ), answer=views.QueriesAnswer),
    Route(method="GET", path=f"{PATH}/requests", handler=requests, access=service(READ), answer=views.RequestsAnswer),
    Route(method="GET", path=f"{PATH}/cache", handler=cache, access=service(READ), answer=views.CacheAnswer),
    Route(
        method="POST",
        path=f"{PATH}/publish-metrics",
        handler=publish_metrics,
        access=MAINTENANCE,
        answer=views.Done,
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=scrape,
        access=service(READ),
        answer=str,
        media_types=("application/openmetrics-text", "text/plain"),
    ),
)
