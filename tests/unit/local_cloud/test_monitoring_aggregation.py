"""What aligners and reducers make of series, gaps and resets among them."""

import math
import random
from pathlib import Path

import pytest
from tests.unit.local_cloud.monitored import START, Monitored, chosen, identity

from local_cloud.google.monitoring import distributions
from local_cloud.google.monitoring.aggregation import Aggregation, BadAggregation, apply_stages, split_periods
from local_cloud.google.monitoring.filters import Field, Filter
from local_cloud.google.monitoring.points import Distribution, Identity, MetricKind, Point, Value, ValueType
from local_cloud.google.monitoring.store import TimeSeries

MINUTE = 60.0


def series(kind: MetricKind, *points: Point, value_type: ValueType = ValueType.DOUBLE, **labels: str) -> TimeSeries:
    made = TimeSeries(identity("sales", labels=labels), kind, value_type)
    for point in points:
        made.append(point)
    return made


def gauges(*values: float) -> TimeSeries:
    """A value each 10 seconds."""
    ends = [START + 10 * (index + 1) for index in range(len(values))]
    return series(MetricKind.GAUGE, *(Point(end, end, value) for end, value in zip(ends, values, strict=True)))


def aligned(aligner: str, one: TimeSeries, end: float, period: float = MINUTE) -> Value | None:
    made = Aggregation(period, aligner).apply([one], [end])
    return made[0][-1].value if made else None


@pytest.mark.parametrize(
    ("aligner", "value"),
    [
        ("ALIGN_MEAN", 3.5),
        ("ALIGN_MAX", 6),
        ("ALIGN_MIN", 1),
        ("ALIGN_SUM", 21),
        ("ALIGN_COUNT", 6),
        ("ALIGN_NEXT_OLDER", 6),
        ("ALIGN_STDDEV", 1.707825127659933),
    ],
)
def test_a_gauge_is_aligned(aligner: str, value: float) -> None:
    one = gauges(1, 2, 3, 4, 5, 6)
    assert aligned(aligner, one, START + MINUTE) == pytest.approx(value)
    assert aligned(aligner, one, START + 3 * MINUTE) is None


def test_a_counter_is_aligned_across_a_restart() -> None:
    counter = series(
        MetricKind.CUMULATIVE,
        Point(START, START + 60, 10),
        Point(START, START + 120, 25),
        Point(START + 130, START + 180, 4),
    )
    at = [aligned("ALIGN_DELTA", counter, START + end) for end in (60, 120, 180)]
    assert at == [10, 15, 4]
    assert aligned("ALIGN_RATE", counter, START + 120) == pytest.approx(15 / 60)
    assert aligned("ALIGN_DELTA", counter, START + 180, period=180) == 29


def test_what_was_counted_in_a_gap_is_no_burst() -> None:
    counter = series(MetricKind.CUMULATIVE, Point(START, START + 60, 0), Point(START, START + 660, 100))
    assert aligned("ALIGN_DELTA", counter, START + 660) == pytest.approx(10)
    assert aligned("ALIGN_DELTA", counter, START + 660, period=600) == pytest.approx(100)


def test_percent_change_is_against_the_period_before() -> None:
    assert aligned("ALIGN_PERCENT_CHANGE", gauges(2, 2, 3, 3), START + 40, period=20) == 50
    assert aligned("ALIGN_PERCENT_CHANGE", gauges(0, 0, 3, 3), START + 40, period=20) == math.inf


def test_booleans_are_counted() -> None:
    passed = series(
        MetricKind.GAUGE,
        *(Point(START + at, START + at, float(at != 2)) for at in (1, 2, 3, 4)),
        value_type=ValueType.BOOL,
    )
    by = {name: aligned(f"ALIGN_{name}", passed, START + 4) for name in ("COUNT_TRUE", "COUNT_FALSE", "FRACTION_TRUE")}
    assert by == {"COUNT_TRUE": 3, "COUNT_FALSE": 1, "FRACTION_TRUE": 0.75}


def test_an_aligner_fits_the_metric() -> None:
    for aligner, kind, value_type in (
        ("ALIGN_RATE", MetricKind.GAUGE, ValueType.DOUBLE),
        ("ALIGN_MEAN", MetricKind.CUMULATIVE, ValueType.INT64),
        ("ALIGN_PERCENTILE_99", MetricKind.CUMULATIVE, ValueType.DISTRIBUTION),
        ("ALIGN_MEAN", MetricKind.GAUGE, ValueType.BOOL),
    ):
        with pytest.raises(
            BadAggregation, match=f"{aligner} cannot be applied to a metric that is {kind} {value_type}"
        ):
            Aggregation(MINUTE, aligner).result(kind, value_type)
    for aggregation, why in (
        (("ALIGN_MEDIAN", "REDUCE_NONE"), "ALIGN_MEDIAN"),
        (("ALIGN_MEAN", "REDUCE_MEDIAN"), "REDUCE_MEDIAN"),
        (("ALIGN_NONE", "REDUCE_SUM"), "needs an aligner"),
    ):
        with pytest.raises(BadAggregation, match=why):
            Aggregation(MINUTE, *aggregation)


