"""Rows copied out of the database: a day in parts that fit in memory."""

from collections.abc import Iterator
from datetime import date, timedelta

from utxoiq_persistence.archive import parquet, points
from utxoiq_persistence.archive.parts import CsvBlocks, Part, Place, start_of_day
from utxoiq_persistence.archive.tables import SYSTEM_METRICS, ArchivedTable
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")
PART_ROWS = 65_536
PART_BYTES = 16 * 2**20
# What has to be sorted, a part of metrics, has room in memory.
SNAPSHOT = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL work_mem = '32MB'
"""


def export_day(session: Session, table: ArchivedTable, day: date) -> Iterator[Part]:
    """Yield the day's expired rows in parts. Between two parts the caller may use the session."""
    after: Place | None = None
    limit = PART_ROWS
    while True:
        with session.transaction():
            # One snapshot, so that all that is read of a part is of the same rows.
            session.execute(SNAPSHOT)
            part = _copy(session, table, day, after, limit)
        if part is None:
            return
        yield part
        if not part.is_cut and part.row_count < limit:
            return
        after = part.last
        # Rows beyond a cut are read again, so read no more than is likely to fit.
        limit = part.row_count if part.is_cut else min(PART_ROWS, 2 * limit)


def _copy(session: Session, table: ArchivedTable, day: date, after: Place | None, limit: int) -> Part | None:
    """Return the day's next rows, at most `limit` of them; None if there are none."""
    if table is SYSTEM_METRICS:
        return points.copy(session, day, after, limit, PART_BYTES)
    query = _SQL[f"{table.name}_copy"].inline(
        from_time=start_of_day(day),
        to_time=start_of_day(day + timedelta(days=1)),
        limit=limit,
        **({} if after is None else after.parameters("after")),
    )
    csv = CsvBlocks.collect(session.copy_out(f"COPY ({query}) TO STDOUT (FORMAT csv)"), PART_BYTES)
    if not csv.row_count:
        return None
    rows = parquet.from_csv(csv.text, table.schema, csv.row_count)
    return Part.from_rows(table, day, rows, is_cut=csv.is_cut)
