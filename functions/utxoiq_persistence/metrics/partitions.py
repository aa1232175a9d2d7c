"""The months of system_metrics: made ahead of need, and dropped when the archive has every row of them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from pg8000.exceptions import DatabaseError

from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.sqlstates import state_of

_SQL = load("partitions")
LOCK_NOT_AVAILABLE = "55P03"
ATTEMPTS = 3


@dataclass(frozen=True)
class Month:
    """first: its first day."""

    first: date

    @property
    def end(self) -> date:
        """The day after its last one."""
        return date(self.first.year + self.first.month // 12, self.first.month % 12 + 1, 1)


def ensure(session: Session, expires: datetime) -> list[date]:
    """Makes this month and the three after it, and those that strays belong to, which move there; what was made now.

    Strays lie in the default partition. Those older than `expires` stay, since they are about to leave.
    """
    made = [date.fromisoformat(first) for (first,) in session.run(_SQL["ensure_ahead"])]
    for (moment,) in session.run(_SQL["homeless_months"], expires=expires):
        if ensure_month(session, moment):
            made.append(moment.astimezone(UTC).date())
    return made


def ensure_month(session: Session, moment: datetime) -> bool:
    """The month of that moment; whether it was made now."""
    ((made,),) = session.run(_SQL["ensure_month"], moment=moment)
    return bool(made)


def expired(session: Session, expires: datetime) -> list[Month]:
    """Months of the table that ended before then, oldest first."""
    return [month for month in _months(session, attached=True) if month.end <= expires.date()]


def attached(session: Session) -> frozenset[date]:
    """The first days of the months that are part of the table."""
    return frozenset(month.first for month in _months(session, attached=True))


def months_ahead(session: Session, today: date) -> int:
    """How many months after this one are there, without one missing between."""
    there, month, count = attached(session), Month(today.replace(day=1)), 0
    while month.end in there:
        month, count = Month(month.end), count + 1
    return count


def detached(session: Session) -> list[Month]:
    """Months that were taken out of the table, and not dropped yet."""
    return _months(session, attached=False)


def _months(session: Session, *, attached: bool) -> list[Month]:
    rows = session.run(_SQL["months"])
    return [Month(date.fromisoformat(first)) for first, is_attached in rows if is_attached is attached]


def detach(session: Session, month: Month) -> None:
    """Raises DatabaseUnavailable where traffic holds the table for too long."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            session.run(_SQL["detach_month"], month=month.first)
        except DatabaseError as error:
            if state_of(error) != LOCK_NOT_AVAILABLE:
                raise
            if attempt == ATTEMPTS:
                raise DatabaseUnavailable(f"traffic held system_metrics when {month.first:%Y-%m} was to go") from error
        else:
            return


def drop(session: Session, month: Month) -> int:
    """Drops a detached month; how many rows went. Days that are not archived as they are go back to the table."""
    ((dropped, _),) = session.run(_SQL["drop_month"], month=month.first)
    return int(dropped)
