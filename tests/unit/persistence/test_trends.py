"""Percentiles of merged sketches, and ranges to compare with."""

import math
import random
from datetime import UTC, datetime, timedelta, timezone

import pytest

from utxoiq_persistence.errors import RuleBroken
from utxoiq_persistence.metrics import trends
from utxoiq_persistence.records import AggregateQuery, Earlier, Interval

START = datetime(2026, 5, 11, tzinfo=UTC)


def key(value: float) -> int:
    """As metric_sketch_key."""
    if abs(value) <= 1e-280:
        return 0
    return int(math.copysign(40_000 + math.ceil(math.log(abs(value)) / 0.01980262729617973), value))


def sketch(values: list[float]) -> trends.Sketch:
    keys = sorted({key(value) for value in values})
    return keys, [sum(key(value) == one for value in values) for one in keys]


def test_percentiles_are_within_a_hundredth_however_the_values_are_parted() -> None:
    chance = random.Random(3)  # noqa: S311
    values = [chance.choice([0.0, 1.0, -1.0]) * chance.lognormvariate(0, 3) for _ in range(2000)]
    merged = trends._merge([sketch(values[part::7]) for part in range(7)])
    assert merged == sketch(values)
    figures = trends.Statistics(avg_value=0, min_value=min(values), max_value=max(values), count=len(values))
    trends._add_percentiles(figures, merged)
    ranked = sorted(values)
    exact = ranked[999], ranked[1899], ranked[1979]
    assert (figures.p50, figures.p95, figures.p99) == pytest.approx(exact, rel=0.01)


def test_nothing_is_known_where_a_part_is_not() -> None:
    assert trends._merge([sketch([1.0]), None]) is None
    assert trends._merge([]) is None


@pytest.mark.parametrize(
    ("interval", "compare", "length", "back"),
    [
        ("hour", "previous_period", timedelta(0), timedelta(hours=1)),
        ("day", "previous_period", timedelta(days=7) - timedelta(microseconds=1), timedelta(days=7)),
        ("day", "previous_period", timedelta(days=7), timedelta(days=7)),
        ("day", "previous_period", timedelta(days=7, microseconds=1), timedelta(days=8)),
        ("week", "previous_period", timedelta(days=30), timedelta(weeks=5)),
        ("week", "previous_week", timedelta(days=30), timedelta(weeks=1)),
        ("hour", "previous_year", timedelta(days=30), timedelta(weeks=52)),
    ],
)
def test_a_range_is_compared_with_one_that_lies_whole_intervals_back(
    interval: Interval, compare: Earlier, length: timedelta, back: timedelta
) -> None:
    elsewhere = timezone(timedelta(hours=9))
    query = AggregateQuery("s", "t", START.astimezone(elsewhere), START + length, interval, compare=compare)
    before = trends._shift_back(query)
    assert (before.start_time, before.end_time) == (START - back, START + length - back)


def test_before_the_first_year_there_is_no_time() -> None:
    first = datetime(1, 1, 7, tzinfo=UTC)
    with pytest.raises(RuleBroken):
        trends.check_comparison(AggregateQuery("s", "t", first, first, "day", compare="previous_week"))
    trends.check_comparison(AggregateQuery("s", "t", first, first, "day"))
