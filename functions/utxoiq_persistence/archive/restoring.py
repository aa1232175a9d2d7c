"""The restore of archived rows into their table, where retention keeps them for a number of days."""

import time
from datetime import datetime

from msgspec import Struct

from utxoiq_persistence.archive import archiving, month_expiry, removal
from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive.bucket import ArchiveBucket
from utxoiq_persistence.archive.exports import start_of_day
from utxoiq_persistence.archive.tables import SYSTEM_METRICS, ArchivedTable
from utxoiq_persistence.metrics import partitions
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")


class RestoreResult(Struct):
    """How many objects were read and rows restored. continue_from is set if the time was up: call again from there."""

    objects: int = 0
    restored: int = 0
    continue_from: datetime | None = None


def restore(
    session: Session,
    archive: ArchiveBucket,
    table: ArchivedTable,
    start: datetime,
    end: datetime,
    keep_days: int,
    deadline: float,
) -> RestoreResult:
    """Restore the rows object by object, each in one transaction; rows that are in the table already are left."""
    result = RestoreResult()
    if table is SYSTEM_METRICS:
        month_expiry.drop_detached(session)
    for archived in archive_ledger.list_between(session, table.name, start, end):
        if result.objects and time.monotonic() >= deadline:
            result.continue_from = archived.first_at
            break
        rows = archiving.read(archive, table, archived)
        if table is SYSTEM_METRICS:
            partitions.ensure_month(session, start_of_day(archived.day))
        with session.transaction():
            removal.load_copy(session, table, archiving.open_rows(session, table, archived, rows))
            session.run(_SQL["mark_archiving"])
            ((count,),) = session.run(_SQL[f"{table.name}_restore"], start_time=start, end_time=end)
            archive_ledger.hold(session, archived.name, keep_days)
        result.objects += 1
        result.restored += count
    return result
