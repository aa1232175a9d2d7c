"""The metrics' part of a retention run: whole months, which are dropped, and strays that no month holds."""

from collections.abc import Iterator
from datetime import date, timedelta

from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive.expiry import Expiry
from utxoiq_persistence.archive.exports import start_of
from utxoiq_persistence.archive.ledger import DayDigest
from utxoiq_persistence.metrics import partitions, sketches
from utxoiq_persistence.metrics.partitions import Month
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")


def expire_months(expiry: Expiry) -> None:
    """Archives each expired month day by day and drops it; then what lies in the default partition."""
    expiry.clear()
    expiry.tally.deleted += drop_detached(expiry.session)
    for month in due(expiry):
        if not expiry.has_time():
            return
        for _ in expiry.archive_days(_days_to_archive(expiry, month)):
            pass
        if not take_out(expiry, month):
            return
    _expire_strays(expiry)


def drop_archived(expiry: Expiry) -> list[Month]:
    """Drops the expired months of which the archive has every row already; those that went."""
    expiry.tally.deleted += drop_detached(expiry.session)
    gone = []
    for month in due(expiry):
        if not list(_unarchived_days(expiry.session, month)) and take_out(expiry, month):
            gone.append(month)
    return gone


def due(expiry: Expiry) -> list[Month]:
    """Expired months, but those whose rows were restored to stay for now."""
    held = archive_ledger.held_days(expiry.session, expiry.table.name)
    months = partitions.list_expired(expiry.session, expiry.expires)
    return [month for month in months if not any(month.first <= day < month.end for day in held)]


def row_count(session: Session, month: Month) -> int:
    return sum(digest.row_count for digest in _present(session, month).values())


def drop_detached(session: Session) -> int:
    """Ends what a run that died had begun with months it took out; how many rows were dropped."""
    return sum(partitions.drop(session, month) for month in partitions.list_detached(session))


def take_out(expiry: Expiry, month: Month) -> bool:
    """A month of which the archive has every row; false where there was no time.

    Its sketches are made after its objects: rows that only the former have go back to the table.
    """
    first, end = start_of(month.first), start_of(month.end)
    sketches.fill(expiry.session, first, end, expiry.deadline, leaving=True)
    if not expiry.has_time():
        return False
    partitions.detach(expiry.session, month)
    expiry.tally.deleted += partitions.drop(expiry.session, month)
    return True


def _days_to_archive(expiry: Expiry, month: Month) -> Iterator[date]:
    """What is archived of such a day and still in the table goes first: it was restored, or more came after it."""
    if not archive_ledger.pending_days(expiry.session, expiry.table.name, month.first, month.end):
        yield from _filled_days(expiry.session, month)
        return
    for day in _unarchived_days(expiry.session, month):
        expiry.finish(archive_ledger.pending(expiry.session, expiry.table.name, day, day + timedelta(days=1)))
        yield day


def _filled_days(session: Session, month: Month) -> list[date]:
    """Found by the index, where their rows need not be looked at."""
    rows = session.run(_SQL["system_metrics_filled_days"], from_time=start_of(month.first), to_time=start_of(month.end))
    return [date.fromisoformat(day) for (day,) in rows]


def _unarchived_days(session: Session, month: Month) -> list[date]:
    """Days of which the archive does not have exactly the rows that are in the table."""
    archived = archive_ledger.pending_days(session, "system_metrics", month.first, month.end)
    return [day for day, digest in _present(session, month).items() if archived.get(day) != digest]


def _present(session: Session, month: Month) -> dict[date, DayDigest]:
    rows = session.run(_SQL["system_metrics_digests"], from_time=start_of(month.first), to_time=start_of(month.end))
    return {date.fromisoformat(day): DayDigest(count, row_hash) for day, count, row_hash in rows}


def _expire_strays(expiry: Expiry) -> None:
    in_months = partitions.list_attached(expiry.session)
    pending = archive_ledger.pending(expiry.session, expiry.table.name)
    expiry.finish(archived for archived in pending if archived.day.replace(day=1) not in in_months)
    days = expiry.days()
    expiry.expire(days)
    for day in days:
        sketches.fill(expiry.session, start_of(day), start_of(day + timedelta(days=1)), expiry.deadline)
