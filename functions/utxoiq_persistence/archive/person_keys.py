"""The keys of persons in the database. Each function runs statements on the caller's session."""

from collections.abc import Iterable
from datetime import date
from typing import Literal, TypeAlias
from uuid import UUID

import pyarrow as pa

from utxoiq_persistence.archive import sealing
from utxoiq_persistence.archive.sealing import PersonKey, PersonKeys
from utxoiq_persistence.archive.tables import ArchivedTable
from utxoiq_persistence.postgres import arrays
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("person_keys")
# The table, or an object of the archive that is not sealed, or one that is.
Source: TypeAlias = Literal["table", "clear", "sealed"]


def ensure(session: Session, table: ArchivedTable, day: date, rows: pa.Table, source: Source) -> PersonKeys:
    """Return the keys of the persons of whom the rows tell, and note that the archive's day has rows of theirs.

    `source` says where the rows were read. Persons without a key get one, unless they were erased since.
    """
    if not table.is_personal:
        return PersonKeys()
    users = arrays.encode_texts(sealing.list_users(table, rows))
    found = session.run(_SQL["ensure_keys"], user_ids=users, day=day, source=source)
    return PersonKeys(PersonKey(*row) for row in found)


def find(session: Session, persons: Iterable[UUID]) -> list[PersonKey]:
    """Return the keys of these persons; those who were erased have none."""
    texts = arrays.encode_texts(str(person) for person in persons)
    return [PersonKey(*row) for row in session.run(_SQL["find_keys"], persons=texts)]


def open_rows(session: Session, table: ArchivedTable, rows: pa.Table) -> pa.Table:
    """Return the rows of an object as their table has them, without those of erased persons.

    What is to bring rows back calls this within its transaction: nobody is erased until its end. Raises
    ObjectUnreadable.
    """
    if not table.is_personal:
        return rows
    session.run(_SQL["hold_keys"])
    if sealing.is_sealed(rows):
        return PersonKeys(find(session, sealing.list_persons(rows))).open(table, rows)
    return sealing.without_users(table, rows, pending_erasures(session))


def pending_erasures(session: Session) -> frozenset[bytes]:
    """Return the digests of users who were erased, and of whom objects of an earlier release still hold rows."""
    return frozenset(digest for (digest,) in session.run(_SQL["pending_erasures"]))


def tidy(session: Session) -> None:
    """Forget erasures that are complete, and the keys of persons of whom the archive has nothing left."""
    session.run(_SQL["end_erasures"])
    session.run(_SQL["forget_keys"])
