"""The types of response bodies, for the OpenAPI document. PostgreSQL builds most of the JSON itself."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from utxoiq_persistence.records import FlagType, HourlyLimit, Interval, JobStatus, KeyStatus, Scope

Rate = Annotated[int, Meta(ge=1, le=5)]
Percentage = Annotated[float, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[datetime, Meta(tz=True)]


class Job(Struct, forbid_unknown_fields=True):
    """Describes a backfill job."""

    id: UUID
    job_type: str
    start_block: Count
    end_block: Count
    current_block: Count
    status: JobStatus
    progress_percentage: Percentage
    estimated_completion: Instant | None
    error_message: str | None
    started_at: Instant
    completed_at: Instant | None
    created_by: str | None
    version: Annotated[int, Meta(ge=1, description="Counts the job's changes. The ETag is this number in quotes.")]


class FeedbackRow(Struct, forbid_unknown_fields=True):
    """Describes the feedback of a user on an insight."""

    id: UUID
    insight_id: str
    user_id: str
    rating: Rate | None
    comment: str | None
    flag_type: FlagType | None
    flag_reason: str | None
    created_at: Instant
    updated_at: Instant


# The contract's names are digits, which no attribute of Python can be called.
_RATINGS = {f"of_{rating}": str(rating) for rating in range(1, 6)}


class RatingDistribution(Struct, forbid_unknown_fields=True, rename=_RATINGS):
    """Counts the users who gave each rating."""

    of_1: Count
    of_2: Count
    of_3: Count
    of_4: Count
    of_5: Count


class FlagCounts(Struct, forbid_unknown_fields=True):
    """Counts the flags of each type. A type without flags is omitted."""

    inaccurate: Count | UnsetType = UNSET
    misleading: Count | UnsetType = UNSET
    spam: Count | UnsetType = UNSET


class Stats(Struct, forbid_unknown_fields=True):
    """Summarizes the feedback on an insight."""

    insight_id: str
    total_ratings: Count
    average_rating: Annotated[float, Meta(ge=0, le=5, description="0 where there are no ratings.")]
    rating_distribution: RatingDistribution
    total_comments: Count
    total_flags: Count
    flag_types: FlagCounts


class CommentShown(Struct, forbid_unknown_fields=True):
    """Describes a comment on an insight."""

    id: UUID
    user_id: str
    comment: str
    created_at: Instant
    updated_at: Instant


class CommentPage(Struct, forbid_unknown_fields=True):
    """Lists a page of comments. `total` counts all comments, not only those of the page."""

    insight_id: str
    comments: list[CommentShown]
    total: Count
    limit: Count
    offset: Count


class UserFeedbackPage(Struct, forbid_unknown_fields=True):
    """Lists a page of feedback. `total` counts all matches, not only those of the page."""

    user_id: str
    feedback: list[FeedbackRow]
    total: Count
    limit: Count
    offset: Count


class PersonAuditEntry(Struct, forbid_unknown_fields=True):
    """Describes a change that a user made, or that a service made for the user. `address` is the user's."""

    at: datetime
    actor: str
    action: str
    subject: str | None
    address: str | None
    request_id: str | None


class UserExport(Struct, forbid_unknown_fields=True):
    """Lists what is held of a user. `archived` has feedback as it was archived; restored rows are in both lists.

    `missing_objects` counts objects of the archive that could hold more and have expired.
    """

    user_id: str
    feedback: list[FeedbackRow]
    archived: list[FeedbackRow]
    audit: list[PersonAuditEntry]
    missing_objects: Count


class ErasedInDatabase(Struct, forbid_unknown_fields=True):
    """Counts the rows of feedback that are gone, and the entries of the audit log that name nobody any more."""

    feedback: Count
    audit_entries: Count


class ErasedInArchive(Struct, forbid_unknown_fields=True):
    """Counts the days of the archive whose rows of the user nobody can read any more.

    `objects_in_clear` counts objects of earlier releases, which encrypted nothing: the next run of retention replaces
    them by objects without the user's rows, and the keeper removes them a week later.
    """

    days: Count
    objects_in_clear: Count


