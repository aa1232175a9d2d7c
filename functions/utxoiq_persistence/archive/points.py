"""Points of metrics copied out of the database in columns, without a step for each row.

A day has many, and COPY as CSV, with the join of their series, takes PostgreSQL two and a half times as long as COPY
in its binary format without that join. What has a size of its own comes in one COPY, in which all rows are of one size
and are taken apart column by column; columns of other sizes, or with nulls, come in one COPY each, of values alone.
"""

import array
import sys
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
from pg8000.native import identifier
from pyarrow import compute

from utxoiq_persistence.archive import parquet
from utxoiq_persistence.archive.ledger import DayDigest
from utxoiq_persistence.archive.parts import CsvBlocks, Part, Place, start_of_day
from utxoiq_persistence.archive.tables import SYSTEM_METRICS, TYPES, UUID
from utxoiq_persistence.errors import PersistenceError
from utxoiq_persistence.postgres import arrays
from utxoiq_persistence.postgres.binary_copy import COLUMN_HEADER_BYTES, FRAME_BYTES, ROW_HEADER_BYTES
from utxoiq_persistence.postgres.columns import OF_SERIES, POINTS, Column
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")
_SERIES = Column("series", "bigint", takes_null=False)
_DIGEST = Column("digest", "bigint", takes_null=False)
# The bytes that a value of each type has in PostgreSQL's binary format.
_SIZES = {"bigint": 8, "double precision": 8, "timestamp with time zone": 8, "uuid": 16, "boolean": 1}
# PostgreSQL counts microseconds from 2000, Arrow from 1970.
_EPOCH = pa.scalar(946_684_800_000_000, pa.int64())
_HAS_SIZE = [column for column in POINTS.columns if column.type in _SIZES and not column.takes_null]
_VARYING = [column for column in POINTS.columns if column not in _HAS_SIZE]
# The fields of a row in the order in which it is sent; of varying columns, whether there is a value.
_FIELDS = [
    _SERIES,
    *_HAS_SIZE,
    *(Column(column.name, "boolean", takes_null=False) for column in _VARYING),
    _DIGEST,
]
_ROW_BYTES = ROW_HEADER_BYTES + sum(COLUMN_HEADER_BYTES + _SIZES[field.type] for field in _FIELDS)
_NAMES = pa.schema([pa.field(_SERIES.name, pa.int64()), *(f for f in SYSTEM_METRICS.schema if f.name in OF_SERIES)])


class SeriesMissing(PersistenceError):
    """Points belong to a series that has no name. They stay where they are: without it the archive would lack them."""


def copy(session: Session, day: date, after: Place | None, limit: int, most_bytes: int) -> Part | None:
    """Return the day's next points as rows of system_metrics, at most `limit`; None if there are none.

    The session is in a transaction with one snapshot. The rows are cut where a column of texts would exceed
    `most_bytes`. Raises SeriesMissing.
    """
    bounds: dict[str, object] = {"from_time": start_of_day(day), "to_time": start_of_day(day + timedelta(days=1))}
    if after is not None:
        bounds |= after.parameters("after")
    part = _SQL["metric_points_part"].inline(**bounds, limit=limit)
    selected = ", ".join([_SERIES.name, *map(_quoted, _HAS_SIZE), *(f"{_quoted(one)} IS NOT NULL" for one in _VARYING)])
    digest = f"hash_record_extended(ROW({_SERIES.name}, {POINTS.sql()}), 0)"
    query = f'SELECT {selected}, {digest} FROM ({part}) AS point ORDER BY "timestamp", id, {_SERIES.name}'  # noqa: S608
    points = _Points(session.copy_out_frames(f"COPY ({query}) TO STDOUT (FORMAT binary)", _ROW_BYTES))
    if not points.row_count:
        return None
    if points.row_count == limit:
        bounds |= points.place(limit - 1).parameters("last")
    between = _SQL["metric_points_between"].inline(**bounds)
    values = {column: _copy_values(session, column, between, points, most_bytes) for column in _VARYING}
    kept = min([points.row_count, *(points.reach(column, csv) for column, csv in values.items())])
    rows = _Rows(points, values, _copy_names(session, points.column(_SERIES)), kept)
    return Part(
        SYSTEM_METRICS,
        day,
        kept,
        points.place(0),
        points.place(kept - 1),
        rows.assemble,
        DayDigest(kept, _exclusive_or(points.column(_DIGEST).slice(0, kept))),
        is_cut=kept < points.row_count,
    )


