"""The database as the whole fleet uses it: pools and queries of every instance of every function."""

from utxoiq_http import answer, views
from utxoiq_http.access import MAINTENANCE, service
from utxoiq_http.answer import Answer
from utxoiq_http.routes import Call, Route
from utxoiq_persistence.store import Store

PATH = "/api/v1/monitoring/database"
READ = "metrics:read"


async def pool(store: Store, _: Call[None, None]) -> Answer:
    """Connections of the fleet, of each function and of each instance."""
    return answer.of_value(200, {"status": "success", "metrics": await store.fleet.pool()})


async def queries(store: Store, _: Call[None, None]) -> Answer:
    """Queries of the fleet, of each function and by statement. Times are milliseconds."""
    return answer.of_value(200, {"status": "success", "metrics": await store.fleet.queries()})


async def publish_metrics(store: Store, _: Call[None, None]) -> Answer:
    """Record the fleet's present figures as system metrics. For the scheduler."""
    return answer.of_value(200, {"status": "success", "message": await store.fleet.publish()})


ROUTES = (
    Route(method="GET", path=f"{PATH}/pool", handler=pool, access=service(READ), answer=views.PoolAnswer),
    Route(method="GET", path=f"{PATH}/queries", handler=queries, access=service(READ), answer=views.QueriesAnswer),
    Route(
        method="POST",
        path=f"{PATH}/publish-metrics",
        handler=publish_metrics,
        access=MAINTENANCE,
        answer=views.Done,
    ),
)
