"""What the database knows of the archive's objects. Each call is one statement, on a session of the caller's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from utxoiq_persistence.postgres import arrays
from utxoiq_persistence.postgres.session import Row, Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("archive_objects")


@dataclass(frozen=True)
class Archived:
    """An object that was verified when it was archived."""

    name: str
    day: date
    first_at: datetime
    row_count: int
    sha256: bytes
    generation: int


@dataclass(frozen=True)
class DayDigest:
    """Tells whether two sets of a day's metrics are the same: how many they are, and the XOR of their hashes."""

    row_count: int
    row_hash: int


def begin(
    session: Session,
    name: str,
    table: str,
    day: date,
    digest: DayDigest | None,
    row_count: int,
    first_at: datetime,
    last_at: datetime,
) -> None:
    """Before the object's first byte is sent, so that what a dying run leaves behind is known."""
    session.run(
        _SQL["begin_object"],
        name=name,
        table_name=table,
        day=day,
        row_count=row_count,
        row_hash=digest and digest.row_hash,
        first_at=first_at,
        last_at=last_at,
    )


def keep(session: Session, name: str, size: int, sha256: bytes, generation: int) -> bool:
    """From now on the object is part of the archive; false where it was abandoned meanwhile."""
    return bool(session.run(_SQL["keep_object"], name=name, bytes=size, sha256=sha256, generation=generation))


def end(session: Session, name: str) -> None:
    """None of its rows are in their table any more."""
    session.run(_SQL["end_object"], name=name)


def replace(session: Session, name: str, replacement: str) -> None:
    session.run(_SQL["replace_object"], name=name, replacement=replacement)


def abandon(session: Session, name: str) -> None:
    session.run(_SQL["abandon_object"], name=name)


def abandon_unfinished(session: Session, table: str) -> list[str]:
    """Objects that are no part of the archive, some of which may be in the bucket."""
    session.run(_SQL["abandon_unfinished"], table_name=table)
    return [name for (name,) in session.run(_SQL["abandoned_objects"], table_name=table)]


def forget_abandoned(session: Session, table: str, names: Sequence[str]) -> None:
    """Of these objects, which are not in the bucket, those that nobody can be writing any more."""
    session.run(_SQL["forget_abandoned"], table_name=table, names=arrays.encode_texts(names))


def pending(session: Session, table: str, from_day: date = date.min, to_day: date = date.max) -> list[Archived]:
    """Objects whose rows are due to go from the table, of the days from the first up to, not with, the second."""
    return _archived(
        session.run(_SQL["pending_objects"], table_name=table, from_day=from_day.isoformat(), to_day=to_day.isoformat())
    )


def pending_days(session: Session, table: str, from_day: date, to_day: date) -> Mapping[date, DayDigest]:
    rows = session.run(_SQL["pending_days"], table_name=table, from_day=from_day.isoformat(), to_day=to_day.isoformat())
    return {date.fromisoformat(day): DayDigest(row_count, row_hash) for day, row_count, row_hash in rows}


def held_days(session: Session, table: str) -> frozenset[date]:
    """Days with restored rows that are to stay for now."""
    return frozenset(date.fromisoformat(day) for (day,) in session.run(_SQL["held_days"], table_name=table))


def between(session: Session, table: str, start: datetime, end: datetime) -> list[Archived]:
    """Objects with rows from start up to, not with, end; some of their rows may lie outside."""
    return _archived(session.run(_SQL["objects_between"], table_name=table, start_time=start, end_time=end))


def hold(session: Session, name: str, days: int) -> None:
    """Its rows, restored, stay in their table for so many days."""
    session.run(_SQL["hold_object"], name=name, days=days)


def _archived(rows: list[Row]) -> list[Archived]:
    return [Archived(name, date.fromisoformat(day), *rest) for name, day, *rest in rows]
