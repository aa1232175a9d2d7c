"""The end of what has no other: entries of the audit log, and records of objects that the archive has no more."""

import time
from datetime import UTC, datetime, timedelta

from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive.bucket import ArchiveBucket
from utxoiq_persistence.archive.settings import RetentionSettings
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("audit_log")
# As many entries as one call of the database's function deletes at most of a partition.
BATCH_ENTRIES = 10_000
# How many records one statement deletes.
BATCH_RECORDS = 1000


def ensure_audit_months(session: Session) -> list[str]:
    """Create the partitions of the audit log that the coming months need. Return the months, as YYYY-MM."""
    return [str(month)[:7] for (month,) in session.run(_SQL["ensure_ahead"])]


def expire_audit_log(session: Session, days: int, deadline: float) -> tuple[list[str], int]:
    """Drop the months of the audit log that ended `days` ago or earlier.

    Return the tables that were dropped, and how many older entries were deleted of those that hold several months. A
    call that runs out of time leaves the rest to the next one.
    """
    expires = (datetime.now(UTC) - timedelta(days=days)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    tables: list[str] = []
    entries = 0
    while True:
        ((dropped, deleted),) = session.run(_SQL["drop_before"], expires=expires)
        tables += dropped
        entries += deleted
        if deleted < BATCH_ENTRIES or time.monotonic() >= deadline:
            return tables, entries


def forget_ended_objects(session: Session, archive: ArchiveBucket, settings: RetentionSettings, deadline: float) -> int:
    """Delete the records of objects that the bucket's lifecycle rules have removed. Return how many.

    The bucket is asked for each: a record whose object is still there stays. Raises ArchiveUnavailable.
    """
    names = archive_ledger.list_ended(session, settings.archive_days, settings.archive_metrics_days)
    forgotten = 0
    for start in range(0, len(names), BATCH_RECORDS):
        if time.monotonic() >= deadline:
            break
        gone = [name for name in names[start : start + BATCH_RECORDS] if not archive.has(name)]
        archive_ledger.forget(session, gone)
        forgotten += len(gone)
    return forgotten
