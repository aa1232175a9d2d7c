"""Rows copied out of the database: a day in parts that fit in memory."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pyarrow as pa
from pg8000.native import literal

from utxoiq_persistence.archive import parquet
from utxoiq_persistence.archive.ledger import DayDigest
from utxoiq_persistence.archive.tables import SYSTEM_METRICS, ArchivedTable
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import Statement, load

_SQL = load("retention")
PART_ROWS = 65_536
PART_BYTES = 16 * 2**20
# A low page cost makes the planner read in the order of the index instead of sorting.
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL random_page_cost = 1.1"
FIRST_ID = UUID(int=0)
LAST_ID = UUID(int=2**128 - 1)
_PLACE = re.compile(r"\$(\d+)")


@dataclass(frozen=True)
class Part:
    """Rows of one day as CSV, ordered by time and id. Only parts of system_metrics have a digest."""

    table: ArchivedTable
    day: date
    text: bytes
    row_count: int
    first_at: datetime
    last_at: datetime
    digest: DayDigest | None = None

    @classmethod
    def from_rows(cls, table: ArchivedTable, day: date, rows: pa.Table) -> "Part":
        """Return the rows as a part of that day."""
        text = b"".join(parquet.to_csv(rows))
        return cls(table, day, text, rows.num_rows, _key(rows, table, 0)[0], _key(rows, table, -1)[0])


def start_of_day(day: date) -> datetime:
    """Return midnight (UTC) at the beginning of the day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def export_day(session: Session, table: ArchivedTable, day: date) -> Iterator[Part]:
    """Yield the day's expired rows in parts. Between two parts the caller may use the session."""
    after = (start_of_day(day), FIRST_ID) if day == date.min else (start_of_day(day) - timedelta.resolution, LAST_ID)
    limit = PART_ROWS
    while True:
        with session.transaction():
            # One snapshot, so that the digest covers exactly the rows that are copied.
            session.execute(SNAPSHOT)
            copied = _copy(session, table, day, after, limit)
            if not copied.row_count:
                return
            first, last = copied.key(table, copied.first), copied.key(table, copied.last)
            digest = _digest(session, first, last) if table is SYSTEM_METRICS else None
        yield Part(table, day, b"".join(copied.blocks), copied.row_count, first[0], last[0], digest)
        if not copied.is_cut and copied.row_count < limit:
            return
        after = last
        # Rows beyond a cut are read again, so read no more than is likely to fit.
        limit = copied.row_count if copied.is_cut else min(PART_ROWS, 2 * limit)


@dataclass
class _Copied:
    """Rows as PostgreSQL sends them, up to the size of a part. is_cut says whether there were more."""

    blocks: list[bytes] = field(default_factory=list)
    first: bytes = b""
    last: bytes = b""
    row_count: int = 0
    size: int = 0
    is_cut: bool = False

    def add(self, rows: list[bytes]) -> None:
        """Add a block of rows, or note that the part is full."""
        if self.size >= PART_BYTES:
            self.is_cut = True
            return
        self.blocks.append(b"".join(rows))
        self.size += len(self.blocks[-1])
        self.first = self.first or rows[0]
        self.last = rows[-1]
        self.row_count += len(rows)

    def key(self, table: ArchivedTable, row: bytes) -> tuple[datetime, UUID]:
        """Return the time and the id of a CSV row."""
        return _key(parquet.from_csv(row, table.schema, 1), table, 0)


def _copy(session: Session, table: ArchivedTable, day: date, after: tuple[datetime, UUID], limit: int) -> _Copied:
    query = _inlined(
        _SQL[f"{table.name}_copy"],
        from_time=start_of_day(day),
        to_time=start_of_day(day + timedelta(days=1)),
        after_time=after[0],
        after_id=after[1],
        limit=limit,
    )
    copied = _Copied()
    for rows in session.copy_out(f"COPY ({query}) TO STDOUT (FORMAT csv)"):
        copied.add(rows)
    return copied


def _inlined(statement: Statement, **parameters: object) -> str:
    """Return the statement with its parameters as literals (times, uuids, numbers), since COPY takes no parameters."""
    values = statement.arrange(parameters)
    return _PLACE.sub(lambda place: literal(values[int(place[1]) - 1]), statement.text)


def _key(rows: pa.Table, table: ArchivedTable, place: int) -> tuple[datetime, UUID]:
    moments = (rows.column(name)[place].as_py() for name in table.moments)
    moment: datetime = next(moment for moment in moments if moment is not None)
    return moment, rows.column("id")[place].as_py()


def _digest(session: Session, first: tuple[datetime, UUID], last: tuple[datetime, UUID]) -> DayDigest:
    ((row_count, row_hash),) = session.run(
        _SQL["system_metrics_hash"], first_time=first[0], first_id=first[1], last_time=last[0], last_id=last[1]
    )
    return DayDigest(row_count, row_hash)
