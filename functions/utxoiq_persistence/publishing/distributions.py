"""Histograms as Cloud Monitoring's distributions: exponential buckets, each of several of ours. In milliseconds."""

import math
from typing import NamedTuple

from utxoiq_persistence.figures import GAMMA, Histogram, middle

# A bucket is 10 % wider than the one before. The API takes 200.
MERGED = 5
# From 10 µs to 53 minutes; what is below and above has a bucket of its own.
FIRST = 115
FINITE_BUCKETS = 198
GROWTH = GAMMA**MERGED
SCALE = GAMMA**FIRST / 1000


class Distribution(NamedTuple):
    """bucket_counts: without the empty ones at the end. squared_deviation: the sum, by the middles of our buckets."""

    total: int
    mean: float
    squared_deviation: float
    bucket_counts: list[int]


def of_histogram(histogram: Histogram) -> Distribution:
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
