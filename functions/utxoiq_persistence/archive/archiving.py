"""The archiving of parts: each is written, read back and compared before it is recorded as archived."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import pyarrow as pa

from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive import parquet, person_keys
from utxoiq_persistence.archive.bucket import (
    JSON_TYPE,
    PARQUET_TYPE,
    ArchiveBucket,
    ArchiveUnreadable,
    manifest_name,
    new_name,
)
from utxoiq_persistence.archive.ledger import ArchivedObject
from utxoiq_persistence.archive.parts import Part
from utxoiq_persistence.archive.person_keys import Source
from utxoiq_persistence.archive.sealing import PersonKeys
from utxoiq_persistence.archive.tables import ArchivedTable
from utxoiq_persistence.postgres.session import Session

# Parts in progress at once: one is stored while the next one is read from the database.
WINDOW = 2


class ArchiveCorrupt(ArchiveUnreadable):
    """Archived data failed its integrity check. No row was deleted because of it."""


@dataclass(frozen=True)
class Begun:
    """An object that is about to be written: its name, and the keys of the persons of whom its rows tell."""

    name: str
    keys: PersonKeys


@dataclass(frozen=True)
class Stored:
    """An object in the bucket that was verified, with its rows as they were read back."""

    archived: ArchivedObject
    size: int
    rows: pa.Table


@dataclass(frozen=True)
class Copy:
    """An object of the archive, with its rows as they were read back."""

    archived: ArchivedObject
    rows: pa.Table


def archive_all(session: Session, archive: ArchiveBucket, parts: Iterable[Part]) -> Iterator[Copy]:
    """Archive the parts in their order. Yield a copy of each object.

    The session must be free whenever the next copy is asked for. If the caller stops early, the table's next run
    abandons what is in progress. Raises ArchiveUnavailable, ArchiveCorrupt.
    """
    under_way: deque[Future[Stored]] = deque()
    with ThreadPoolExecutor(WINDOW, thread_name_prefix="archive") as storing:
        for part in parts:
            begun = begin(session, part, "table")
            under_way.append(storing.submit(store, archive, begun, part))
            if len(under_way) == WINDOW:
                yield _finish(session, under_way.popleft())
        while under_way:
            yield _finish(session, under_way.popleft())


def begin(session: Session, part: Part, source: Source) -> Begun:
    """Choose and record a name for the part's object. `source` says where its rows were read."""
    keys = PersonKeys()
    if part.table.is_personal:
        keys = person_keys.ensure(session, part.table, part.day, part.rows, source)
    name = new_name(part.table.name, part.day)
    archive_ledger.begin(
        session,
        name,
        part.table.name,
        part.day,
        part.digest,
        part.row_count,
        part.first.at,
        part.last.at,
        sealed=part.table.is_personal,
    )
    return Begun(name, keys)


def store(archive: ArchiveBucket, begun: Begun, part: Part) -> Stored:
    """Write the object, read it back, compare it, and confirm it by a manifest.

    Raises ArchiveUnavailable, ObjectMissing, ArchiveCorrupt.
    """
    name = begun.name
    content = parquet.to_parquet(begun.keys.seal(part.table, part.rows))
    sha256 = hashlib.sha256(content).digest()
    generation = archive.put(name, part.day, content, PARQUET_TYPE)
    first_at, sealed = part.first.at, part.table.is_personal
    archived = ArchivedObject(name, part.day, first_at, part.row_count, sha256, generation, sealed)
    with integrity(archived):
        rows = begun.keys.open(part.table, read(archive, part.table, archived))
    if not rows.equals(part.rows):
        raise ArchiveCorrupt(
            f"archived data failed its integrity check: {name} does not have the rows that were written to it"
        )
    archive.put(manifest_name(name), part.day, _manifest(part, archived, len(content)), JSON_TYPE)
    return Stored(archived, len(content), rows)


def fetch(session: Session, archive: ArchiveBucket, table: ArchivedTable, archived: ArchivedObject) -> pa.Table:
    """Return the rows of an archived object as its table has them, without those of erased persons.

    Raises ArchiveUnavailable, ObjectMissing if it is gone from the bucket, ArchiveCorrupt if the integrity check fails.
    """
    return open_rows(session, table, archived, read(archive, table, archived))


def open_rows(session: Session, table: ArchivedTable, archived: ArchivedObject, rows: pa.Table) -> pa.Table:
    """Return what `read` returned as the object's table has it. Raises ArchiveCorrupt."""
    with integrity(archived):
        return person_keys.open_rows(session, table, rows)


def read(archive: ArchiveBucket, table: ArchivedTable, archived: ArchivedObject) -> pa.Table:
    """Return the rows of an archived object as it holds them.

    Raises ArchiveUnavailable, ObjectMissing if it is gone from the bucket, ArchiveCorrupt if the integrity check fails.
    """
    content = archive.get(archived.name)
    if hashlib.sha256(content).digest() != archived.sha256:
        raise ArchiveCorrupt(f"archived data failed its integrity check: the checksum of {archived.name} is wrong")
    with integrity(archived):
        rows = parquet.from_parquet(content, table.stored_schema if archived.sealed else table.schema)
    if rows.num_rows != archived.row_count:
        raise ArchiveCorrupt(
            f"archived data failed its integrity check: {archived.name} has {rows.num_rows} rows,"
            f" not {archived.row_count}"
        )
    return rows


def keep(session: Session, stored: Stored) -> None:
    """Make the object part of the archive. Raises ArchiveCorrupt if another run has abandoned it."""
    archived = stored.archived
    if not archive_ledger.keep(session, archived.name, stored.size, archived.sha256, archived.generation):
        raise ArchiveCorrupt(f"the object {archived.name} was abandoned by another run while it was written")


@contextmanager
def integrity(archived: ArchivedObject) -> Iterator[None]:
    """Raise ArchiveCorrupt for an object that is unreadable."""
    try:
        yield
    except parquet.ObjectUnreadable as error:
        raise ArchiveCorrupt(f"archived data failed its integrity check: {archived.name}: {error}") from error


def _finish(session: Session, storing: "Future[Stored]") -> Copy:
    stored = storing.result()
    keep(session, stored)
    return Copy(stored.archived, stored.rows)


def _manifest(part: Part, archived: ArchivedObject, size: int) -> bytes:
    return msgspec.json.encode(
        {
            "object": archived.name,
            "generation": str(archived.generation),
            "bytes": size,
            "sha256": archived.sha256.hex(),
            "table": part.table.name,
            "day": part.day,
            "rows": archived.row_count,
            "first": part.first.at,
            "last": part.last.at,
            "columns": {field.name: str(field.type) for field in part.table.stored_schema},
            "archived_at": datetime.now(UTC),
        }
    )
