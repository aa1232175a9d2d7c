"""Operators' SQL over the archive: it sees a copy of some days' rows, without what they tell of persons."""

import logging
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pyarrow as pa
from msgspec import Struct

from utxoiq_persistence.archive import archiving, sql_sandbox
from utxoiq_persistence.archive.archiving import ArchiveCorrupt
from utxoiq_persistence.archive.bucket import ArchiveBucket, ArchiveUnavailable, ObjectMissing
from utxoiq_persistence.archive.ledger import ArchivedObject
from utxoiq_persistence.archive.tables import ArchivedTable
from utxoiq_persistence.errors import RuleBroken

MOST_TIME = timedelta(days=31)
# Of the rows in memory, which the process that answers holds once more.
MOST_COPIED_BYTES = 64 * 2**20
# For all objects of a query together.
READING_SECONDS = 15.0
# The day of an object, as DuckDB has it from the path where the archive is asked where it lies.
DAY = (("year", pa.int16()), ("month", pa.int8()), ("day", pa.int8()))

_log = logging.getLogger(__name__)


class QueryAnswer(Struct):
    """What a query answered.

    Attributes:
        columns: The names of the answer's columns.
        types: DuckDB's types of them.
        rows: The values as text; None for null.
        is_cut: Whether there are more rows than those.
        objects: How many objects were read.
        rows_read: How many rows they have.
        gone: The objects that are gone from the bucket.
        damaged: The objects that failed their integrity check.
    """

    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]
    is_cut: bool
    objects: int
    rows_read: int
    gone: list[str]
    damaged: list[str]


@dataclass
class _Read:
    """Counts what was read of the bucket."""

    objects: int = 0
    rows: int = 0
    copied_bytes: int = 0
    seconds: float = 0.0
    gone: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def check_range(start: datetime, end: datetime) -> None:
    """Raise RuleBroken if the range ends before it starts, or is longer than a query may look at."""
    if end <= start:
        raise RuleBroken("end_time is not after start_time")
    if end - start > MOST_TIME:
        raise RuleBroken(f"end_time is more than {MOST_TIME.days} days after start_time; ask for fewer days")


def run(archive: ArchiveBucket, table: ArchivedTable, objects: Iterable[ArchivedObject], sql: str) -> QueryAnswer:
    """Return what the SQL answers over the objects' rows. What tells of persons is null, for everybody.

    An object that cannot be read keeps no other one from being read. Raises QueryRefused, RuleBroken if the objects
    hold more than is copied, ArchiveUnavailable, also if they take too long to be read.
    """
    read = _Read()
    found = sql_sandbox.ask(table.name, _schema(table), _read_all(archive, table, objects, read), sql)
    return QueryAnswer(
        found.columns,
        found.types,
        found.rows,
        found.is_cut,
        objects=read.objects,
        rows_read=read.rows,
        gone=read.gone,
        damaged=read.damaged,
    )


def _read_all(
    archive: ArchiveBucket, table: ArchivedTable, objects: Iterable[ArchivedObject], read: _Read
) -> Iterator[pa.Table]:
    """Yield the rows of each object that is there and undamaged. Raises RuleBroken, ArchiveUnavailable."""
    for archived in objects:
        try:
            rows = _without_persons(table, _read_in_time(archive, table, archived, read), archived.day)
        except ObjectMissing:
            read.gone.append(archived.name)
            continue
        except ArchiveCorrupt:
            _log.exception("a query leaves out a damaged object")
            read.damaged.append(archived.name)
            continue
        read.objects += 1
        read.rows += rows.num_rows
        read.copied_bytes += rows.nbytes
        if read.copied_bytes > MOST_COPIED_BYTES:
            raise RuleBroken(
                f"the rows up to {archived.day} take more than the {MOST_COPIED_BYTES // 2**20} MiB that a query may "
                "look at; ask for fewer days"
            )
        yield rows


def _read_in_time(archive: ArchiveBucket, table: ArchivedTable, archived: ArchivedObject, read: _Read) -> pa.Table:
    """Return the object's rows. Raises ArchiveUnavailable if the bucket is too slow, ObjectMissing, ArchiveCorrupt.

    The bucket's own patience ends a silence, not an answer that trickles in: that is left to end by itself.
    """
    begun = time.monotonic()
    thread = ThreadPoolExecutor(1, thread_name_prefix="query")
    try:
        reading = thread.submit(archiving.read, archive, table, archived)
        return reading.result(READING_SECONDS - read.seconds)
    except TimeoutError:
        raise ArchiveUnavailable(
            f"the archive's bucket took more than {READING_SECONDS:g} seconds for the rows up to {archived.day}; "
            "try again, or ask for fewer days"
        ) from None
    finally:
        thread.shutdown(wait=False, cancel_futures=True)
        read.seconds += time.monotonic() - begun


def _without_persons(table: ArchivedTable, rows: pa.Table, day: date) -> pa.Table:
    """Return the rows with the columns that SQL sees; an object of an earlier release has persons' values in clear."""
    columns = [
        pa.nulls(rows.num_rows, column.type) if column.name in table.listed.personal else rows.column(column.name)
        for column in table.schema
    ]
    days = [pa.repeat(pa.scalar(getattr(day, name), kind), rows.num_rows) for name, kind in DAY]
    return pa.Table.from_arrays([*columns, *days], schema=_schema(table))


def _schema(table: ArchivedTable) -> pa.Schema:
    return pa.schema([*((column.name, column.type) for column in table.schema), *DAY])
