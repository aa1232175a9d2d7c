"""Which part of a range is in the archive only, by the record of its objects."""

from dataclasses import dataclass
from datetime import datetime

from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.statements import load

_SQL = load("archive_objects")


@dataclass(frozen=True)
class ColdRange:
    """The part of a range whose rows are in the archive. rows: how many there are in it at most."""

    first: datetime
    last: datetime
    rows: int


async def find(database: Database, table: str, start: datetime, end: datetime) -> ColdRange | None:
    """Return the part of the range between the first and the last row that left the table; None if all are there.

    Rows in between may be in the table nevertheless: retention takes days, and restoring brings them back.
    Raises DatabaseUnavailable.
    """
    ((first, last, rows),) = await database.fetch(
        _SQL["removed_between"], idempotent=True, table_name=table, start_time=start, end_time=end
    )
    return None if first is None else ColdRange(max(first, start), min(last, end), rows)
