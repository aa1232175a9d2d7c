"""Conversion of figures to time series: of each instance, and of the system as a whole."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from utxoiq_persistence.figures import CacheFigures, Histogram, InstanceFigures, PoolFigures, QueryFigures
from utxoiq_persistence.publishing import published_metrics as metrics
from utxoiq_persistence.publishing.published_metrics import PublishedMetric

# The task of series that belong to no instance.
WHOLE_SYSTEM = "fleet"


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One point of one time series.

    Attributes:
        metric: The metric.
        value: The point's value.
        values: The values of the metric's labels, in their order.
        job: The function, None for the system as a whole.
        task: The instance.
        start: Since when it counts, in seconds since 1970; None for a gauge.
    """

    metric: PublishedMetric
    value: float | Histogram
    values: tuple[str, ...] = ()
    job: str | None = None
    task: str = WHOLE_SYSTEM
    start: float | None = None


def build_fleet_series(fleet: Iterable[InstanceFigures]) -> Iterator[SeriesPoint]:
    """Yield the series of every instance, and how many instances each function has."""
    instances: Counter[str] = Counter()
    for one in fleet:
        instances[one.function] += not one.ended
        yield from build_instance_series(one)
    for function, count in instances.items():
        yield SeriesPoint(metrics.FLEET_INSTANCES, count, (function,))


def build_instance_series(one: InstanceFigures) -> Iterator[SeriesPoint]:
    """Yield the instance's series; if it has ended, only what it counted."""
    for metric, values, value in _values(one):
        if metric.kind == "CUMULATIVE":
            yield SeriesPoint(metric, value, values, one.function, one.instance, one.started_at)
        elif not one.ended:
            yield SeriesPoint(metric, value, values, one.function, one.instance)


Value = tuple[PublishedMetric, tuple[str, ...], float | Histogram]


def _values(one: InstanceFigures) -> Iterator[Value]:
    yield from _pools(one.pools)
    yield metrics.POOL_CHECKOUT_LATENCIES, (), one.checkouts
    yield from _queries(one.queries)
    for name, request in one.requests.items():
        method, _, route = name.partition(" ")
        for status, count in request.statuses.items():
            yield metrics.REQUEST_COUNT, (method, route, status), count
        yield metrics.REQUEST_LATENCIES, (method, route), request.durations
    yield from _cache(one.cache)


def _pools(pools: Sequence[PoolFigures]) -> Iterator[Value]:
    """Yield the connections of all pools, and the utilization of the fullest one."""
    pool = PoolFigures()
    for one in pools:
        pool.merge(one)
    yield metrics.POOL_UTILIZATION, (), 100 * max(one.utilization for one in pools)
    yield metrics.POOL_CONNECTIONS, ("in_use",), pool.checked_out
    yield metrics.POOL_CONNECTIONS, ("idle",), pool.checked_in
    yield metrics.POOL_CONNECTIONS, ("overflow",), pool.overflow
    yield metrics.POOL_WAITING, (), pool.waiting
    yield metrics.POOL_TIMEOUTS, (), pool.timeouts


def _queries(queries: dict[str, QueryFigures]) -> Iterator[Value]:
    total = QueryFigures()
    for statement, query in queries.items():
        total.merge(query)
        yield metrics.QUERY_LATENCIES, (statement,), query.durations
    yield metrics.QUERY_COUNT, ("fast",), total.fast
    yield metrics.QUERY_COUNT, ("slow",), total.slow
    yield metrics.QUERY_COUNT, ("error",), total.errors


def _cache(cache: CacheFigures) -> Iterator[Value]:
    for group, lookups in cache.groups.items():
        yield metrics.CACHE_LOOKUPS, (group, "memory"), lookups.memory
        yield metrics.CACHE_LOOKUPS, (group, "redis"), lookups.redis
        yield metrics.CACHE_LOOKUPS, (group, "miss"), lookups.misses
        yield metrics.CACHE_LOOKUPS, (group, "error"), lookups.errors
    yield metrics.CACHE_EVICTIONS, (), cache.evictions
    yield metrics.CACHE_FORGED, (), cache.forged