class Erasure(Struct, forbid_unknown_fields=True):
    """Reports what was erased, by store. Backups forget as they expire."""

    database: ErasedInDatabase
    archive: ErasedInArchive


class Metric(Struct, forbid_unknown_fields=True):
    """Describes a recorded metric."""

    id: UUID
    service_name: str
    metric_type: str
    metric_value: float
    unit: str
    timestamp: Instant
    metric_metadata: dict[str, Any] | None


class AggregateFigures(Struct, forbid_unknown_fields=True, kw_only=True):
    """Aggregates the values of an interval or range.

    Percentiles are present if requested. They are null where some of the values are no longer stored.
    """

    avg_value: float
    min_value: float
    max_value: float
    count: Annotated[int, Meta(ge=1)]
    p50: float | UnsetType | None = UNSET
    p95: float | UnsetType | None = UNSET
    p99: float | UnsetType | None = UNSET


class AverageChange(Struct, forbid_unknown_fields=True):
    """Compares two averages. `percent` is null if the previous average was 0."""

    absolute: float | None
    percent: float | None


class Bucket(AggregateFigures, forbid_unknown_fields=True, kw_only=True):
    """Aggregates the values of an interval that starts at `timestamp`.

    `previous` and `change` are present if a comparison was requested. They are null if the earlier interval has no
    values.
    """

    timestamp: Instant
    previous: AggregateFigures | UnsetType | None = UNSET
    change: AverageChange | UnsetType | None = UNSET


class AggregateComparison(Struct, forbid_unknown_fields=True):
    """Compares the whole range with the earlier range from start_time to end_time.

    An aggregate is null if its range has no values.
    """

    start_time: Instant
    end_time: Instant
    current: AggregateFigures | None
    previous: AggregateFigures | None
    change: AverageChange | None


class Aggregate(Struct, forbid_unknown_fields=True):
    """Lists the aggregates of a range by interval. `comparison` is present if requested."""

    service_name: str
    metric_type: str
    interval: Interval
    start_time: Instant
    end_time: Instant
    data: list[Bucket]
    comparison: AggregateComparison | UnsetType = UNSET


class ApiKey(Struct, forbid_unknown_fields=True):
    """Describes an API key, without the key itself.

    A limit is null if the default applies. `successor` is the id of the key that replaced this one in a rotation.
    `last_used_at` is accurate to the minute.
    """

    id: str
    name: str
    owner: str
    scopes: list[Scope]
    requests_per_hour: HourlyLimit | None
    batches_per_hour: HourlyLimit | None
    status: KeyStatus
    created_at: Instant
    created_by: str
    expires_at: Instant | None
    revoked_at: Instant | None
    successor: str | None
    last_used_at: Instant | None


class IssuedApiKey(ApiKey, forbid_unknown_fields=True):
    """Describes a new API key. `key` is the value to send as X-API-Key; no other response shows it."""

    key: str


class AuditEntry(Struct, forbid_unknown_fields=True):
    """Records one change. `key_id` identifies the API key that the actor used, if any.

    `written_by` is the database user that wrote the entry: the function's own, whoever the entry names.
    """

    at: Instant
    id: int
    actor: str
    key_id: str | None
    action: str
    subject: str | None
    details: dict[str, Any] | None
    address: str | None
    request_id: str | None
    written_by: str | None


class Connections(Struct):
    """Counts the connections of a pool. `utilization` is the percentage of its maximum that is in use."""

    size: Count
    max_overflow: Count
    checked_in: Count
    checked_out: Count
    overflow: Count
    waiting: Count
    timeouts: Count
    total_connections: Count
    utilization: Percentage


class Times(Struct):
    """Summarizes durations in milliseconds. They are null if there were none."""

    count: Count
    average: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class Pool(Connections):
    """Describes a connection pool.

    `checkouts` summarizes how long requests waited for a connection. `replica` counts the connections to the read
    replica; null if there is none.
    """

    checkouts: Times
    replica: Connections | None


class ServerActivity(Struct):
    """Describes the client connections of the whole database server, by their state.

    `longest_transaction_seconds` is null if no transaction is open.
    """

    max_connections: Count
    connections: dict[str, Count]
    longest_transaction_seconds: float | None


