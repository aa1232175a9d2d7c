"""Parts on their way into the archive: written, read back, compared, and only then recorded as archived."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import pyarrow as pa

from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive import parquet
from utxoiq_persistence.archive.bucket import (
    JSON_TYPE,
    PARQUET_TYPE,
    Archive,
    ObjectMissing,
    manifest_of,
    new_name,
)
from utxoiq_persistence.archive.exports import Part
from utxoiq_persistence.archive.ledger import Archived
from utxoiq_persistence.archive.tables import ArchivedTable
from utxoiq_persistence.errors import PersistenceError
from utxoiq_persistence.postgres.session import Session

# Parts under way at once: one is being stored while the next one is read from the database.
WINDOW = 2


class ArchiveCorrupt(PersistenceError):
    """What was read from the bucket is not what was written. No row was deleted for it."""


@dataclass(frozen=True)
class Stored:
    """A verified object of the bucket. rows: as they were read back."""

    archived: Archived
    size: int
    rows: pa.Table


@dataclass(frozen=True)
class Copy:
    """An object that is part of the archive, with its rows as they lie there."""

    archived: Archived
    rows: pa.Table


def archive_all(session: Session, archive: Archive, parts: Iterable[Part]) -> Iterator[Copy]:
    """Archives the parts in their order. Raises ArchiveUnavailable, ArchiveCorrupt.

    The session must be free whenever the next copy is asked for. Left before its end, what is under way is abandoned by
    the table's next run.
    """
    under_way: deque[Future[Stored]] = deque()
    with ThreadPoolExecutor(WINDOW, thread_name_prefix="archive") as storing:
        for part in parts:
            name = begin(session, part)
            under_way.append(storing.submit(store, archive, name, part))
            if len(under_way) == WINDOW:
                yield _finish(session, under_way.popleft())
        while under_way:
            yield _finish(session, under_way.popleft())


def begin(session: Session, part: Part) -> str:
    """The name of an object for the part, of which the database knows from now on."""
    name = new_name(part.table.name, part.day)
    archive_ledger.begin(
        session,
        name,
        part.table.name,
        part.day,
        part.digest,
        part.row_count,
        part.first_at,
        part.last_at,
    )
    return name


def store(archive: Archive, name: str, part: Part) -> Stored:
    """Writes the object, reads it back, compares it, and confirms it by a manifest."""
    written = parquet.from_csv(part.text, part.table.schema, part.row_count)
    content = parquet.to_parquet(written)
    sha256 = hashlib.sha256(content).digest()
    generation = archive.put(name, part.day, content, PARQUET_TYPE)
    archived = Archived(name, part.day, part.first_at, part.row_count, sha256, generation)
    rows = fetch(archive, part.table, archived)
    if not rows.equals(written) or (part.digest is not None and part.digest.row_count != rows.num_rows):
        raise ArchiveCorrupt(f"the object {name} does not hold the rows that were written to it")
    archive.put(manifest_of(name), part.day, _manifest(part, archived, len(content)), JSON_TYPE)
    return Stored(archived, len(content), rows)


def fetch(archive: Archive, table: ArchivedTable, archived: Archived) -> pa.Table:
    """The rows of an archived object. Raises ArchiveCorrupt where it is not what was archived."""
    try:
        content = archive.get(archived.name, archived.generation)
        if hashlib.sha256(content).digest() != archived.sha256:
            raise ArchiveCorrupt(f"the object {archived.name} is not what was written: its checksum is another")
        rows = parquet.from_parquet(content, table.schema)
    except (ObjectMissing, parquet.Unreadable) as error:
        raise ArchiveCorrupt(f"the object {archived.name} is not what was written: {error}") from error
    if rows.num_rows != archived.row_count:
        raise ArchiveCorrupt(f"the object {archived.name} has {rows.num_rows} rows, not {archived.row_count}")
    return rows


def discard(archive: Archive, name: str) -> None:
    """Removes an object that is no part of the archive; its manifest first, so that nobody looks for the object."""
    archive.remove(manifest_of(name))
    archive.remove(name)


def keep(session: Session, stored: Stored) -> None:
    """From now on the object is part of the archive. Raises ArchiveCorrupt where another run has abandoned it."""
    archived = stored.archived
    if not archive_ledger.keep(session, archived.name, stored.size, archived.sha256, archived.generation):
        raise ArchiveCorrupt(f"the object {archived.name} was abandoned by another run while it was written")


def _finish(session: Session, storing: "Future[Stored]") -> Copy:
    stored = storing.result()
    keep(session, stored)
    return Copy(stored.archived, stored.rows)


def _manifest(part: Part, archived: Archived, size: int) -> bytes:
    return msgspec.json.encode(
        {
            "object": archived.name,
            "generation": str(archived.generation),
            "bytes": size,
            "sha256": archived.sha256.hex(),
            "table": part.table.name,
            "day": part.day,
            "rows": archived.row_count,
            "first": part.first_at,
            "last": part.last_at,
            "columns": {field.name: str(field.type) for field in part.table.schema},
            "archived_at": datetime.now(UTC),
        }
    )
