"""Which part of a range is in the archive only, by the record of its objects."""

from datetime import datetime

from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.statements import load

_SQL = load("archive_objects")


async def find(database: Database, table: str, start: datetime, end: datetime) -> tuple[datetime, datetime] | None:
    """Return the times of the first and the last row of the range whose rows left the table; None if all are there.

    Rows in between may be in the table nevertheless: retention takes days, and restoring brings them back.
    Raises DatabaseUnavailable.
    """
    ((first, last),) = await database.fetch(
        _SQL["removed_between"], idempotent=True, table_name=table, start_time=start, end_time=end
    )
    return None if first is None else (max(first, start), min(last, end))
