import random

import msgspec
import pytest

from utxoiq_persistence.figures import (
    Histogram,
    InstanceFigures,
    PoolFigures,
    QueryFigures,
    merged_pool,
    merged_queries,
)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 0.99, 1.0])
def test_quantiles_of_merged_histograms_are_within_one_percent(share: float) -> None:
    chance = random.Random(3)  # noqa: S311
    durations = [chance.lognormvariate(-6, 2) for _ in range(5000)]
    parts = [Histogram() for _ in range(7)]
    for place, seconds in enumerate(durations):
        parts[place % 7].add(seconds)
    whole = Histogram()
    for part in parts:
        whole.merge(msgspec.msgpack.decode(msgspec.msgpack.encode(part), type=Histogram))
    exact = sorted(durations)[max(0, round(share * len(durations)) - 1)]
    # What is below a microsecond counts as one.
    assert whole.quantile(share) == pytest.approx(max(exact, 1e-6), rel=0.01)
    assert whole.count == 5000
    assert whole.total == pytest.approx(sum(durations))


def test_there_are_no_quantiles_of_nothing() -> None:
    assert Histogram().quantile(0.5) is None


def test_durations_of_nothing_and_of_hours_are_counted() -> None:
    histogram = Histogram()
    for seconds in (0.0, 1e-9, 7200.0):
        histogram.add(seconds)
    assert histogram.count == 3
    assert histogram.quantile(1.0) == pytest.approx(7200, rel=0.01)


def test_instances_add_up() -> None:
    queries = QueryFigures()
    queries.add(0.3, failed=True)
    queries.add(0.1, failed=False)
    one = InstanceFigures("f", "1", 0.0, PoolFigures(size=10, checked_in=2, waiting=1), {"a": queries})
    two = InstanceFigures("f", "2", 0.0, PoolFigures(size=10, checked_out=3), {"a": queries, "b": queries})
    assert merged_pool([one, two]) == PoolFigures(size=20, checked_in=2, checked_out=3, waiting=1)
    merged = merged_queries([one, two])
    assert {name: (figures.durations.count, figures.slow, figures.errors) for name, figures in merged.items()} == {
        "a": (4, 2, 2),
        "b": (2, 1, 1),
    }
    assert queries.durations.count == 2
