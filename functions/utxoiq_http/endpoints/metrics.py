"""The system metrics endpoints: record single metrics and batches, read metrics and their aggregates."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated

from msgspec import Meta

from utxoiq_http import answer, archived_range
from utxoiq_http import answers as views
from utxoiq_http.access import MAINTENANCE, require_scope
from utxoiq_http.answer import Answer
from utxoiq_http.archived_range import ARCHIVED_RANGE, ARCHIVED_ROWS
from utxoiq_http.endpoints import pages
from utxoiq_http.links import LINK
from utxoiq_http.problems import MAX_ERRORS, FieldError, invalid
from utxoiq_http.routes import IDEMPOTENCY_KEY, Call, Route
from utxoiq_persistence import schedules
from utxoiq_persistence.records import AggregateQuery, MetricsQuery, NewMetric
from utxoiq_persistence.store import Store

PATH = "/api/v1/monitoring/metrics"
READ = "metrics:read"
WRITE = "metrics:write"
BATCH_LIMIT = 8 * 2**20
Batch = Annotated[list[NewMetric], Meta(max_length=5000)]
EXAMPLE = {"service_name": "api", "metric_type": "latency", "metric_value": 12.5, "unit": "ms"}


async def record_metric(store: Store, call: Call[None, NewMetric]) -> Answer:
    """Record a metric. A metric without a timestamp gets the current time.

    A timestamp may lie in the future by as much as the service is configured to accept, a day by default.
    """
    _check_timestamps([call.body], store.settings.metrics_ahead_seconds, alone=True)
    metric = await store.metrics.record(call.body, call.idempotency)
    return answer.from_json(201, metric.body)


async def record_metric_batch(store: Store, call: Call[None, list[NewMetric]]) -> Answer:
    """Record a batch of up to 5000 metrics. Either all of them are recorded or none.

    The response to an empty batch is an empty array. A timestamp may lie in the future by as much as the service is
    configured to accept, a day by default.
    """
    _check_timestamps(call.body, store.settings.metrics_ahead_seconds, alone=False)
    metrics = await store.metrics.record_batch(call.body, call.idempotency)
    return answer.from_json(201, metrics.body)


async def list_metrics(store: Store, call: Call[MetricsQuery, None]) -> Answer:
    """List the metrics of a time range, newest first. Both start_time and end_time are inclusive.

    A page is cut before it grows beyond 16 MiB; the Link header leads to the rest. Metrics that have left the database
    for the archive are not in the list: X-Archived-Range tells where in the range they lie, X-Archived-Rows how many
    they are at most.
    """
    query = call.parameters
    pages.check_start(query)
    page = await store.metrics.find(query)
    response = pages.answer_page(call, page)
    response.raw_headers += archived_range.headers(page.archived)
    return response


async def aggregate_metrics(store: Store, call: Call[AggregateQuery, None]) -> Answer:
    """Aggregate the metrics of a time range by hour, day or ISO week in UTC, oldest interval first.

    Each interval has its average, minimum, maximum and count; an interval without metrics is omitted. On request, each
    interval and the whole range have percentiles and a comparison with an earlier range.
    """
    series = await store.metrics.aggregate(call.parameters)
    return answer.from_json(200, series.body)


async def prepare_percentiles(store: Store, _: Call[None, None]) -> Answer:
    """Fold the hours that ended into rollups, and prepare percentiles. Called by Cloud Scheduler."""
    made = await store.metrics.sketch()
    await store.schedules.note_success(schedules.SKETCH_METRICS)
    return answer.from_value(200, {"status": "success", "message": f"{made} sketches made"})


def _check_timestamps(metrics: Sequence[NewMetric], ahead_seconds: int, *, alone: bool) -> None:
    """Raise Problem 422 for metrics of too far in the future, which retention would never reach."""
    latest = datetime.now(UTC) + timedelta(seconds=ahead_seconds)

    def find_errors() -> Iterator[FieldError]:
        for index, metric in enumerate(metrics):
            if metric.timestamp is not None and metric.timestamp > latest:
                message = f"lies more than {ahead_seconds} s in the future"
                yield FieldError("timestamp" if alone else f"[{index}].timestamp", message)

    if errors := list(islice(find_errors(), MAX_ERRORS)):
        raise invalid(*errors)


ROUTES = (
    Route(
        method="POST",
        path=PATH,
        handler=record_metric,
        access=require_scope(WRITE),
        body=NewMetric,
        status=201,
        answer=views.Metric,
        headers=(IDEMPOTENCY_KEY,),
        example=EXAMPLE,
    ),
    Route(
        method="POST",
        path=f"{PATH}/batch",
        handler=record_metric_batch,
        access=require_scope(WRITE),
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
        handler=list_metrics,
        access=require_scope(READ),
        parameters=MetricsQuery,
        answer=list[views.Metric],
        answer_headers=(LINK, ARCHIVED_RANGE, ARCHIVED_ROWS),
        problems=(400,),
    ),
    Route(
        method="GET",
        path=f"{PATH}/aggregate",
        handler=aggregate_metrics,
        access=require_scope(READ),
        parameters=AggregateQuery,
        answer=views.Aggregate,
        problems=(400,),
    ),
    Route(method="POST", path=f"{PATH}/sketches", handler=prepare_percentiles, access=MAINTENANCE, answer=views.Done),
)
