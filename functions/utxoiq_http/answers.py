"""What comes out: the shapes of answers, for documentation. PostgreSQL puts most of the JSON together itself."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from utxoiq_persistence.records import FlagType, HourlyLimit, Interval, JobStatus, KeyStatus, Scope

Rate = Annotated[int, Meta(ge=1, le=5)]
Percentage = Annotated[float, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=0)]


class Job(Struct, forbid_unknown_fields=True):
    id: UUID
    job_type: str
    start_block: Count
    end_block: Count
    current_block: Count
    status: JobStatus
    progress_percentage: Percentage
    estimated_completion: datetime | None
    error_message: str | None
    started_at: datetime
    completed_at: datetime | None
    created_by: str | None
    version: Annotated[int, Meta(ge=1, description="Counts the job's changes; its ETag is this in quotes.")]


class FeedbackRow(Struct, forbid_unknown_fields=True):
    id: UUID
    insight_id: str
    user_id: str
    rating: Rate | None
    comment: str | None
    flag_type: FlagType | None
    flag_reason: str | None
    created_at: datetime
    updated_at: datetime


class RatingDistribution(Struct, forbid_unknown_fields=True, rename=lambda name: name.removeprefix("of_")):
    """How many gave each rating."""

    of_1: Count
    of_2: Count
    of_3: Count
    of_4: Count
    of_5: Count


class FlagCounts(Struct, forbid_unknown_fields=True):
    """A type that nobody has chosen is left out."""

    inaccurate: Count | UnsetType = UNSET
    misleading: Count | UnsetType = UNSET
    spam: Count | UnsetType = UNSET


class Stats(Struct, forbid_unknown_fields=True):
    insight_id: str
    total_ratings: Count
    average_rating: Annotated[float, Meta(ge=0, le=5, description="0 where there are no ratings.")]
    rating_distribution: RatingDistribution
    total_comments: Count
    total_flags: Count
    flag_types: FlagCounts


class CommentShown(Struct, forbid_unknown_fields=True):
    id: UUID
    user_id: str
    comment: str
    created_at: datetime
    updated_at: datetime


class CommentPage(Struct, forbid_unknown_fields=True):
    """total counts every comment, not the page."""

    insight_id: str
    comments: list[CommentShown]
    total: Count
    limit: Count
    offset: Count


class UserFeedbackPage(Struct, forbid_unknown_fields=True):
    """total counts every match, not the page."""

    user_id: str
    feedback: list[FeedbackRow]
    total: Count
    limit: Count
    offset: Count


class Metric(Struct, forbid_unknown_fields=True):
    id: UUID
    service_name: str
    metric_type: str
    metric_value: float
    unit: str
    timestamp: datetime
    metric_metadata: dict[str, Any] | None


class AggregateFigures(Struct, forbid_unknown_fields=True, kw_only=True):
    """Percentiles are there if asked for, and null where not every value is known any more."""

    avg_value: float
    min_value: float
    max_value: float
    count: Annotated[int, Meta(ge=1)]
    p50: float | UnsetType | None = UNSET
    p95: float | UnsetType | None = UNSET
    p99: float | UnsetType | None = UNSET


class AverageChange(Struct, forbid_unknown_fields=True):
    """percent: null where the average was 0."""

    absolute: float | None
    percent: float | None


class Bucket(AggregateFigures, forbid_unknown_fields=True, kw_only=True):
    """previous and change are there if a comparison was asked for, and null where there was nothing before."""

    timestamp: datetime
    previous: AggregateFigures | UnsetType | None = UNSET
    change: AverageChange | UnsetType | None = UNSET


class AggregateComparison(Struct, forbid_unknown_fields=True):
    """The whole range, and the one from start_time to end_time, which it is compared with; null of nothing."""

    start_time: datetime
    end_time: datetime
    current: AggregateFigures | None
    previous: AggregateFigures | None
    change: AverageChange | None


class Aggregate(Struct, forbid_unknown_fields=True):
    """comparison is there if it was asked for."""

    service_name: str
    metric_type: str
    interval: Interval
    start_time: datetime
    end_time: datetime
    data: list[Bucket]
    comparison: AggregateComparison | UnsetType = UNSET


class ApiKey(Struct, forbid_unknown_fields=True):
    """Limits are None where they are the usual ones. successor: of a rotation. last_used_at: to the minute."""

    id: str
    name: str
    owner: str
    scopes: list[Scope]
    requests_per_hour: HourlyLimit | None
    batches_per_hour: HourlyLimit | None
    status: KeyStatus
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    successor: str | None
    last_used_at: datetime | None


class IssuedApiKey(ApiKey, forbid_unknown_fields=True):
    """key: to be sent as X-API-Key; it is shown this once."""

    key: str


class AuditEntry(Struct, forbid_unknown_fields=True):
    """key_id: of the API key that the actor used."""

    at: datetime
    id: int
    actor: str
    key_id: str | None
    action: str
    subject: str | None
    details: dict[str, Any] | None
    address: str | None
    request_id: str | None


class Connections(Struct):
    """utilization: the percentage of what may be open that is in use."""

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
    """In milliseconds; none of nothing."""

    count: Count
    average: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class Pool(Connections):
    """checkouts: waits for a connection. replica: the connections to the replica, where there is one."""

    checkouts: Times
    replica: Connections | None


class ServerActivity(Struct):
    """Clients of the whole server. connections: by state. longest_transaction_seconds: none where none is open."""

    max_connections: Count
    connections: dict[str, Count]
    longest_transaction_seconds: float | None


class FleetPool(Pool):
    """functions: each function's part. by_instance: each instance's, by function/instance.

    whole: false where Redis is away, and these are the answering instance's own figures. server: null where it does not
    tell, or not in time.
    """

    instances: Count
    functions: dict[str, Pool]
    by_instance: dict[str, Pool]
    whole: bool
    server: ServerActivity | None


class Queries(Struct):
    """Times in milliseconds; none where nothing ran."""

    total_queries: Count
    failed_queries: Count
    slow_queries: Count
    slow_query_percentage: Percentage
    average_query_time: float
    p50: float | None
    p95: float | None
    p99: float | None


class ServerStatement(Struct):
    """As PostgreSQL has normalised it. Times in milliseconds."""

    query: str
    calls: Count
    rows: Count
    total_time: float
    average_time: float
    max_time: float


class FleetQueries(Queries):
    """functions: each function's part. statements: by name, slowest (by p95) first; slowest: the first ten's names.

    server: what took most time since PostgreSQL began to count (pg_stat_statements); null where it does not.
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
    """failed_requests: those with a status of 500 and above."""

    total_requests: Count
    failed_requests: Count
    statuses: dict[str, Count]
    times: Times


