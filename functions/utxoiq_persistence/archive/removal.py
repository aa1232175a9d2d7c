"""Deletion of archived rows from their table: exactly those that have not changed since they were archived."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pyarrow as pa

from utxoiq_persistence.archive import archiving, column_check, parquet
from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive.archiving import Copy
from utxoiq_persistence.archive.bucket import ArchiveBucket
from utxoiq_persistence.archive.ledger import ArchivedObject
from utxoiq_persistence.archive.parts import Part, start_of_day
from utxoiq_persistence.archive.tables import SYSTEM_METRICS, ArchivedTable
from utxoiq_persistence.metrics import sketches
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")
BATCH_ROWS = 1000


def load_copy(session: Session, table: ArchivedTable, rows: pa.Table) -> None:
    """Replace the rows of the session's temporary table of archived rows by these, numbered in their order."""
    temporary = f"archived_{table.name}"
    columns = f"line integer GENERATED ALWAYS AS IDENTITY, LIKE {table.name}"
    session.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {temporary} ({columns})")
    session.execute(f"TRUNCATE {temporary} RESTART IDENTITY")
    session.copy_in(f"COPY {temporary} ({table.columns}) FROM STDIN (FORMAT csv)", parquet.to_csv(rows))


def remove(session: Session, archive: ArchiveBucket, table: ArchivedTable, copy: Copy) -> Iterator[list[UUID]]:
    """Delete an archived object's rows from their table in short transactions. Yield the ids that each one deleted.

    Rows that have changed since stay, and leave the archive: the object is replaced by one without them. Raises
    ColumnsDiffer if a migration has run meanwhile, ArchiveUnavailable, ArchiveCorrupt.
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
            # The table is locked against migrations only now: one may have run since this run began.
            column_check.check(session, table.listed)
        yield [row_id for (row_id,) in gone]
    changed = {line for (line,) in session.run(_SQL[f"{table.name}_changed"], **_range(table, copy.archived))}
    if changed:
        _replace(session, archive, table, copy, changed)
    else:
        archive_ledger.end(session, copy.archived.name)


def _range(table: ArchivedTable, archived: ArchivedObject) -> dict[str, object]:
    """Return the parameters for the object's day, by which PostgreSQL finds the partition."""
    if table is not SYSTEM_METRICS:
        return {}
    return {"from_time": start_of_day(archived.day), "to_time": start_of_day(archived.day + timedelta(days=1))}


def _replace(session: Session, archive: ArchiveBucket, table: ArchivedTable, copy: Copy, changed: set[int]) -> None:
    name = copy.archived.name
    rows = parquet.drop_lines(copy.rows, changed)
    if rows.num_rows:
        part = Part.from_rows(table, copy.archived.day, rows)
        begun = archiving.begin(session, part, "sealed" if copy.archived.sealed else "clear")
        stored = archiving.store(archive, begun, part)
        with session.transaction():
            archiving.keep(session, stored)
            archive_ledger.replace(session, name, begun.name)
    else:
        archive_ledger.abandon(session, name)
    archive.withdraw(name)
