"""Figures that an instance counts from its start on, and that merge with those of other instances."""

from collections.abc import Iterable
from math import ceil, log

from msgspec import Struct, field

SLOW_SECONDS = 0.2
GAMMA = 1.02
# The clock's resolution, in seconds. A shorter duration counts as this.
_MIN_SECONDS = 1e-9
_BUCKETS_PER_LOG = 1 / log(GAMMA)
_MICROSECOND_OFFSET = log(1e6) * _BUCKETS_PER_LOG


class Histogram(Struct):
    """Counts durations in buckets that grow by 2 %, so that quantiles are within 1 % of the exact ones, merged or not.

    Attributes:
        count: The number of durations.
        total: Their sum in seconds.
        buckets: Counts by the bucket's index; bucket i holds durations in (GAMMA^(i-1), GAMMA^i] microseconds.
    """

    count: int = 0
    total: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.count += 1
        self.total += seconds
        bucket = ceil(log(seconds if seconds > _MIN_SECONDS else _MIN_SECONDS) * _BUCKETS_PER_LOG + _MICROSECOND_OFFSET)
        try:
            self.buckets[bucket] += 1
        except KeyError:
            self.buckets[bucket] = 1

    def merge(self, other: "Histogram") -> None:
        """Add the durations of another histogram."""
        self.count += other.count
        self.total += other.total
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def quantile(self, share: float) -> float | None:
        """Return the seconds below which that share (0 to 1) of the durations lies. Return None when empty."""
        rank = ceil(share * self.count)
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return middle(bucket)
        return None


def middle(bucket: int) -> float:
    """Return the middle of a bucket, in seconds: both ends differ from it by the same proportion."""
    return 2 * GAMMA**bucket / (GAMMA + 1) / 1e6


class QueryFigures(Struct):
    """Counts the runs of one statement.

    Attributes:
        errors: The number of runs that failed.
        slow: The number of runs that succeeded and took more than SLOW_SECONDS.
        durations: The durations of all runs.
    """

    errors: int = 0
    slow: int = 0
    durations: Histogram = field(default_factory=Histogram)

    def add(self, seconds: float, failed: bool) -> None:
        """Count a run."""
        if failed:
            self.errors += 1
        elif seconds > SLOW_SECONDS:
            self.slow += 1
        self.durations.add(seconds)

    @property
    def fast(self) -> int:
        """Return the number of runs that succeeded within SLOW_SECONDS."""
        return self.durations.count - self.slow - self.errors

    def merge(self, other: "QueryFigures") -> None:
        """Add the runs of another instance."""
        self.errors += other.errors
        self.slow += other.slow
        self.durations.merge(other.durations)


