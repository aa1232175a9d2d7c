"""Conversion of histograms to Cloud Monitoring's distributions, whose buckets are wider. In milliseconds."""

import math
from typing import NamedTuple

from utxoiq_persistence.figures import GAMMA, Histogram, middle

# So many of our buckets make one of theirs, 10 % wider than the one before. The API accepts 200 buckets.
MERGED = 5
# The finite buckets range from 10 µs to 53 minutes; one bucket each has what is below and above.
FIRST = 115
FINITE_BUCKETS = 198
GROWTH = GAMMA**MERGED
SCALE = GAMMA**FIRST / 1000


class Distribution(NamedTuple):
    """A distribution as Cloud Monitoring stores it, in milliseconds.

    Attributes:
        total: The number of values.
        mean: Their mean.
        squared_deviation: The sum of their squared deviations, by the middles of our buckets.
        bucket_counts: The values in each bucket, without the empty buckets at the end.
    """

    total: int
    mean: float
    squared_deviation: float
    bucket_counts: list[int]


def from_histogram(histogram: Histogram) -> Distribution:
    """Return the histogram, whose values are in seconds, as a distribution in milliseconds."""
    counts = [0] * (FINITE_BUCKETS + 2)
    for index, count in histogram.buckets.items():
        counts[min(max(0, math.ceil((index - FIRST) / MERGED)), FINITE_BUCKETS + 1)] += count
    total = sum(counts)
    if total == 0:
        return Distribution(0, 0.0, 0.0, [])
    while counts[-1] == 0:
        counts.pop()
    mean = 1000 * histogram.total / total
    deviation = sum(count * (1000 * middle(index) - mean) ** 2 for index, count in histogram.buckets.items())
    return Distribution(total, mean, deviation if total > 1 else 0.0, counts)