def test_series_are_reduced_to_one_for_each_group(tmp_path: Path) -> None:
    monitored = Monitored(tmp_path)
    for job, status, value in (("a", "200", 1), ("a", "500", 2), ("b", "200", 4)):
        monitored.gauge("sales", value, job=job, status=status)
    found = monitored.store.matching(Filter.parse(chosen("sales")))
    by_job = Aggregation(MINUTE, "ALIGN_MAX", "REDUCE_SUM", (Field.parse("resource.label.job"),)).apply(found, [START])
    assert {dict(one.identity.resource_labels)["job"]: one[-1].value for one in by_job} == {"a": 3, "b": 4}
    assert all(dict(one.identity.resource_labels).keys() == {"job", "project_id"} for one in by_job)
    (whole,) = Aggregation(MINUTE, "ALIGN_MAX", "REDUCE_MEAN").apply(found, [START])
    assert whole[-1].value == pytest.approx(7 / 3)
    assert whole.identity.metric_labels == ()


def test_reducers() -> None:
    inputs = [gauges(value) for value in (1, 2, 3, 10)]
    for reducer, value in (
        ("REDUCE_MIN", 1),
        ("REDUCE_MAX", 10),
        ("REDUCE_COUNT", 4),
        ("REDUCE_PERCENTILE_50", 2.5),
        ("REDUCE_PERCENTILE_95", 8.95),
    ):
        (reduced,) = Aggregation(MINUTE, "ALIGN_MAX", reducer).apply(inputs, [START + 10])
        assert reduced[-1].value == pytest.approx(value), reducer


def test_a_second_aggregation_is_of_what_the_first_one_makes() -> None:
    counter = series(MetricKind.CUMULATIVE, *(Point(START, START + 60 * n, n * n) for n in range(1, 6)))
    stages = [Aggregation(MINUTE, "ALIGN_RATE"), Aggregation(5 * MINUTE, "ALIGN_MAX")]
    (one,) = apply_stages(stages, [counter], START + 300)
    assert one[-1].value == pytest.approx((25 - 16) / 60)


def test_periods_end_where_the_interval_ends() -> None:
    assert split_periods(START, START + 185, 60) == [START + 65, START + 125, START + 185]


def bucketed(values: list[float], bounds: tuple[float, ...]) -> Distribution:
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[sum(value >= bound for bound in bounds)] += 1
    return Distribution(len(values), sum(values) / len(values), bounds, tuple(counts))


def test_percentiles_of_merged_distributions_are_near_the_exact_ones() -> None:
    shuffled = random.Random(3)  # noqa: S311
    bounds = tuple(1.1**index for index in range(80))
    samples = [[shuffled.lognormvariate(3, 0.7) for _ in range(2000)] for _ in range(5)]
    merged = distributions.merge([bucketed(some, bounds) for some in samples])
    ordered = sorted(value for some in samples for value in some)
    for percent in (50, 95, 99):
        exact = ordered[int(len(ordered) * percent / 100)]
        assert distributions.estimate_percentile(merged, percent) == pytest.approx(exact, rel=0.05)
    assert merged.mean == pytest.approx(sum(ordered) / len(ordered))


def test_distributions_of_other_bounds_merge() -> None:
    coarse, fine = bucketed([5.0] * 10, (0.0, 10.0)), bucketed([2.0] * 10, (0.0, 5.0, 10.0))
    merged = distributions.merge([coarse, fine])
    assert (merged.count, merged.bounds, merged.counts) == (20, (0.0, 5.0, 10.0), (0, 15, 5, 0))


def test_a_cumulative_distribution_is_asked_for_what_it_gained(tmp_path: Path) -> None:
    monitored = Monitored(tmp_path)
    bounds = (0.0, 100.0, 200.0, 400.0)
    slow = [50.0] * 100
    for minute in range(1, 4):
        monitored.clock.now = START + 60 * minute
        monitored.cumulative("durations", bucketed(slow, bounds))
        slow += [300.0] * 10
    (found,) = monitored.store.matching(Filter.parse(chosen("durations")))
    reduced = Aggregation(60, "ALIGN_DELTA", "REDUCE_PERCENTILE_50").apply([found], [START + 60, START + 120])
    assert [point.value for point in reduced[0].points(0, START + 999)] == [pytest.approx(50), pytest.approx(300)]


def test_an_idle_distribution_has_no_percentile() -> None:
    same = bucketed([1.0], (0.0, 2.0))
    idle = TimeSeries(Identity("x", (), "global", ()), MetricKind.CUMULATIVE, ValueType.DISTRIBUTION)
    for minute in (1, 2):
        idle.append(Point(START, START + 60 * minute, same))
    assert Aggregation(60, "ALIGN_DELTA", "REDUCE_PERCENTILE_95").apply([idle], [START + 120]) == []
