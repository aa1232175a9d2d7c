import math
import random
import statistics

import pytest

from utxoiq_persistence.figures import Histogram
from utxoiq_persistence.publishing import distributions
from utxoiq_persistence.publishing.distributions import FINITE_BUCKETS, GROWTH, SCALE, Distribution


def of(durations: list[float]) -> Distribution:
    histogram = Histogram()
    for seconds in durations:
        histogram.add(seconds)
    return distributions.from_histogram(histogram)


def percentile(distribution: Distribution, share: float) -> float:
    """As Cloud Monitoring estimates it: as if all in a bucket were spread evenly."""
    rank, below = share * distribution.total, 0
    for bucket, count in enumerate(distribution.bucket_counts):
        if below + count >= rank:
            lower = SCALE * GROWTH ** (bucket - 1)
            return lower + (rank - below) / count * (lower * GROWTH - lower)
        below += count
    raise AssertionError("a share is of the whole")


@pytest.mark.parametrize("typical", [0.0002, 0.01, 0.2, 8.0], ids=str)
@pytest.mark.parametrize("share", [0.5, 0.95, 0.99], ids=str)
def test_a_percentile_is_near_the_exact_one(typical: float, share: float) -> None:
    chance = random.Random(f"{typical} {share}")  # noqa: S311
    durations = sorted(chance.lognormvariate(math.log(typical), 1) for _ in range(20_000))
    exact = 1000 * durations[math.ceil(share * len(durations)) - 1]
    assert percentile(of(durations), share) == pytest.approx(exact, rel=0.06)


def test_count_and_mean_are_exact_and_the_deviation_is_near() -> None:
    chance = random.Random(7)  # noqa: S311
    durations = [chance.expovariate(20) for _ in range(5000)]
    distribution = of(durations)
    milliseconds = [1000 * seconds for seconds in durations]
    assert distribution.total == sum(distribution.bucket_counts) == 5000
    assert distribution.mean == pytest.approx(statistics.fmean(milliseconds))
    assert distribution.squared_deviation == pytest.approx(5000 * statistics.pvariance(milliseconds), rel=0.01)


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 0.0095, 0.2, 59.0, 3000.0, 86400.0], ids=str)
def test_a_duration_is_in_the_bucket_whose_bounds_it_lies_in(seconds: float) -> None:
    counts = of([seconds]).bucket_counts
    bucket = len(counts) - 1
    lower = SCALE * GROWTH ** (bucket - 1) if bucket else 0.0
    upper = SCALE * GROWTH**bucket if bucket <= FINITE_BUCKETS else math.inf
    assert (counts[-1], sum(counts)) == (1, 1)
    assert lower <= 1000 * seconds <= upper


def test_the_buckets_reach_from_microseconds_to_the_longest_request_and_are_no_more_than_the_api_takes() -> None:
    assert SCALE < 0.01
    assert SCALE * GROWTH**FINITE_BUCKETS > 1000 * 1800
    assert FINITE_BUCKETS + 2 <= 200


def test_nothing_is_a_distribution_too() -> None:
    assert of([]) == (0, 0.0, 0.0, [])


def test_one_has_no_deviation() -> None:
    assert of([0.1]).squared_deviation == 0
