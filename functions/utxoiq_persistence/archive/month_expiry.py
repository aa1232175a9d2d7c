"""Retention of system_metrics: whole months, which are dropped, and stray rows of the default partition."""

from collections.abc import Iterator
from datetime import date, timedelta

from utxoiq_persistence.archive import column_check
from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive.expiry import Expiry
from utxoiq_persistence.archive.ledger import DayDigest
from utxoiq_persistence.archive.parts import start_of_day
from utxoiq_persistence.metrics import partitions, sketches
from utxoiq_persistence.metrics.partitions import Month
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")


def expire_months(expiry: Expiry) -> None:
    """Archive each expired month day by day and drop it, then expire the rows of the default partition."""
    expiry.withdraw_unfinished()
    drop_detached(expiry)
    for month in list_due_months(expiry):
        if not expiry.has_time():
            return
        unchanged_since = partitions.find_oldest_transaction(expiry.session)
        if not _read_back(expiry, month):
            continue
        partitions.prepare(expiry.session, month)
        for _ in expiry.archive_days(_days_to_archive(expiry, month)):
            pass
        if not remove_month(expiry, month, unchanged_since):
            return
    _expire_strays(expiry)


def drop_archived(expiry: Expiry) -> list[Month]:
    """Drop the expired months that are archived completely. Return those months."""
    drop_detached(expiry)
    dropped = []
    for month in list_due_months(expiry):
        unchanged_since = partitions.find_oldest_transaction(expiry.session)
        if _is_archived(expiry, month) and remove_month(expiry, month, unchanged_since):
            dropped.append(month)
    return dropped


def list_due_months(expiry: Expiry) -> list[Month]:
    """Return the expired months, without those whose restored rows are to stay for now."""
    held = archive_ledger.list_held_days(expiry.session, expiry.table.name)
    months = partitions.list_expired(expiry.session, expiry.expires)
    return [month for month in months if not any(month.first <= day < month.end for day in held)]


def count_rows(session: Session, month: Month) -> int:
    """Return how many rows the month has."""
    return sum(digest.row_count for digest in _present(session, month).values())


def drop_detached(expiry: Expiry) -> None:
    """Drop the months that an interrupted run has detached; what the bucket lacks of them goes back to the table."""
    for month in partitions.list_detached(expiry.session):
        if _read_back(expiry, month):
            expiry.tally.deleted += partitions.drop(expiry.session, month)


def remove_month(expiry: Expiry, month: Month, unchanged_since: str) -> bool:
    """Detach and drop a month whose rows are all archived. Return False if there was no time. Raises ColumnsDiffer.

    Each day of it was compared with the archive, or archived, since `partitions.find_oldest_transaction` returned
    `unchanged_since`.

    Its sketches are made after its objects, so a row that only the sketches have goes back to the table.
    """
    first, end = start_of_day(month.first), start_of_day(month.end)
    sketches.fill(expiry.session, first, end, expiry.deadline, leaving=True)
    if not expiry.has_time():
        return False
    # Of a migration since this run began, the month must not have a column that its objects lack.
    partitions.detach(expiry.session, month, lambda: column_check.check(expiry.session, expiry.table.listed))
    expiry.tally.deleted += partitions.drop(expiry.session, month, unchanged_since)
    return True


def _read_back(expiry: Expiry, month: Month) -> bool:
    """Read what the ledger has of the month and this run has not read. Return whether all of it was read, undamaged.

    The ledger alone does not tell that the bucket has an object, and a month is dropped by what the ledger has.
    """
    for archived in archive_ledger.list_pending(expiry.session, expiry.table.name, month.first, month.end):
        if archived.name not in expiry.read:
            if not expiry.has_time():
                return False
            expiry.read_back(archived)
    return not any(month.first <= day < month.end for day in expiry.damaged)


def _is_archived(expiry: Expiry, month: Month) -> bool:
    # Digests first: they need no object to tell of a month that is not archived.
    return (
        not _unarchived_days(expiry.session, month)
        and _read_back(expiry, month)
        and not _unarchived_days(expiry.session, month)
    )


def _days_to_archive(expiry: Expiry, month: Month) -> Iterator[date]:
    """Yield the month's days with rows that are not archived.

    Archived rows of such a day that are still in the table are deleted first: they were restored, or more came later.
    """
    if not archive_ledger.list_pending_days(expiry.session, expiry.table.name, month.first, month.end):
        yield from _filled_days(expiry.session, month)
        return
    for day in _unarchived_days(expiry.session, month):
        expiry.delete_archived(
            archive_ledger.list_pending(expiry.session, expiry.table.name, day, day + timedelta(days=1))
        )
        yield day


def _filled_days(session: Session, month: Month) -> list[date]:
    """Return the month's days with rows, found by the index without reading the rows."""
    rows = session.run(
        _SQL["system_metrics_filled_days"], from_time=start_of_day(month.first), to_time=start_of_day(month.end)
    )
    return [date.fromisoformat(day) for (day,) in rows]


def _unarchived_days(session: Session, month: Month) -> list[date]:
    """Return the days whose rows in the table are not exactly those in the archive."""
    archived = archive_ledger.list_pending_days(session, "system_metrics", month.first, month.end)
    return [day for day, digest in _present(session, month).items() if archived.get(day) != digest]


def _present(session: Session, month: Month) -> dict[date, DayDigest]:
    rows = session.run(
        _SQL["system_metrics_digests"], from_time=start_of_day(month.first), to_time=start_of_day(month.end)
    )
    return {date.fromisoformat(day): DayDigest(count, row_hash) for day, count, row_hash in rows}


def _expire_strays(expiry: Expiry) -> None:
    in_months = partitions.list_attached(expiry.session)
    pending = archive_ledger.list_pending(expiry.session, expiry.table.name)
    expiry.delete_archived(archived for archived in pending if archived.day.replace(day=1) not in in_months)
    days = expiry.count_by_day()
    expiry.expire(days)
    for day in days:
        sketches.fill(expiry.session, start_of_day(day), start_of_day(day + timedelta(days=1)), expiry.deadline)
