"""What one instance counts of its pool and its queries, in a form that merges with other instances'."""

import math
from collections.abc import Iterable

from msgspec import Struct, field

SLOW_SECONDS = 0.2
_GAMMA = 1.02
_LOG_GAMMA = math.log(_GAMMA)


class Histogram(Struct):
    """Durations in buckets that grow by 2 %, so that a quantile is within 1 % of the exact one, also when merged.

    buckets: index to count; bucket i holds (gamma^(i-1), gamma^i] microseconds.
    """

    count: int = 0
    total: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        bucket = math.ceil(math.log(max(seconds * 1e6, 1.0)) / _LOG_GAMMA)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: "Histogram") -> None:
        self.count += other.count
        self.total += other.total
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def quantile(self, share: float) -> float | None:
        """Seconds below which that share (0..1) of the durations lies; None of nothing."""
        rank = math.ceil(share * self.count)
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return 2 * _GAMMA**bucket / (_GAMMA + 1) / 1e6
        return None


class QueryFigures(Struct):
    """One statement's runs. slow: those over SLOW_SECONDS."""

    errors: int = 0
    slow: int = 0
    durations: Histogram = field(default_factory=Histogram)

    def add(self, seconds: float, failed: bool) -> None:
        self.errors += failed
        self.slow += seconds > SLOW_SECONDS
        self.durations.add(seconds)

    def merge(self, other: "QueryFigures") -> None:
        self.errors += other.errors
        self.slow += other.slow
        self.durations.merge(other.durations)


class PoolFigures(Struct):
    """A pool at one moment. size: connections it keeps; overflow: open beyond those; waiting: requests without one."""

    size: int = 0
    max_overflow: int = 0
    checked_in: int = 0
    checked_out: int = 0
    overflow: int = 0
    waiting: int = 0
    timeouts: int = 0

    def merge(self, other: "PoolFigures") -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class InstanceFigures(Struct):
    """All that an instance publishes. published_at: in seconds of time.time()."""

    function: str
    instance: str
    published_at: float
    pool: PoolFigures
    queries: dict[str, QueryFigures]


def merged_pool(figures: Iterable[InstanceFigures]) -> PoolFigures:
    total = PoolFigures()
    for one in figures:
        total.merge(one.pool)
    return total


def merged_queries(figures: Iterable[InstanceFigures]) -> dict[str, QueryFigures]:
    total: dict[str, QueryFigures] = {}
    for one in figures:
        for name, query in one.queries.items():
            total.setdefault(name, QueryFigures()).merge(query)
    return total
