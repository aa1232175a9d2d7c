from collections.abc import Mapping

import pytest

from utxoiq_persistence.figures import (
    CacheFigures,
    Histogram,
    InstanceFigures,
    LookupFigures,
    PoolFigures,
    QueryFigures,
    RequestFigures,
)
from utxoiq_persistence.publishing import published_metrics as metrics
from utxoiq_persistence.publishing import time_series
from utxoiq_persistence.publishing.published_metrics import METRICS, PublishedMetric
from utxoiq_persistence.publishing.time_series import SeriesPoint

STARTED = 1_000_000.5


def instance(name: str = "i1", function: str = "metrics", *, ended: bool = False) -> InstanceFigures:
    query = QueryFigures()
    for seconds, failed in ((0.1, False), (0.3, False), (0.4, False), (0.5, True)):
        query.add(seconds, failed)
    requests = RequestFigures()
    for status in (200, 200, 503):
        requests.add(status, 0.01)
    return InstanceFigures(
        function,
        name,
        started_at=STARTED,
        published_at=STARTED + 60,
        pool=PoolFigures(size=5, max_overflow=5, checked_in=2, checked_out=4, overflow=1, waiting=3, timeouts=7),
        queries={"find": query, "rate": QueryFigures()},
        requests={"GET /api/{id}": requests},
        cache=CacheFigures({"jobs": LookupFigures(1, 2, 3, 4)}, evictions=9, forged=8),
        ended=ended,
    )


def numbers(series: list[SeriesPoint]) -> Mapping[tuple[PublishedMetric, tuple[str, ...]], float]:
    return {(one.metric, one.values): one.value for one in series if not isinstance(one.value, Histogram)}


def test_what_an_instance_counts() -> None:
    series = list(time_series.build_instance_series(instance()))
    assert numbers(series) == {
        (metrics.POOL_UTILIZATION, ()): 40,
        (metrics.POOL_CONNECTIONS, ("in_use",)): 4,
        (metrics.POOL_CONNECTIONS, ("idle",)): 2,
        (metrics.POOL_CONNECTIONS, ("overflow",)): 1,
        (metrics.POOL_WAITING, ()): 3,
        (metrics.POOL_TIMEOUTS, ()): 7,
        (metrics.QUERY_COUNT, ("fast",)): 1,
        (metrics.QUERY_COUNT, ("slow",)): 2,
        (metrics.QUERY_COUNT, ("error",)): 1,
        (metrics.REQUEST_COUNT, ("GET", "/api/{id}", "200")): 2,
        (metrics.REQUEST_COUNT, ("GET", "/api/{id}", "503")): 1,
        (metrics.CACHE_LOOKUPS, ("jobs", "memory")): 1,
        (metrics.CACHE_LOOKUPS, ("jobs", "redis")): 2,
        (metrics.CACHE_LOOKUPS, ("jobs", "miss")): 3,
        (metrics.CACHE_LOOKUPS, ("jobs", "error")): 4,
        (metrics.CACHE_EVICTIONS, ()): 9,
        (metrics.CACHE_FORGED, ()): 8,
    }
    distributions = {(one.metric, one.values): one.value for one in series if isinstance(one.value, Histogram)}
    assert {key: value.count for key, value in distributions.items()} == {
        (metrics.POOL_CHECKOUT_LATENCIES, ()): 0,
        (metrics.QUERY_LATENCIES, ("find",)): 4,
        (metrics.QUERY_LATENCIES, ("rate",)): 0,
        (metrics.REQUEST_LATENCIES, ("GET", "/api/{id}")): 3,
    }


def test_the_fullest_pool_of_an_instance_is_told_and_all_its_connections() -> None:
    with_replica = instance()
    with_replica.replica = PoolFigures(size=10, checked_out=9, timeouts=1)
    found = numbers(list(time_series.build_instance_series(with_replica)))
    assert found[metrics.POOL_UTILIZATION, ()] == 90
    assert found[metrics.POOL_CONNECTIONS, ("in_use",)] == 13
    assert found[metrics.POOL_TIMEOUTS, ()] == 8


def test_every_series_is_the_instances_and_counts_from_its_start() -> None:
    for one in time_series.build_instance_series(instance()):
        assert (one.job, one.task) == ("metrics", "i1")
        assert one.start == (STARTED if one.metric.kind == "CUMULATIVE" else None)


def test_an_instance_that_has_ended_still_tells_what_it_counted_and_is_no_more() -> None:
    ended = instance("gone", ended=True)
    assert {one.metric.kind for one in time_series.build_instance_series(ended)} == {"CUMULATIVE"}
    fleet = [instance("a"), ended, instance("b", "keys")]
    counts = [one for one in time_series.build_fleet_series(fleet) if one.metric == metrics.FLEET_INSTANCES]
    assert {one.values: one.value for one in counts} == {("metrics",): 1, ("keys",): 1}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_distributions_are_distributions_and_nothing_else_is(metric: PublishedMetric) -> None:
    found = [one for one in time_series.build_instance_series(instance()) if one.metric == metric]
    assert all(isinstance(one.value, Histogram) == (metric.value_type == "DISTRIBUTION") for one in found)
    assert all(len(one.values) == len(metric.labels) for one in found)
