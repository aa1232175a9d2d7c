"""The database's record of the archive's objects. Each function runs one statement on the caller's session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from utxoiq_persistence.postgres import arrays
from utxoiq_persistence.postgres.session import Row, Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("archive_objects")


@dataclass(frozen=True)
class ArchivedObject:
    """An object that was verified when it was archived. sealed: whether it holds what tells of persons encrypted."""

    name: str
    day: date
    first_at: datetime
    row_count: int
    sha256: bytes
    generation: int
    sealed: bool


@dataclass(frozen=True)
class DayDigest:
    """The number of a day's metrics and the XOR of their hashes, to tell whether two sets of them are equal."""

    row_count: int
    row_hash: int


@dataclass(frozen=True)
class ArchivedDay:
    """Sums up the objects of one table, day and state. `size` is in bytes."""

    table: str
    day: date
    state: str
    objects: int
    row_count: int
    size: int


def begin(
    session: Session,
    name: str,
    table: str,
    day: date,
    digest: DayDigest | None,
    row_count: int,
    first_at: datetime,
    last_at: datetime,
    *,
    sealed: bool,
) -> None:
    """Record that the object is about to be written.

    This comes before its first byte is sent, so that a later run finds what an interrupted one left behind.
    """
    session.run(
        _SQL["begin_object"],
        name=name,
        table_name=table,
        day=day,
        row_count=row_count,
        row_hash=digest and digest.row_hash,
        first_at=first_at,
        last_at=last_at,
        sealed=sealed,
    )


def keep(session: Session, name: str, size: int, sha256: bytes, generation: int) -> bool:
    """Make the object part of the archive. Return False if it was abandoned meanwhile."""
    return bool(session.run(_SQL["keep_object"], name=name, bytes=size, sha256=sha256, generation=generation))


def end(session: Session, name: str) -> None:
    """Record that none of the object's rows are in their table any more."""
    session.run(_SQL["end_object"], name=name)


def replace(session: Session, name: str, replacement: str) -> None:
    """Record that the object's rows are in the object `replacement` now."""
    session.run(_SQL["replace_object"], name=name, replacement=replacement)


def supersede(session: Session, name: str, successor: str) -> None:
    """Put the object `successor`, which has the same rows, in the place of another, whose rows are where they were."""
    session.run(_SQL["supersede_object"], name=name, successor=successor)


def abandon(session: Session, name: str) -> None:
    """Record that the object is no part of the archive."""
    session.run(_SQL["abandon_object"], name=name)


def abandon_unfinished(session: Session, table: str) -> list[str]:
    """Abandon the table's objects whose writing did not end.

    Return the names of all abandoned objects, some of which may be in the bucket.
    """
    session.run(_SQL["abandon_unfinished"], table_name=table)
    return [name for (name,) in session.run(_SQL["abandoned_objects"], table_name=table)]


def forget_abandoned(session: Session, table: str, names: Sequence[str]) -> None:
    """Delete the records of abandoned objects that nobody can be writing any more.

    The caller has withdrawn these objects from the archive.
    """
    session.run(_SQL["forget_abandoned"], table_name=table, names=arrays.encode_texts(names))


def list_pending(
    session: Session, table: str, from_day: date = date.min, to_day: date = date.max
) -> list[ArchivedObject]:
    """Return the objects of the days from `from_day` to before `to_day` whose rows are still to be deleted."""
    return _archived(
        session.run(_SQL["pending_objects"], table_name=table, from_day=from_day.isoformat(), to_day=to_day.isoformat())
    )


def list_pending_days(session: Session, table: str, from_day: date, to_day: date) -> Mapping[date, DayDigest]:
    """Return the digest of each day with such objects, from `from_day` to before `to_day`."""
    rows = session.run(_SQL["pending_days"], table_name=table, from_day=from_day.isoformat(), to_day=to_day.isoformat())
    return {date.fromisoformat(day): DayDigest(row_count, row_hash) for day, row_count, row_hash in rows}


def list_days(session: Session, table: str | None, most: int) -> list[ArchivedDay]:
    """Return what the archive has by day, newest first: of one table, or of all; at most so many."""
    rows = session.run(_SQL["archive_days"], table_name=table, most=most)
    return [ArchivedDay(table, date.fromisoformat(day), *figures) for table, day, *figures in rows]


def list_held_days(session: Session, table: str) -> frozenset[date]:
    """Return the days with restored rows that are to stay for now."""
    return frozenset(date.fromisoformat(day) for (day,) in session.run(_SQL["held_days"], table_name=table))


def list_between(session: Session, table: str, start: datetime, end: datetime) -> list[ArchivedObject]:
    """Return the objects with rows from `start` to before `end`; some of their rows may lie outside."""
    return _archived(session.run(_SQL["objects_between"], table_name=table, start_time=start, end_time=end))


def lose(session: Session, name: str) -> None:
    """Record that the object, whose rows are no more in their table, is gone from the bucket."""
    session.run(_SQL["lose_object"], name=name)


def list_clear(session: Session, table: str) -> list[ArchivedObject]:
    """Return the objects that are not sealed, oldest first."""
    return _archived(session.run(_SQL["clear_objects"], table_name=table))


def list_abandoned_clear(session: Session, table: str) -> list[str]:
    """Return the names of objects that are not sealed and were abandoned, which the bucket may still have."""
    return [name for (name,) in session.run(_SQL["abandoned_clear_objects"], table_name=table)]


def hold(session: Session, name: str, days: int) -> None:
    """Keep the object's restored rows in their table for so many days."""
    session.run(_SQL["hold_object"], name=name, days=days)


def list_ended(session: Session, days: int, metrics_days: int) -> list[str]:
    """Return the names of the objects that the bucket's lifecycle rules should have removed a month ago or earlier.

    The rules remove metrics by their age, `metrics_days`, and everything by the age of its object, `days`.
    """
    rows = session.run(_SQL["ended_objects"], days=days, metrics_days=metrics_days)
    return [name for (name,) in rows]


def forget(session: Session, names: Sequence[str]) -> None:
    """Delete the records of objects that are neither in the bucket nor in their table."""
    session.run(_SQL["forget_objects"], names=arrays.encode_texts(names))


def _archived(rows: list[Row]) -> list[ArchivedObject]:
    return [ArchivedObject(name, date.fromisoformat(day), *rest) for name, day, *rest in rows]
