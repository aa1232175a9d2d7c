"""The fleet metrics endpoints: what all instances of all functions count, and what the database server reports."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from utxoiq_http import answer
from utxoiq_http import answers as views
from utxoiq_http.access import MAINTENANCE, require_scope
from utxoiq_http.answer import Answer
from utxoiq_http.app import App
from utxoiq_http.observability import open_metrics
from utxoiq_http.routes import Call, Route
from utxoiq_http.serving import create_app
from utxoiq_persistence import schedules
from utxoiq_persistence.figures import InstanceFigures
from utxoiq_persistence.fleet import report as fleet_report
from utxoiq_persistence.publishing.fleet_publishing import FleetPublisher
from utxoiq_persistence.publishing.settings import PublishSettings
from utxoiq_persistence.store import Store

PATH = "/api/v1/monitoring/database"
READ = "metrics:read"


@dataclass(frozen=True)
class FleetService:
    """Combines what the fleet metrics endpoints work on: the store, and the publisher of its metrics."""

    store: Store
    publisher: FleetPublisher

    async def parts(self) -> Mapping[str, str]:
        """Return the state of each part that the function depends on, `ok` or `away`, by its name."""
        return await self.store.parts()


async def get_pool_metrics(service: FleetService, _: Call[None, None]) -> Answer:
    """Get connection pool metrics of the fleet, each function and each instance, and the server's client connections.

    Times are in milliseconds.
    """
    metrics, server = await asyncio.gather(_report(service, fleet_report.report_pools), service.store.server.activity())
    return _success({**metrics, "server": server})


async def get_query_metrics(service: FleetService, _: Call[None, None]) -> Answer:
    """Get query metrics of the fleet, each function, each instance and each statement, and the server's own statistics.

    Times are in milliseconds.
    """
    metrics, server = await asyncio.gather(
        _report(service, fleet_report.report_queries), service.store.server.statements()
    )
    return _success({**metrics, "server": server})


async def get_request_metrics(service: FleetService, _: Call[None, None]) -> Answer:
    """Get HTTP request metrics of the fleet, each function, each instance and each route, with status counts.

    Times are in milliseconds.
    """
    return _success(await _report(service, fleet_report.report_requests))


async def get_cache_metrics(service: FleetService, _: Call[None, None]) -> Answer:
    """Get cache metrics of the fleet, each function, each instance and each group of cached entries."""
    return _success(await _report(service, fleet_report.report_cache))


async def publish_fleet_metrics(service: FleetService, _: Call[None, None]) -> Answer:
    """Publish the fleet's current metrics to Cloud Monitoring and as system metrics. Called by Cloud Scheduler.

    Metrics are published once for each minute. A repeated call in the same minute publishes only what is missing.
    """
    message = await service.publisher.publish()
    await service.store.schedules.note_success(schedules.PUBLISH_METRICS)
    return answer.from_value(200, {"status": "success", "message": message})


async def scrape_metrics(service: FleetService, call: Call[None, None]) -> Answer:
    """Get the fleet's current metrics in OpenMetrics format, or in the Prometheus text format if Accept prefers it."""
    media_type = open_metrics.media_type(call.headers.get(b"accept", b"").decode("latin-1"))
    fleet = await service.store.fleet.read()
    text = await asyncio.to_thread(open_metrics.text, fleet, service.store.fleet.reachable, media_type)
    return answer.from_text(200, text, media_type)


async def _report(
    service: FleetService, report: Callable[[Sequence[InstanceFigures]], dict[str, object]]
) -> dict[str, object]:
    """Return a report on the fleet. A thread makes it: with many instances it would delay other requests."""
    fleet = service.store.fleet
    figures = await fleet.read()
    whole = fleet.reachable
    return {**await asyncio.to_thread(report, figures), "whole": whole}


def _success(metrics: dict[str, object]) -> Answer:
    return answer.from_value(200, {"status": "success", "metrics": metrics})


def create_database_app(environment: Mapping[str, str]) -> App[FleetService]:
    """Return the app of the database function. Raises ConfigurationError, which names the wrong variable."""
    settings = PublishSettings.from_environment(environment)

    def create_service(store: Store) -> FleetService:
        return FleetService(store, FleetPublisher(settings, store))

    return create_app("database", ROUTES, environment, create_service)


ROUTES = (
    Route(
        method="GET", path=f"{PATH}/pool", handler=get_pool_metrics, access=require_scope(READ), answer=views.PoolAnswer
    ),
    Route(
        method="GET",
        path=f"{PATH}/queries",
        handler=get_query_metrics,
        access=require_scope(READ),
        answer=views.QueriesAnswer,
    ),
    Route(
        method="GET",
        path=f"{PATH}/requests",
        handler=get_request_metrics,
        access=require_scope(READ),
        answer=views.RequestsAnswer,
    ),
    Route(
        method="GET",
        path=f"{PATH}/cache",
        handler=get_cache_metrics,
        access=require_scope(READ),
        answer=views.CacheAnswer,
    ),
    Route(
        method="POST",
        path=f"{PATH}/publish-metrics",
        handler=publish_fleet_metrics,
        access=MAINTENANCE,
        answer=views.Done,
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=scrape_metrics,
        access=require_scope(READ),
        answer=str,
        media_types=("application/openmetrics-text", "text/plain"),
    ),
)
