"""Monthly partitions of system_metrics: created ahead of need, dropped once all their rows are archived."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pg8000.exceptions import DatabaseError

from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.sqlstates import LOCK_NOT_AVAILABLE, read_sqlstate

_SQL = load("partitions")
ATTEMPTS = 3
# For how long a transaction that holds the table may have nothing to do.
SILENT_SECONDS = 5.0


@dataclass(frozen=True)
class Month:
    """A calendar month (UTC), by its first day."""

    first: date

    @property
    def end(self) -> date:
        """Return the day after its last one."""
        return date(self.first.year + self.first.month // 12, self.first.month % 12 + 1, 1)


def ensure_months(session: Session, expires: datetime) -> list[date]:
    """Create the partitions of this month, of the next three, and of the months that stray rows belong to.

    Stray rows lie in the default partition; they move to their month. Those older than `expires` stay, since they
    are about to be archived. Return the first days of the months that were created.
    """
    made = [date.fromisoformat(first) for (first,) in session.run(_SQL["ensure_ahead"])]
    for (moment,) in session.run(_SQL["homeless_months"], expires=expires):
        if ensure_month(session, moment):
            made.append(moment.astimezone(UTC).date())
    return made


def ensure_month(session: Session, moment: datetime) -> bool:
    """Create the partition of the month of `moment`. Return whether it was created now."""
    ((made,),) = session.run(_SQL["ensure_month"], moment=moment)
    return bool(made)


def list_expired(session: Session, expires: datetime) -> list[Month]:
    """Return the attached months that ended by `expires`, oldest first."""
    return [month for month in _months(session, attached=True) if month.end <= expires.date()]


def list_attached(session: Session) -> frozenset[date]:
    """Return the first days of the months that are partitions of the table."""
    return frozenset(month.first for month in _months(session, attached=True))


def count_months_ahead(session: Session, today: date) -> int:
    """Return how many months after this one have a partition, up to the first gap."""
    there, month, count = list_attached(session), Month(today.replace(day=1)), 0
    while month.end in there:
        month, count = Month(month.end), count + 1
    return count


def list_detached(session: Session) -> list[Month]:
    """Return the months that were detached from the table and are not dropped yet."""
    return _months(session, attached=False)


def _months(session: Session, *, attached: bool) -> list[Month]:
    rows = session.run(_SQL["months"])
    return [Month(date.fromisoformat(first)) for first, is_attached in rows if is_attached is attached]


def prepare(session: Session, month: Month) -> None:
    """Index the month by time, for its archiving. Raises DatabaseUnavailable if traffic holds it for too long."""
    _try_to(month, lambda: session.run(_SQL["prepare_month"], month=month.first))


def detach(session: Session, month: Month, check: Callable[[], None]) -> None:
    """Detach the month from the table, unless `check`, which is called in the same transaction, raises.

    Traffic and migrations wait meanwhile, but not for a function that has gone silent: the server ends its transaction.
    Raises DatabaseUnavailable if traffic holds the table for too long.
    """

    def detach_checked() -> None:
        with session.transaction():
            session.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT_SECONDS:g}s'")
            session.run(_SQL["detach_month"], month=month.first)
            check()

    _try_to(month, detach_checked)


def find_oldest_transaction(session: Session) -> str:
    """Return the oldest transaction that is under way, or would be the next one.

    Rows that are of it or of a later one may be unknown to whatever was read before this call. Rows of an earlier one
    are seen by all that is read from now on.
    """
    ((transaction,),) = session.run(_SQL["oldest_transaction"])
    return str(transaction)


def _try_to(month: Month, work: Callable[[], object]) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            work()
        except DatabaseError as error:
            if read_sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
            if attempt == ATTEMPTS:
                raise DatabaseUnavailable(f"traffic held system_metrics when {month.first:%Y-%m} was to go") from error
        else:
            return


def drop(session: Session, month: Month, unchanged_since: str | None = None) -> int:
    """Drop a detached month. Return how many rows were dropped with it.

    Days whose rows differ from what is archived of them go back to the table.

    Args:
        session: The connection to work on.
        month: The month.
        unchanged_since: What `find_oldest_transaction` returned before the caller compared each of the month's days
            with the archive, or archived it; None if it has not. If the month has no row of that transaction or a later
            one, and as many rows as the archive, it has the same rows, and is not read again.
    """
    ((dropped, _),) = session.run(_SQL["drop_month"], month=month.first, unchanged_since=unchanged_since)
    return int(dropped)
