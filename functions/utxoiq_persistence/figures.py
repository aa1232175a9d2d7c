"""What one instance counts, from its start on, in a form that merges with other instances'."""

from collections.abc import Iterable
from math import ceil, log

from msgspec import Struct, field

SLOW_SECONDS = 0.2
GAMMA = 1.02
# What the clock can tell; less counts as this.
_FLOOR = 1e-9
_PER_LOG = 1 / log(GAMMA)
_OF_MICROSECOND = log(1e6) * _PER_LOG


class Histogram(Struct):
    """Durations in buckets that grow by 2 %, so that a quantile is within 1 % of the exact one, also when merged.

    total: seconds. buckets: index to count; bucket i holds (GAMMA^(i-1), GAMMA^i] microseconds.
    """

    count: int = 0
    total: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        bucket = ceil(log(seconds if seconds > _FLOOR else _FLOOR) * _PER_LOG + _OF_MICROSECOND)
        try:
            self.buckets[bucket] += 1
        except KeyError:
            self.buckets[bucket] = 1

    def merge(self, other: "Histogram") -> None:
        self.count += other.count
        self.total += other.total
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def quantile(self, share: float) -> float | None:
        """Seconds below which that share (0..1) of the durations lies; None of nothing."""
        rank = ceil(share * self.count)
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return middle(bucket)
        return None


def middle(bucket: int) -> float:
    """The seconds that are equally far, in proportion, from both ends of a bucket."""
    return 2 * GAMMA**bucket / (GAMMA + 1) / 1e6


class QueryFigures(Struct):
    """One statement's runs, of which errors failed, slow took more than SLOW_SECONDS and did not fail."""

    errors: int = 0
    slow: int = 0
    durations: Histogram = field(default_factory=Histogram)

    def add(self, seconds: float, failed: bool) -> None:
        if failed:
            self.errors += 1
        elif seconds > SLOW_SECONDS:
            self.slow += 1
        self.durations.add(seconds)

    @property
    def fast(self) -> int:
        return self.durations.count - self.slow - self.errors

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

    @property
    def utilization(self) -> float:
        """The share (0..1) of what it may open that is in use."""
        return self.checked_out / max(1, self.size + self.max_overflow)

    def merge(self, other: "PoolFigures") -> None:
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class RequestFigures(Struct):
    """Requests to one route. statuses: status to count."""

    statuses: dict[str, int] = field(default_factory=dict)
    durations: Histogram = field(default_factory=Histogram)

    def add(self, status: int, seconds: float) -> None:
        key = str(status)
        try:
            self.statuses[key] += 1
        except KeyError:
            self.statuses[key] = 1
        self.durations.add(seconds)

    def merge(self, other: "RequestFigures") -> None:
        for status, count in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + count
        self.durations.merge(other.durations)


class LookupFigures(Struct):
    """How lookups ended, each in one way: in the process, in Redis, in neither, or without Redis' answer."""

    memory: int = 0
    redis: int = 0
    misses: int = 0
    errors: int = 0

    @property
    def count(self) -> int:
        return self.memory + self.redis + self.misses + self.errors

    def merge(self, other: "LookupFigures") -> None:
        self.memory += other.memory
        self.redis += other.redis
        self.misses += other.misses
        self.errors += other.errors


class CacheFigures(Struct):
    """groups: lookups by what was looked up. evictions: entries the process had no room for any more.

    failed_writes: entries and changes that Redis could not be told.
    """

    groups: dict[str, LookupFigures] = field(default_factory=dict)
    evictions: int = 0
    failed_writes: int = 0

    def group(self, name: str) -> LookupFigures:
        found = self.groups.get(name)
        if found is None:
            found = self.groups[name] = LookupFigures()
        return found

    def merge(self, other: "CacheFigures") -> None:
        for name, lookups in other.groups.items():
            self.group(name).merge(lookups)
        self.evictions += other.evictions
        self.failed_writes += other.failed_writes


class InstanceFigures(Struct):
    """All that an instance publishes. started_at, published_at: in seconds of time.time().

    replica: the pool of connections to the replica, where there is one. checkouts: waits for a usable connection, of
    both pools; queries, by statement, are of both as well. requests: by method and path template. ended: the instance
    has closed, and these are its last figures.
    """

    function: str
    instance: str
    started_at: float
    published_at: float
    pool: PoolFigures
    queries: dict[str, QueryFigures]
    replica: PoolFigures | None = None
    checkouts: Histogram = field(default_factory=Histogram)
    requests: dict[str, RequestFigures] = field(default_factory=dict)
    cache: CacheFigures = field(default_factory=CacheFigures)
    ended: bool = False

    @property
    def pools(self) -> list[PoolFigures]:
        return [self.pool] if self.replica is None else [self.pool, self.replica]


def merged_pool(figures: Iterable[InstanceFigures]) -> PoolFigures:
    """Of the primary's pools."""
    total = PoolFigures()
    for one in figures:
        total.merge(one.pool)
    return total


def merged_replica(figures: Iterable[InstanceFigures]) -> PoolFigures | None:
    """Of the replica's pools; None where nobody has one."""
    total: PoolFigures | None = None
    for one in figures:
        if one.replica is not None:
            total = total or PoolFigures()
            total.merge(one.replica)
    return total


def merged_checkouts(figures: Iterable[InstanceFigures]) -> Histogram:
    total = Histogram()
    for one in figures:
        total.merge(one.checkouts)
    return total


def merged_queries(figures: Iterable[InstanceFigures]) -> dict[str, QueryFigures]:
    total: dict[str, QueryFigures] = {}
    for one in figures:
        for name, query in one.queries.items():
            total.setdefault(name, QueryFigures()).merge(query)
    return total


def merged_requests(figures: Iterable[InstanceFigures]) -> dict[str, RequestFigures]:
    total: dict[str, RequestFigures] = {}
    for one in figures:
        for route, requests in one.requests.items():
            total.setdefault(route, RequestFigures()).merge(requests)
    return total


def merged_cache(figures: Iterable[InstanceFigures]) -> CacheFigures:
    total = CacheFigures()
    for one in figures:
        total.merge(one.cache)
    return total
