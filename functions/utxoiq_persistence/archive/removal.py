"""Rows that leave their table because the archive has them: exactly those that are still as they were archived."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pyarrow as pa

from utxoiq_persistence.archive import archiving, column_check, parquet
from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive.archiving import Copy
from utxoiq_persistence.archive.bucket import Archive
from utxoiq_persistence.archive.exports import Part, start_of
from utxoiq_persistence.archive.ledger import Archived
from utxoiq_persistence.archive.tables import SYSTEM_METRICS, ArchivedTable
from utxoiq_persistence.metrics import sketches
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")
BATCH_ROWS = 1000


def load_copy(session: Session, table: ArchivedTable, rows: pa.Table) -> None:
    """Into the session's temporary table of archived rows, numbered in their order, in place of what it held."""
    temporary = f"archived_{table.name}"
    columns = f"line integer GENERATED ALWAYS AS IDENTITY, LIKE {table.name}"
    session.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {temporary} ({columns})")
    session.execute(f"TRUNCATE {temporary} RESTART IDENTITY")
    session.copy_in(f"COPY {temporary} ({table.columns}) FROM STDIN (FORMAT csv)", parquet.to_csv(rows))


def remove(session: Session, archive: Archive, table: ArchivedTable, copy: Copy) -> Iterator[list[UUID]]:
    """Deletes an archived object's rows from their table, in short transactions; the ids, by each of them.

    Rows that have changed since stay, and leave the archive: the object is replaced by one without them.
    Raises ColumnsDiffer where a migration has come between.
    """
    load_copy(session, table, copy.rows)
    for after in range(0, copy.rows.num_rows, BATCH_ROWS):
        with session.transaction():
            session.run(_SQL["mark_archiving"])
            if table is SYSTEM_METRICS:
                sketches.lock(session)
            gone = session.run(
                _SQL[f"{table.name}_delete"],
                after_line=after,
                last_line=after + BATCH_ROWS,
                **_range(table, copy.archived),
            )
            # Now that the table is locked against migrations: one may have come since the run began.
            column_check.check(session, table.listed)
        yield [row_id for (row_id,) in gone]
    changed = {line for (line,) in session.run(_SQL[f"{table.name}_changed"], **_range(table, copy.archived))}
    if changed:
        _replace(session, archive, table, copy, changed)
    else:
        archive_ledger.end(session, copy.archived.name)


def _range(table: ArchivedTable, archived: Archived) -> dict[str, object]:
    """The day, by which PostgreSQL finds the partition."""
    if table is not SYSTEM_METRICS:
        return {}
    return {"from_time": start_of(archived.day), "to_time": start_of(archived.day + timedelta(days=1))}


def _replace(session: Session, archive: Archive, table: ArchivedTable, copy: Copy, changed: set[int]) -> None:
    name = copy.archived.name
    rows = parquet.without(copy.rows, changed)
    if rows.num_rows:
        part = Part.of(table, copy.archived.day, rows)
        replacement = archiving.begin(session, part)
        stored = archiving.store(archive, replacement, part)
        with session.transaction():
            archiving.keep(session, stored)
            archive_ledger.replace(session, name, replacement)
    else:
        archive_ledger.abandon(session, name)
    archiving.discard(archive, name)
