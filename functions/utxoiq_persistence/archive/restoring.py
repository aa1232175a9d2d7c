"""The restore of archived rows into their table, where retention keeps them for a number of days."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct, field

from utxoiq_persistence.archive import archiving, month_expiry, removal
from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive.archiving import ArchiveCorrupt
from utxoiq_persistence.archive.bucket import ArchiveBucket, ObjectMissing
from utxoiq_persistence.archive.expiry import Expiry, Tally
from utxoiq_persistence.archive.ledger import ArchivedObject
from utxoiq_persistence.archive.parts import start_of_day
from utxoiq_persistence.archive.tables import SYSTEM_METRICS, ArchivedTable
from utxoiq_persistence.metrics import partitions
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")
_log = logging.getLogger(__name__)


class RestoreResult(Struct):
    """What a restore did.

    Attributes:
        objects: How many objects were read.
        restored: How many rows were restored.
        continue_from: Set if the time was up: call again from there.
        gone: The objects that are gone from the bucket, as those beyond the archive's age are.
        damaged: The objects that failed their integrity check.
    """

    objects: int = 0
    restored: int = 0
    continue_from: datetime | None = None
    gone: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Span:
    """Which rows are restored, those with start <= time < end, and for how many days they are kept."""

    start: datetime
    end: datetime
    keep_days: int


def restore(
    session: Session,
    archive: ArchiveBucket,
    table: ArchivedTable,
    start: datetime,
    end: datetime,
    keep_days: int,
    deadline: float,
) -> RestoreResult:
    """Restore the rows object by object, each in one transaction; rows that are in the table already are left.

    An object that cannot be read keeps no other one from being restored.
    """
    result = RestoreResult()
    if table is SYSTEM_METRICS:
        month_expiry.drop_detached(Expiry(session, archive, table, start, deadline, Tally()))
    for archived in archive_ledger.list_between(session, table.name, start, end):
        looked_at = result.objects + len(result.gone) + len(result.damaged)
        if looked_at and time.monotonic() >= deadline:
            result.continue_from = archived.first_at
            break
        try:
            count = _restore_object(session, archive, table, archived, Span(start, end, keep_days))
        except ObjectMissing:
            archive_ledger.lose(session, archived.name)
            result.gone.append(archived.name)
            continue
        except ArchiveCorrupt:
            _log.exception("a restore leaves out a damaged object")
            result.damaged.append(archived.name)
            continue
        result.objects += 1
        result.restored += count
    return result


def _restore_object(
    session: Session, archive: ArchiveBucket, table: ArchivedTable, archived: ArchivedObject, span: Span
) -> int:
    """Restore the rows of one object. Return how many. Raises ArchiveUnavailable, ObjectMissing, ArchiveCorrupt."""
    rows = archiving.read(archive, table, archived)
    if table is SYSTEM_METRICS:
        partitions.ensure_month(session, start_of_day(archived.day))
    with session.transaction():
        # Nobody is erased between the look for their keys and the end of the transaction.
        removal.load_copy(session, table, archiving.open_rows(session, table, archived, rows))
        session.run(_SQL["mark_archiving"])
        if table is SYSTEM_METRICS:
            session.run(_SQL["system_metrics_series"])
        ((count,),) = session.run(_SQL[f"{table.name}_restore"], start_time=span.start, end_time=span.end)
        archive_ledger.hold(session, archived.name, span.keep_days)
    return int(count)
