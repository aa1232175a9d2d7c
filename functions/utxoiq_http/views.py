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
    average_rating: Annotated[float, Meta(ge=1, le=5)] | None
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


class Bucket(Struct, forbid_unknown_fields=True):
    timestamp: datetime
    avg_value: float
    min_value: float
    max_value: float
    count: Annotated[int, Meta(ge=1)]


class Aggregate(Struct, forbid_unknown_fields=True):
    service_name: str
    metric_type: str
    interval: Interval
    start_time: datetime
    end_time: datetime
    data: list[Bucket]


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


class Pool(Struct):
    """Connections of every instance together."""

    size: Count
    max_overflow: Count
    checked_in: Count
    checked_out: Count
    overflow: Count
    waiting: Count
    timeouts: Count
    total_connections: Count


class FleetPool(Pool):
    """functions: each function's part. by_instance: each instance's, by function/instance."""

    instances: Count
    functions: dict[str, Pool]
    by_instance: dict[str, Pool]


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


class FleetQueries(Queries):
    """functions: each function's part. statements: by name, slowest first."""

    slow_query_threshold: float
    instances: Count
    functions: dict[str, Queries]
    statements: dict[str, Queries]


class PoolAnswer(Struct, forbid_unknown_fields=True):
    status: Literal["success"]
    metrics: FleetPool


class QueriesAnswer(Struct, forbid_unknown_fields=True):
    status: Literal["success"]
    metrics: FleetQueries


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

    status: Literal["ok", "degraded"]
    parts: dict[str, Literal["ok", "away"]]
