"""The typed requests of the wire contract, which also validate and document it: the OpenAPI document shows docstrings.

Times carry an offset, which the reader of requests adds where a client left it out. Numbers are finite, as in JSON.
Texts that may be absent are not empty: an empty one means that it is absent. Strings hold no NUL, which PostgreSQL
cannot store. The reader of requests checks that, since a pattern here would make the decoding of a batch six times as
slow.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

BIGINT_MAX = 2**63 - 1

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100)]
# Shown to people, in lists and lines: without control characters, line breaks, and what turns the direction of text.
Label: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+(?![\s\S])",
    ),
]
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
FeedbackPart: TypeAlias = Annotated[
    Literal["rating", "comment", "flag"], Meta(description="All of the feedback, where it is left out.")
]
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
    """Describes a backfill job to start over the blocks from start_block to end_block."""

    job_type: ShortName
    start_block: Block
    end_block: Block
    created_by: Name | None = None


class JobProgress(Struct, frozen=True, forbid_unknown_fields=True):
    """Reports a job's progress. A field left out keeps its value; null clears it where the table allows that."""

    current_block: Block | None = None
    progress_percentage: Annotated[float, Meta(ge=0, le=100)] | None = None
    estimated_completion: Moment | UnsetType | None = UNSET
    status: JobStatus | None = None
    error_message: Annotated[str, Meta(min_length=1, max_length=2000)] | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Refuse progress that tells nothing. Raises ValueError."""
        told = (self.current_block, self.progress_percentage, self.status)
        if told == (None, None, None) and self.estimated_completion is UNSET and self.error_message is UNSET:
            raise ValueError("tells nothing; send at least one field")


class JobQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Selects jobs."""

    status: JobStatus | None = None
    job_type: ShortName | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    offset: Offset = 0
    cursor: Cursor | None = None


class Rating(Struct, frozen=True, forbid_unknown_fields=True):
    """Rates an insight from 1 to 5. A comment that is left out keeps the one that is stored."""

    insight_id: Name
    rating: Annotated[int, Meta(ge=1, le=5)]
    comment: CommentText | None = None
    user_id: Name | None = None


class Comment(Struct, frozen=True, forbid_unknown_fields=True):
    """Comments on an insight."""

    insight_id: Name
    comment: CommentText
    user_id: Name | None = None


class Flag(Struct, frozen=True, forbid_unknown_fields=True):
    """Flags an insight as inaccurate, misleading or spam."""

    insight_id: Name
    flag_type: FlagType
    flag_reason: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    user_id: Name | None = None


class Clearing(Struct, frozen=True, forbid_unknown_fields=True):
    """Names what to clear of a user's feedback on an insight: all of it, or a part."""

    insight_id: Name
    part: FeedbackPart | None = None
    user_id: Name | None = None


class ExportQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Selects the user whose data is exported."""

    user_id: Name | None = None
    cursor: Cursor | None = None


class ErasureQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Selects the user to erase."""

    user_id: Name | None = None


class CommentsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Selects the comments on an insight."""

    insight_id: Name
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    offset: Offset = 0
    cursor: Cursor | None = None


class UserFeedbackQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Selects a user's feedback. start_time and end_time limit created_at, both inclusive."""

    user_id: Name | None = None
    start_time: Moment | None = None
    end_time: Moment | None = None
    rating: Annotated[int, Meta(ge=1, le=5)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    offset: Offset = 0
    cursor: Cursor | None = None


class NewMetric(Struct, frozen=True, forbid_unknown_fields=True):
    """Describes a measured value. A timestamp that is left out is the time of the request."""

    service_name: Name
    metric_type: ShortName
    metric_value: float
    unit: Unit
    metric_metadata: dict[str, Any] | None = None
    timestamp: Moment | None = None


class MetricsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Selects metrics with start_time <= timestamp <= end_time."""

    start_time: Moment
    end_time: Moment
    service_name: Name | None = None
    metric_type: ShortName | None = None
    limit: Annotated[int, Meta(ge=1, le=10000)] = 1000
    offset: Offset = 0
    cursor: Cursor | None = None


class AggregateQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Selects the metrics to aggregate, and the length of the intervals."""

    service_name: Name
    metric_type: ShortName
    start_time: Moment
    end_time: Moment
    interval: Interval = "hour"
    percentiles: Annotated[Literal["true", "false"], Meta(description="Tell p50, p95 and p99, within 1 %.")] = "false"
    compare: Earlier | None = None


class NewApiKey(Struct, frozen=True, forbid_unknown_fields=True):
    """Describes an API key to create. A limit left out is the one that every signed-in caller has."""

    name: Label
    owner: Label
    scopes: Annotated[frozenset[Scope], Meta(min_length=1)]
    expires_at: Moment | None = None
    requests_per_hour: HourlyLimit | None = None
    batches_per_hour: HourlyLimit | None = None


class KeyRotation(Struct, frozen=True, forbid_unknown_fields=True):
    """Replaces an API key. Both keys are valid for overlap_seconds; the new one expires at expires_at."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=30 * 86400)] = 86400
    expires_at: Moment | None = None


class ApiKeyQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Selects API keys."""

    owner: Name | None = None
    status: KeyStatus | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    offset: Offset = 0
    cursor: Cursor | None = None


class AuditQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Selects changes with start_time <= at <= end_time."""

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
    """Identifies a request that may come twice.

    Attributes:
        caller: The caller, who has keys of its own.
        key: The Idempotency-Key.
        request_hash: The hash of everything that determines the answer.
    """

    caller: str
    key: str
    request_hash: bytes


class Document(Struct, frozen=True):
    """Holds JSON that PostgreSQL has built, and the row's version if it has one."""

    body: bytes
    version: int | None = None


class ArchivedRange(Struct, frozen=True):
    """Holds the part of a range between the first and the last row that left the table for the archive.

    Rows in between may be in the table nevertheless: retention takes days, and restoring brings them back.

    Attributes:
        first: Where it starts, within the range.
        last: Where it ends, within the range.
        rows: How many rows the archive has in it at most.
    """

    first: datetime
    last: datetime
    rows: int


class Page(Struct, frozen=True):
    """Holds a page of JSON.

    Attributes:
        body: The page.
        next_cursor: Where it goes on, if more rows may follow.
        archived: The part of the asked range that is in the archive only, if any is.
    """

    body: bytes
    next_cursor: str | None = None
    archived: ArchivedRange | None = None
