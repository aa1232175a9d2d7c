"""System metrics: recorded one by one or in batches, read by range and by interval."""

from typing import Annotated

from msgspec import Meta

from utxoiq_http import answer
from utxoiq_http import answers as views
from utxoiq_http.access import MAINTENANCE, service
from utxoiq_http.answer import Answer
from utxoiq_http.endpoints import pages
from utxoiq_http.links import LINK
from utxoiq_http.routes import IDEMPOTENCY_KEY, Call, Route
from utxoiq_persistence.records import AggregateQuery, MetricsQuery, NewMetric
from utxoiq_persistence.store import Store

PATH = "/api/v1/monitoring/metrics"
READ = "metrics:read"
WRITE = "metrics:write"
BATCH_LIMIT = 8 * 2**20
Batch = Annotated[list[NewMetric], Meta(max_length=5000)]
EXAMPLE = {"service_name": "api", "metric_type": "latency", "metric_value": 12.5, "unit": "ms"}


async def record(store: Store, call: Call[None, NewMetric]) -> Answer:
    """Record a metric, of now where it has no timestamp."""
    metric = await store.metrics.record(call.body, call.idempotency)
    return answer.of_json(201, metric.body)


async def record_batch(store: Store, call: Call[None, list[NewMetric]]) -> Answer:
    """Record up to 5000 metrics, all of them or none; of no metrics, the answer is an empty array."""
    metrics = await store.metrics.record_batch(call.body, call.idempotency)
    return answer.of_json(201, metrics.body)


async def find(store: Store, call: Call[MetricsQuery, None]) -> Answer:
    """Metrics of a range of time, both ends in it, newest first."""
    pages.check(call.parameters)
    return pages.of_page(call, await store.metrics.find(call.parameters))


async def aggregate(store: Store, call: Call[AggregateQuery, None]) -> Answer:
    """Averages and bounds by hour, day or ISO week (UTC), oldest first; an interval without metrics is left out.

    If asked for, percentiles, and a comparison with an earlier range, of each interval and of the whole.
    """
    series = await store.metrics.aggregate(call.parameters)
    return answer.of_json(200, series.body)


async def sketch(store: Store, _: Call[None, None]) -> Answer:
    """Prepare the percentiles of hours and days that have ended lately. For the scheduler."""
    return answer.of_value(200, {"status": "success", "message": f"{await store.metrics.sketch()} sketches made"})


ROUTES = (
    Route(
        method="POST",
        path=PATH,
        handler=record,
        access=service(WRITE),
        body=NewMetric,
        status=201,
        answer=views.Metric,
        headers=(IDEMPOTENCY_KEY,),
        example=EXAMPLE,
    ),
    Route(
        method="POST",
        path=f"{PATH}/batch",
        handler=record_batch,
        access=service(WRITE),
        body=Batch,
        body_limit=BATCH_LIMIT,
        batch=True,
        status=201,
        answer=list[views.Metric],
        headers=(IDEMPOTENCY_KEY,),
        example=[EXAMPLE, {**EXAMPLE, "metric_value": 9.0, "timestamp": "2026-01-31T12:00:00Z"}],
    ),
    Route(
        method="GET",
        path=PATH,
        handler=find,
        access=service(READ),
        parameters=MetricsQuery,
        answer=list[views.Metric],
        answer_headers=(LINK,),
        problems=(400,),
    ),
    Route(
        method="GET",
        path=f"{PATH}/aggregate",
        handler=aggregate,
        access=service(READ),
        parameters=AggregateQuery,
        answer=views.Aggregate,
        problems=(400,),
    ),
    Route(method="POST", path=f"{PATH}/sketches", handler=sketch, access=MAINTENANCE, answer=views.Done),
)
