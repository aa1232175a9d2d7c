"""Distributions added, subtracted, and asked for a percentile."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from local_cloud.google.monitoring.points import Distribution

EMPTY = Distribution(0, 0.0, (), (0,))


def merge(parts: Sequence[Distribution]) -> Distribution:
    """Return all values of several distributions in one."""
    parts = [part for part in parts if part.count]
    if not parts:
        return EMPTY
    if len(parts) == 1:
        return parts[0]
    bounds = parts[0].bounds
    if any(part.bounds is not bounds and part.bounds != bounds for part in parts):
        bounds = tuple(sorted({bound for part in parts for bound in part.bounds}))
        parts = [_split(part, bounds) for part in parts]
    count = sum(part.count for part in parts)
    mean = sum(part.mean * part.count for part in parts) / count
    return Distribution(count, mean, bounds, tuple(map(sum, zip(*(part.counts for part in parts), strict=True))))


def subtract(later: Distribution, earlier: Distribution) -> Distribution:
    """Return what a cumulative distribution gained. Other bounds are a new beginning."""
    if later is earlier:
        return EMPTY
    if later.bounds != earlier.bounds or not earlier.count:
        return later
    count = later.count - earlier.count
    if count <= 0:
        return EMPTY
    mean = (later.mean * later.count - earlier.mean * earlier.count) / count
    counts = tuple(max(0, new - old) for new, old in zip(later.counts, earlier.counts, strict=True))
    return Distribution(count, mean, later.bounds, counts)


def estimate_percentile(distribution: Distribution, percent: float) -> float | None:
    """Return a percentile by interpolation within its bucket, as Google does; None of an empty distribution."""
    if not distribution.count:
        return None
    rank = distribution.count * percent / 100
    below = 0.0
    bounds = distribution.bounds
    for index, count in enumerate(distribution.counts):
        if count and below + count >= rank:
            if not bounds:
                return distribution.mean
            low = bounds[index - 1] if index else min(0.0, bounds[0])
            high = bounds[index] if index < len(bounds) else low
            return low + (high - low) * (rank - below) / count
        below += count
    return bounds[-1] if bounds else distribution.mean


def _split(part: Distribution, bounds: tuple[float, ...]) -> Distribution:
    """Return a distribution over finer bounds: what lies in a bucket lies evenly in it."""
    counts = [0.0] * (len(bounds) + 1)
    for index, count in enumerate(part.counts):
        if not count:
            continue
        first = bisect_left(bounds, part.bounds[index - 1]) + 1 if index else 0
        last = bisect_left(bounds, part.bounds[index]) if index < len(part.bounds) else len(bounds)
        edges = [0.0 if at == 0 else bounds[at - 1] for at in range(first, last + 1)]
        if last == len(bounds) or bounds[last] <= edges[0]:
            counts[first] += count  # an open bucket, or one that has no width
            continue
        edges.append(bounds[last])
        width = edges[-1] - edges[0]
        for at, (low, high) in enumerate(pairwise(edges)):
            counts[first + at] += count * (high - low) / width
    return Distribution(part.count, part.mean, bounds, tuple(counts))