class _Points:
    """Rows as `Session.copy_out_frames` returns them."""

    def __init__(self, frames: bytes) -> None:
        width = FRAME_BYTES + _ROW_BYTES
        self.row_count = len(frames) // width
        self._frames = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(width), self.row_count, [None, pa.py_buffer(frames)]
        )
        self._columns: dict[Column, pa.Array] = {}

    def column(self, column: Column) -> pa.Array:
        """Return the values of a field, as Arrow has them."""
        if column not in self._columns:
            self._columns[column] = self._read(column)
        return self._columns[column]

    def place(self, number: int) -> Place:
        """Return the place of a row, by its number."""
        moment, row_id = (column for name in ("timestamp", "id") for column in _HAS_SIZE if column.name == name)
        values = (self.column(column)[number].as_py() for column in (moment, row_id, _SERIES))
        return Place(*values)

    def flags(self, column: Column) -> pa.Array:
        """Return whether each row has a value of a column that comes separately."""
        return self.column(Column(column.name, "boolean", takes_null=False))

    def reach(self, column: Column, csv: CsvBlocks) -> int:
        """Return how many rows there are before the first one whose value of a column is not among the CSV."""
        if not csv.is_cut:
            return self.row_count
        number: int = compute.indices_nonzero(self.flags(column))[csv.row_count].as_py()
        return number

    def _read(self, column: Column) -> pa.Array:
        before = _FIELDS[: _FIELDS.index(column)]
        start = FRAME_BYTES + ROW_HEADER_BYTES + COLUMN_HEADER_BYTES
        start += sum(COLUMN_HEADER_BYTES + _SIZES[field.type] for field in before)
        values = compute.binary_slice(self._frames, start, start + _SIZES[column.type])
        if column.type == "uuid":
            return pa.ExtensionArray.from_storage(UUID, values)
        content = values.buffers()[1]
        if column.type == "boolean":
            flags = pa.Array.from_buffers(pa.uint8(), self.row_count, [None, content])
            return compute.not_equal(flags, pa.scalar(0, pa.uint8()))
        numbers = array.array("q", content.to_pybytes())
        if sys.byteorder == "little":
            numbers.byteswap()
        kind = pa.float64() if column.type == "double precision" else pa.int64()
        read = pa.Array.from_buffers(kind, self.row_count, [None, pa.py_buffer(numbers)])
        if column.type == "timestamp with time zone":
            return compute.add_checked(read, _EPOCH).cast(TYPES[column.type])
        return read


@dataclass(frozen=True)
class _Rows:
    """What PostgreSQL sent of the first `kept` rows, and maybe of more."""

    points: _Points
    values: dict[Column, CsvBlocks]
    names: CsvBlocks
    kept: int

    def assemble(self) -> pa.Table:
        """Return the rows as the table has them."""
        columns = {
            **{column.name: self.points.column(column) for column in _HAS_SIZE},
            **{column.name: self._place_values(column, csv) for column, csv in self.values.items()},
            **self._find_names(),
        }
        schema = SYSTEM_METRICS.schema
        return pa.Table.from_arrays([columns[field.name].slice(0, self.kept) for field in schema], schema=schema)

    def _place_values(self, column: Column, csv: CsvBlocks) -> pa.Array:
        """Return a column with the values in their rows, and null in the others."""
        field = SYSTEM_METRICS.schema.field(column.name)
        if not csv.row_count:
            return pa.nulls(self.kept, field.type)
        values = parquet.from_csv(csv.text, pa.schema([field]), csv.row_count).column(0).combine_chunks()
        flags = self.points.flags(column).slice(0, self.kept)
        numbers = compute.subtract(compute.cumulative_sum(flags.cast(pa.int64())), 1)
        return values.take(compute.if_else(flags, numbers, pa.scalar(None, pa.int64())))

    def _find_names(self) -> dict[str, pa.Array]:
        names = parquet.from_csv(self.names.text, _NAMES, self.names.row_count).combine_chunks()
        index = compute.index_in(self.points.column(_SERIES), names.column(_SERIES.name).combine_chunks())
        return {name: names.column(name).combine_chunks().take(index) for name in OF_SERIES}


def _copy_values(session: Session, column: Column, between: str, points: _Points, most_bytes: int) -> CsvBlocks:
    """Return the values of a column that has values of any size, or none, up to about `most_bytes`."""
    if not points.flags(column).true_count:
        return CsvBlocks(most_bytes)
    query = (
        f"SELECT {_quoted(column)} FROM ({between}) AS point WHERE {_quoted(column)} IS NOT NULL"  # noqa: S608
        f' ORDER BY "timestamp", id, {_SERIES.name}'
    )
    return CsvBlocks.collect(session.copy_out(f"COPY ({query}) TO STDOUT (FORMAT csv)"), most_bytes)


def _copy_names(session: Session, series: pa.Array) -> CsvBlocks:
    """Return the series with their names. Raises SeriesMissing."""
    numbers = [str(number) for number in series.unique().to_pylist()]
    query = _SQL["metric_series_names"].inline(series=arrays.encode_texts(numbers))
    csv = CsvBlocks.collect(session.copy_out(f"COPY ({query}) TO STDOUT (FORMAT csv)"), sys.maxsize)
    if csv.row_count < len(numbers):
        raise SeriesMissing(f"metric_points has points of {len(numbers)} series, of which metric_series lacks some")
    return csv


def _exclusive_or(hashes: pa.Array) -> int:
    """Return the XOR of at least one number."""
    while len(hashes) > 1:
        half, odd = divmod(len(hashes), 2)
        rest = hashes.slice(2 * half, odd)
        folded = compute.bit_wise_xor(hashes.slice(0, half), hashes.slice(half, half))
        hashes = pa.concat_arrays([folded, rest])
    result: int = hashes[0].as_py()
    return result


def _quoted(column: Column) -> str:
    return str(identifier(column.name))