class PoolFigures(Struct):
    """Describes a connection pool at one moment.

    Attributes:
        size: How many connections the pool keeps.
        max_overflow: How many more it may open.
        checked_in: How many connections are idle.
        checked_out: How many connections are in use.
        overflow: How many connections beyond `size` are open.
        waiting: How many callers wait for a connection.
        timeouts: How many callers have waited in vain since the start.
    """

    size: int = 0
    max_overflow: int = 0
    checked_in: int = 0
    checked_out: int = 0
    overflow: int = 0
    waiting: int = 0
    timeouts: int = 0

    @property
    def utilization(self) -> float:
        """Return the share (0 to 1) of the connections the pool may open that is in use."""
        return self.checked_out / max(1, self.size + self.max_overflow)

    def merge(self, other: "PoolFigures") -> None:
        """Add the connections of another pool."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class RequestFigures(Struct):
    """Counts the requests to one route.

    Attributes:
        statuses: Counts by HTTP status.
        durations: The durations of all requests.
    """

    statuses: dict[str, int] = field(default_factory=dict)
    durations: Histogram = field(default_factory=Histogram)

    def add(self, status: int, seconds: float) -> None:
        """Count a request."""
        key = str(status)
        try:
            self.statuses[key] += 1
        except KeyError:
            self.statuses[key] = 1
        self.durations.add(seconds)

    def merge(self, other: "RequestFigures") -> None:
        """Add the requests to another instance."""
        for status, count in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + count
        self.durations.merge(other.durations)


class LookupFigures(Struct):
    """Counts cache lookups by how they ended.

    Attributes:
        memory: The entry was in the process.
        redis: The entry was in Redis.
        misses: The entry was in neither.
        errors: Redis did not answer.
    """

    memory: int = 0
    redis: int = 0
    misses: int = 0
    errors: int = 0

    @property
    def count(self) -> int:
        """Return the number of all lookups."""
        return self.memory + self.redis + self.misses + self.errors

    def merge(self, other: "LookupFigures") -> None:
        """Add the lookups of another instance."""
        self.memory += other.memory
        self.redis += other.redis
        self.misses += other.misses
        self.errors += other.errors


class CacheFigures(Struct):
    """Counts what the cache did.

    Attributes:
        groups: Lookups by what was looked up.
        evictions: The number of entries that the process evicted for lack of room.
        failed_writes: The number of entries and changes that Redis did not accept.
        forged: How much in Redis the instance did not believe: what no function has signed, or what was brought back.
    """

    groups: dict[str, LookupFigures] = field(default_factory=dict)
    evictions: int = 0
    failed_writes: int = 0
    forged: int = 0

    def group(self, name: str) -> LookupFigures:
        """Return the counts of a group, which are zero at first."""
        found = self.groups.get(name)
        if found is None:
            found = self.groups[name] = LookupFigures()
        return found

    def merge(self, other: "CacheFigures") -> None:
        """Add the counts of another instance."""
        for name, lookups in other.groups.items():
            self.group(name).merge(lookups)
        self.evictions += other.evictions
        self.failed_writes += other.failed_writes
        self.forged += other.forged


class InstanceFigures(Struct):
    """Holds all figures that an instance publishes.

    Attributes:
        function: The function's name.
        instance: The instance's id.
        started_at: When the instance started, in seconds since 1970.
        published_at: When it published these figures, in seconds since 1970.
        pool: The connections to the primary.
        queries: Runs on the primary and the replica, by the statement's name.
        replica: The connections to the replica, if there is one.
        checkouts: How long callers waited for a usable connection, of both pools.
        requests: Requests by method and path template.
        cache: What the cache did.
        ended: Whether the instance has closed, and these are its last figures.
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
        """Return the pools of the primary and, if there is one, of the replica."""
        return [self.pool] if self.replica is None else [self.pool, self.replica]


def merge_pools(figures: Iterable[InstanceFigures]) -> PoolFigures:
    """Return the sum of the pools of the primary."""
    total = PoolFigures()
    for one in figures:
        total.merge(one.pool)
    return total


def merge_replicas(figures: Iterable[InstanceFigures]) -> PoolFigures | None:
    """Return the sum of the pools of the replica, or None if no instance has one."""
    total: PoolFigures | None = None
    for one in figures:
        if one.replica is not None:
            total = total or PoolFigures()
            total.merge(one.replica)
    return total


def merge_checkouts(figures: Iterable[InstanceFigures]) -> Histogram:
    """Return how long callers of all instances waited for a connection."""
    total = Histogram()
    for one in figures:
        total.merge(one.checkouts)
    return total


def merge_queries(figures: Iterable[InstanceFigures]) -> dict[str, QueryFigures]:
    """Return the runs of all instances by the statement's name."""
    total: dict[str, QueryFigures] = {}
    for one in figures:
        for name, query in one.queries.items():
            total.setdefault(name, QueryFigures()).merge(query)
    return total


def merge_requests(figures: Iterable[InstanceFigures]) -> dict[str, RequestFigures]:
    """Return the requests to all instances by method and path template."""
    total: dict[str, RequestFigures] = {}
    for one in figures:
        for route, requests in one.requests.items():
            total.setdefault(route, RequestFigures()).merge(requests)
    return total


def merge_caches(figures: Iterable[InstanceFigures]) -> CacheFigures:
    """Return what the caches of all instances did."""
    total = CacheFigures()
    for one in figures:
        total.merge(one.cache)
    return total
