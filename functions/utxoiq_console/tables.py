"""The lists of the API as tables: a filter of each field that the operation takes, its pages, and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from utxoiq_console.credentials import Credential
from utxoiq_console.documentation import Field, Operation
from utxoiq_console.functions import Functions

Row = Mapping[str, Any]
PAGE_ROWS = 50
# Fields that are no filter: the table sets them itself.
_PAGING = ("limit", "offset", "cursor")


@dataclass(frozen=True)
class Table:
    """Describes a table: the operation that lists it, and the columns of a row that are shown.

    `rows` is the field of the answer that has the rows; empty if the answer is the list itself. `required` names the
    filters without which the list is not asked for. `days` is the length of the range of a list that cannot be
    without one, until now.
    """

    name: str
    title: str
    about: str
    operation: str
    columns: Sequence[str]
    rows: str = ""
    required: Sequence[str] = ()
    days: int = 0


TABLES = {
    table.name: table
    for table in (
        Table(
            "jobs",
            "Backfill jobs",
            "Backfills under way and ended, newest first",
            "list_backfill_jobs",
            ("job_type", "status", "progress_percentage", "current_block", "end_block", "started_at", "created_by"),
        ),
        Table(
            "feedback",
            "Feedback",
            "What a user has said of insights",
            "list_user_feedback",
            ("insight_id", "rating", "comment", "flag_type", "updated_at"),
            rows="feedback",
            required=("user_id",),
        ),
        Table(
            "metrics",
            "Metrics",
            "Single values of system metrics, newest first",
            "list_metrics",
            ("timestamp", "service_name", "metric_type", "metric_value", "unit"),
            days=1,
        ),
    )
}
KEYS = Table(
    "keys",
    "API keys",
    "Who may call the API, and for what",
    "list_api_keys",
    ("name", "owner", "scopes", "status", "created_at", "last_used_at"),
)
AUDIT = Table(
    "audit",
    "Audit log",
    "Who changed what, newest first",
    "list_audit_entries",
    ("at", "actor", "action", "subject", "request_id"),
)


@dataclass(frozen=True)
class Rows:
    """Has a page of rows, and the cursor of the next page; empty if there is none. `total` is None if unknown.

    `archived` is the part of the range whose rows are in the archive and not here; empty if there is none.
    """

    rows: Sequence[Row]
    next_cursor: str
    total: int | None
    archived: str = ""


def filters(operation: Operation) -> list[Field]:
    """Return the fields by which a list can be filtered."""
    return [one for one in operation.fields if one.place == "query" and one.name not in _PAGING]


def build_query(table: Table, operation: Operation, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the filters that are given, the range of a table that needs one among them."""
    query = {one.name: given[one.name] for one in filters(operation) if given.get(one.name)}
    if table.days:
        # The end is not part of a range, and what was written just now is.
        now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
        query.setdefault("end_time", now.isoformat().replace("+00:00", "Z"))
        start = now - timedelta(days=table.days)
        query.setdefault("start_time", start.isoformat().replace("+00:00", "Z"))
    return query


async def read(
    functions: Functions,
    table: Table,
    operation: Operation,
    query: Mapping[str, str],
    cursor: str,
    credential: Credential | None = None,
) -> Rows:
    """Return the page that a cursor leads to, the first by default. Raises SourceUnavailable."""
    paging = {"limit": str(PAGE_ROWS), **({"cursor": cursor} if cursor else {})}
    answer = await functions.get(operation.path, {**query, **paging}, credential)
    rows: list[Row] = answer.body[table.rows] if table.rows else answer.body
    return Rows(rows, answer.next_cursor, answer.body.get("total") if table.rows else None, answer.archived)
