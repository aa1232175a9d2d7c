import math
import random
from collections.abc import Callable

import msgspec
import pytest

from utxoiq_persistence.figures import (
    CacheFigures,
    Histogram,
    InstanceFigures,
    LookupFigures,
    PoolFigures,
    QueryFigures,
    RequestFigures,
    merge_caches,
    merge_checkouts,
    merge_pools,
    merge_queries,
    merge_replicas,
    merge_requests,
)

SAMPLES = 1_000_000
INSTANCES = 50
Draw = Callable[[random.Random], float]
DURATIONS: dict[str, Draw] = {
    "lognormal": lambda chance: chance.lognormvariate(-6, 2),
    "bimodal": lambda chance: chance.gauss(5, 0.5) if chance.random() < 0.015 else chance.gauss(1e-3, 1e-4),
    "heavy tail": lambda chance: 1e-4 * chance.paretovariate(1.1),
    "constant": lambda _: 0.2,
    "below a microsecond": lambda chance: chance.uniform(5e-9, 9e-7),
}


@pytest.mark.parametrize("name", DURATIONS)
def test_quantiles_of_a_million_durations_of_fifty_instances_are_within_two_percent(name: str) -> None:
    draw, chance = DURATIONS[name], random.Random(3)  # noqa: S311
    durations = [draw(chance) for _ in range(SAMPLES)]
    whole = Histogram()
    for instance in range(INSTANCES):
        part = Histogram()
        for seconds in durations[instance::INSTANCES]:
            part.add(seconds)
        whole.merge(msgspec.msgpack.decode(msgspec.msgpack.encode(part), type=Histogram))
    durations.sort()
    for share in (0.001, 0.5, 0.95, 0.99, 0.999, 1.0):
        exact = durations[math.ceil(share * SAMPLES) - 1]
        assert whole.quantile(share) == pytest.approx(exact, rel=0.02)
    assert whole.count == SAMPLES
    assert whole.total == pytest.approx(sum(durations))


def test_there_are_no_quantiles_of_nothing() -> None:
    assert Histogram().quantile(0.5) is None


def test_durations_of_nothing_and_of_hours_are_counted() -> None:
    histogram = Histogram()
    for seconds in (0.0, -1.0, 7200.0):
        histogram.add(seconds)
    assert histogram.count == 3
    assert histogram.quantile(0.5) == pytest.approx(1e-9, rel=0.02)
    assert histogram.quantile(1.0) == pytest.approx(7200, rel=0.02)


def test_a_query_is_fast_or_slow_or_failed() -> None:
    query = QueryFigures()
    for seconds, failed in ((0.1, False), (0.3, False), (0.3, True), (0.1, True)):
        query.add(seconds, failed)
    assert (query.durations.count, query.fast, query.slow, query.errors) == (4, 1, 1, 2)


def test_instances_add_up_and_stay_as_they_are() -> None:
    queries = QueryFigures()
    queries.add(0.3, failed=False)
    requests = RequestFigures()
    requests.add(200, 0.01)
    requests.add(503, 0.01)
    waits = Histogram()
    waits.add(0.5)
    one = InstanceFigures(
        "f",
        "1",
        0.0,
        0.0,
        PoolFigures(size=10, checked_in=2, waiting=1),
        {"a": queries},
        replica=PoolFigures(size=10, timeouts=1),
        checkouts=waits,
        requests={"GET /": requests},
        cache=CacheFigures({"jobs": LookupFigures(memory=1, errors=2)}, evictions=3),
    )
    two = InstanceFigures("f", "2", 0.0, 0.0, PoolFigures(size=10, checked_out=3), {"a": queries, "b": queries})
    two.requests, two.cache, two.checkouts = one.requests, one.cache, one.checkouts
    before = msgspec.msgpack.encode([one, two])
    both = [one, two]
    assert merge_pools(both) == PoolFigures(size=20, checked_in=2, checked_out=3, waiting=1)
    assert merge_replicas(both) == one.replica
    assert merge_replicas([two]) is None
    assert {name: (query.durations.count, query.slow) for name, query in merge_queries(both).items()} == {
        "a": (2, 2),
        "b": (1, 1),
    }
    assert merge_requests(both)["GET /"].statuses == {"200": 2, "503": 2}
    assert merge_requests(both)["GET /"].durations.count == 4
    assert merge_checkouts(both).total == 1
    assert merge_caches(both) == CacheFigures({"jobs": LookupFigures(memory=2, errors=4)}, evictions=6)
    assert msgspec.msgpack.encode(both) == before
