"""What goes in: the typed requests of the wire contract, which are validation and documentation as well.

Times carry an offset, which whoever reads requests adds where a client left it out. Numbers are finite, as JSON's are.
Texts that may be absent are not empty: an empty one means that it is absent. That strings hold no NUL, which PostgreSQL
cannot store, is seen to where requests are read: a pattern here would cost six times the decoding of a batch.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

BIGINT_MAX = 2**63 - 1

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100)]
ShortName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=50)]
Unit: TypeAlias = Annotated[str, Meta(max_length=20)]
CommentText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=1000)]
Block: TypeAlias = Annotated[int, Meta(ge=0, le=BIGINT_MAX, description="A block height.")]
Moment: TypeAlias = Annotated[
    datetime, Meta(tz=True, description="RFC 3339, with T or a space; without an offset it is in UTC.")
]
Offset: TypeAlias = Annotated[int, Meta(ge=0, le=BIGINT_MAX)]
Cursor: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=200, description="From a Link header, rel=next; replaces offset.")
]
JobStatus: TypeAlias = Literal["running", "paused", "completed", "failed"]
FlagType: TypeAlias = Literal["inaccurate", "misleading", "spam"]
Interval: TypeAlias = Literal["hour", "day", "week"]
Earlier: TypeAlias = Annotated[
    Literal["previous_period", "previous_week", "previous_year"],
    Meta(description="Tell what was before: the range's length in whole intervals, 7 days, or 52 weeks earlier."),
]
Scope: TypeAlias = Literal[
    "admin",
    "backfill:read",
    "backfill:write",
    "feedback:read",
    "feedback:write",
    "metrics:read",
    "metrics:write",
]
KeyStatus: TypeAlias = Literal["active", "expired", "revoked"]
HourlyLimit: TypeAlias = Annotated[int, Meta(ge=1, le=BIGINT_MAX)]


class NewJob(Struct, frozen=True, forbid_unknown_fields=True):
    job_type: ShortName
    start_block: Block
    end_block: Block
    created_by: Name | None = None


class JobProgress(Struct, frozen=True, forbid_unknown_fields=True):
    """A field left out keeps its value; null clears it where the table allows that."""

    current_block: Block
    progress_percentage: Annotated[float, Meta(ge=0, le=100)]
    estimated_completion: Moment | UnsetType | None = UNSET
    status: JobStatus | None = None
    error_message: Annotated[str, Meta(min_length=1, max_length=2000)] | UnsetType | None = UNSET


class JobQuery(Struct, frozen=True, forbid_unknown_fields=True):
    status: JobStatus | None = None
    job_type: ShortName | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    offset: Offset = 0
    cursor: Cursor | None = None


class Rating(Struct, frozen=True, forbid_unknown_fields=True):
    insight_id: Name
    rating: Annotated[int, Meta(ge=1, le=5)]
    comment: CommentText | None = None
    user_id: Name | None = None


class Comment(Struct, frozen=True, forbid_unknown_fields=True):
    insight_id: Name
    comment: CommentText
    user_id: Name | None = None


class Flag(Struct, frozen=True, forbid_unknown_fields=True):
    insight_id: Name
    flag_type: FlagType
    flag_reason: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    user_id: Name | None = None


class CommentsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    insight_id: Name
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    offset: Offset = 0
    cursor: Cursor | None = None


class UserFeedbackQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """start_time and end_time bound created_at, both inclusive."""

    user_id: Name | None = None
    start_time: Moment | None = None
    end_time: Moment | None = None
    rating: Annotated[int, Meta(ge=1, le=5)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    offset: Offset = 0
    cursor: Cursor | None = None


class NewMetric(Struct, frozen=True, forbid_unknown_fields=True):
    service_name: Name
    metric_type: ShortName
    metric_value: float
    unit: Unit
    metric_metadata: dict[str, Any] | None = None
    timestamp: Moment | None = None


class MetricsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Metrics with start_time <= timestamp <= end_time."""

    start_time: Moment
    end_time: Moment
    service_name: Name | None = None
    metric_type: ShortName | None = None
    limit: Annotated[int, Meta(ge=1, le=10000)] = 1000
    offset: Offset = 0
    cursor: Cursor | None = None


class AggregateQuery(Struct, frozen=True, forbid_unknown_fields=True):
    service_name: Name
    metric_type: ShortName
    start_time: Moment
    end_time: Moment
    interval: Interval = "hour"
    percentiles: Annotated[Literal["true", "false"], Meta(description="Tell p50, p95 and p99, within 1 %.")] = "false"
    compare: Earlier | None = None


class NewApiKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit left out is the one that every signed-in caller has."""

    name: Name
    owner: Name
    scopes: Annotated[frozenset[Scope], Meta(min_length=1)]
    expires_at: Moment | None = None
    requests_per_hour: HourlyLimit | None = None
    batches_per_hour: HourlyLimit | None = None


class KeyRotation(Struct, frozen=True, forbid_unknown_fields=True):
    """overlap_seconds: how long both keys are valid. expires_at: of the new one."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=30 * 86400)] = 86400
    expires_at: Moment | None = None


class ApiKeyQuery(Struct, frozen=True, forbid_unknown_fields=True):
    owner: Name | None = None
    status: KeyStatus | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    offset: Offset = 0
    cursor: Cursor | None = None


class AuditQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Changes with start_time <= at <= end_time."""

    start_time: Moment | None = None
    end_time: Moment | None = None
    actor: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    action: ShortName | None = None
    subject: Annotated[str, Meta(min_length=1, max_length=300)] | None = None
    request_id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Offset = 0
    cursor: Cursor | None = None


class Idempotency(Struct, frozen=True):
    """A request that may come twice. caller: whose keys these are; request_hash: of all that makes the answer."""

    caller: str
    key: str
    request_hash: bytes


class Document(Struct, frozen=True):
    """JSON as PostgreSQL put it together, and the version it shows where the row has one."""

    body: bytes
    version: int | None = None


class Page(Struct, frozen=True):
    """A page of JSON; next_cursor where more may follow."""

    body: bytes
    next_cursor: str | None = None