class FleetRequests(Requests):
    """functions: each function's part. routes: by method and path, slowest (by p95) first."""

    instances: Count
    functions: dict[str, Requests]
    by_instance: dict[str, Requests]
    routes: dict[str, Requests]
    whole: bool


class Lookups(Struct):
    """How lookups ended: in the process, in Redis, in the database, or there because Redis did not answer.

    hit_rate: the percentage that the database was spared; none of nothing.
    """

    lookups: Count
    memory: Count
    redis: Count
    misses: Count
    errors: Count
    hit_rate: Percentage | None


class CacheCounts(Lookups):
    """evictions: entries that processes had no room for. failed_writes: entries and changes Redis could not be told."""

    evictions: Count
    failed_writes: Count


class FleetCache(CacheCounts):
    """functions: each function's part. groups: by what was looked up."""

    instances: Count
    functions: dict[str, CacheCounts]
    by_instance: dict[str, CacheCounts]
    groups: dict[str, Lookups]
    whole: bool


class PoolAnswer(Struct, forbid_unknown_fields=True):
    status: Literal["success"]
    metrics: FleetPool


class QueriesAnswer(Struct, forbid_unknown_fields=True):
    status: Literal["success"]
    metrics: FleetQueries


class RequestsAnswer(Struct, forbid_unknown_fields=True):
    status: Literal["success"]
    metrics: FleetRequests


class CacheAnswer(Struct, forbid_unknown_fields=True):
    status: Literal["success"]
    metrics: FleetCache


class Done(Struct, forbid_unknown_fields=True):
    status: Literal["success"]
    message: str


class Migrated(Struct, forbid_unknown_fields=True):
    """applied: the versions that this run brought, oldest first; none where all were there."""

    status: Literal["success"]
    version: str
    applied: list[str]


class Health(Struct, forbid_unknown_fields=True):
    """degraded: the function serves, slower, from the database alone."""

    status: Literal["healthy", "degraded"]
    parts: dict[str, Literal["ok", "away"]]