class FleetPool(Pool):
    """Describes the connection pools of the whole fleet, of each function, and of each instance by function/instance.

    `whole` is false if Redis is unavailable: all numbers are then those of the responding instance alone. `server` is
    null if the database server did not report in time.
    """

    instances: Count
    functions: dict[str, Pool]
    by_instance: dict[str, Pool]
    whole: bool
    server: ServerActivity | None


class Queries(Struct):
    """Summarizes queries. Times are in milliseconds; percentiles are null if no query ran."""

    total_queries: Count
    failed_queries: Count
    slow_queries: Count
    slow_query_percentage: Percentage
    average_query_time: float
    p50: float | None
    p95: float | None
    p99: float | None


class ServerStatement(Struct):
    """Describes a statement as PostgreSQL normalized it. Times are in milliseconds."""

    query: str
    calls: Count
    rows: Count
    total_time: float
    average_time: float
    max_time: float


class FleetQueries(Queries):
    """Summarizes the queries of the whole fleet, of each function, each instance and each named statement.

    `statements` are ordered by p95, slowest first; `slowest` names the first ten. `server` lists the statements that
    took most time since PostgreSQL began to count (pg_stat_statements); null if it does not count.
    """

    slow_query_threshold: float
    instances: Count
    functions: dict[str, Queries]
    by_instance: dict[str, Queries]
    statements: dict[str, Queries]
    slowest: list[str]
    whole: bool
    server: list[ServerStatement] | None


class Requests(Struct):
    """Summarizes HTTP requests. A request has failed if its status is 500 or above."""

    total_requests: Count
    failed_requests: Count
    statuses: dict[str, Count]
    times: Times


class FleetRequests(Requests):
    """Summarizes the requests of the whole fleet, of each function, each instance and each route.

    `routes` are named by method and path and ordered by p95, slowest first.
    """

    instances: Count
    functions: dict[str, Requests]
    by_instance: dict[str, Requests]
    routes: dict[str, Requests]
    whole: bool


class Lookups(Struct):
    """Counts cache lookups by where they were answered.

    `memory` counts those answered by the process, `redis` by Redis, `misses` by the database, and `errors` by the
    database because Redis did not respond. `hit_rate` is the percentage answered without the database; null if there
    were no lookups.
    """

    lookups: Count
    memory: Count
    redis: Count
    misses: Count
    errors: Count
    hit_rate: Percentage | None


class CacheCounts(Lookups):
    """Counts cache lookups, evictions and failed writes.

    `evictions` counts entries that processes dropped because their memory limit was reached. `failed_writes` counts
    entries and invalidations that could not be written to Redis.
    """

    evictions: Count
    failed_writes: Count
    forged: Count


class FleetCache(CacheCounts):
    """Counts the cache lookups of the whole fleet, of each function, each instance and each group of entries."""

    instances: Count
    functions: dict[str, CacheCounts]
    by_instance: dict[str, CacheCounts]
    groups: dict[str, Lookups]
    whole: bool


class PoolAnswer(Struct, forbid_unknown_fields=True):
    """Reports the connection pool metrics."""

    status: Literal["success"]
    metrics: FleetPool


class QueriesAnswer(Struct, forbid_unknown_fields=True):
    """Reports the query metrics."""

    status: Literal["success"]
    metrics: FleetQueries


class RequestsAnswer(Struct, forbid_unknown_fields=True):
    """Reports the HTTP request metrics."""

    status: Literal["success"]
    metrics: FleetRequests


class CacheAnswer(Struct, forbid_unknown_fields=True):
    """Reports the cache metrics."""

    status: Literal["success"]
    metrics: FleetCache


class Done(Struct, forbid_unknown_fields=True):
    """Reports that an operation has succeeded."""

    status: Literal["success"]
    message: str


class Migrated(Struct, forbid_unknown_fields=True):
    """Reports the schema version after a migration run.

    `applied` lists the versions that this run applied, oldest first. It is empty if none was pending.
    """

    status: Literal["success"]
    version: str
    applied: list[str]


class Health(Struct, forbid_unknown_fields=True):
    """Reports the health of a function. `degraded` means that it serves from the database alone, and slower."""

    status: Literal["healthy", "degraded"]
    parts: dict[str, Literal["ok", "away"]]
