"""Conversion between PostgreSQL's CSV and Parquet, by way of Arrow, without loss in either direction."""

import binascii
from collections.abc import Iterator

import pyarrow as pa
from pyarrow import csv
from pyarrow import parquet as pq

from utxoiq_persistence.archive.tables import JSON, UUID
from utxoiq_persistence.errors import PersistenceError

COMPRESSION = "zstd"
UUID_BYTES = 16
CSV_ROWS = 8192
BYTES = pa.binary()
HEXADECIMAL = "\\x"


class ObjectUnreadable(PersistenceError):
    """The content of an archive object is no Parquet, or does not fit its table."""


def from_csv(text: bytes, schema: pa.Schema, row_count: int | None = None) -> pa.Table:
    """Return the rows of PostgreSQL's CSV, in which an unquoted empty value is null and "" is an empty text.

    A known row_count tells whether texts contain line breaks; if there are none, reading takes half the time.
    """
    breaks = row_count is None or text.count(b"\n") != row_count
    read = csv.read_csv(
        pa.BufferReader(text),
        read_options=csv.ReadOptions(column_names=schema.names, block_size=len(text) + 1, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=breaks),
        convert_options=csv.ConvertOptions(
            column_types={field.name: _plain(field.type) for field in schema},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t", "true"],
            false_values=["f", "false"],
        ),
    )
    columns = [_typed(column.combine_chunks(), field.type) for column, field in zip(read.columns, schema, strict=True)]
    return pa.Table.from_arrays(columns, schema=schema)


def to_csv(rows: pa.Table) -> Iterator[bytes]:
    """Yield the rows as CSV that PostgreSQL reads, in blocks."""
    columns = [_untyped(column.combine_chunks()) for column in rows.columns]
    plain = pa.Table.from_arrays(columns, names=rows.schema.names)
    for batch in plain.to_batches(max_chunksize=CSV_ROWS):
        sink = pa.BufferOutputStream()
        csv.write_csv(batch, sink, csv.WriteOptions(include_header=False))
        yield sink.getvalue().to_pybytes()


def to_parquet(rows: pa.Table) -> bytes:
    """Return the rows as a Parquet file.

    Only texts, which repeat, get dictionaries: for ids, times and values they double the time and save nothing.
    """
    texts = [
        column.name for column in rows.schema if _plain(column.type) == pa.string() and column.type not in (UUID, BYTES)
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression=COMPRESSION, use_dictionary=texts)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def from_parquet(content: bytes, schema: pa.Schema) -> pa.Table:
    """Return the rows of a Parquet file. Columns that were added after it was written are null.

    Raises ObjectUnreadable, which names the column, if the file has a column that the table lacks or has of
    another type, or if it lacks a column that takes no null.
    """
    try:
        rows = pq.read_table(pa.BufferReader(content), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise ObjectUnreadable("the object is not readable as Parquet") from error
    if rows.schema.equals(schema):
        return rows
    for name in rows.schema.names:
        if name not in schema.names:
            raise ObjectUnreadable(f"the object has a column that its table lacks: {name}")
    return pa.Table.from_arrays([_fitted(rows, field) for field in schema], schema=schema)


def drop_lines(rows: pa.Table, lines: set[int]) -> pa.Table:
    """Return the rows without those whose number, counted from 1, is in `lines`."""
    kept = pa.array([place for place in range(rows.num_rows) if place + 1 not in lines], pa.int64())
    return rows.take(kept)


def _fitted(rows: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    """Return the file's column as the table has it today."""
    if field.name not in rows.schema.names:
        column = pa.chunked_array([pa.nulls(rows.num_rows, field.type)], field.type)
    else:
        column = rows.column(field.name)
    if column.type != field.type:
        column = _widened(column, field)
    if column.null_count and not field.nullable:
        raise ObjectUnreadable(f"the object has no value in a column that takes no null: {field.name}")
    return column


def _widened(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """Return the column in the table's type: an integer column may have become wider, other changes are refused."""
    if pa.types.is_integer(column.type) and pa.types.is_integer(field.type):
        try:
            return column.cast(field.type)
        except pa.ArrowInvalid as error:
            raise ObjectUnreadable(
                f"the object has values that its table has no room for: {field.name}: {error}"
            ) from error
    raise ObjectUnreadable(f"the object has {column.type} in the column {field.name}, its table {field.type}")


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return the type that the CSV reader reads the column as."""
    return pa.string() if kind in (UUID, JSON, BYTES) else kind


def _typed(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if kind == JSON:
        return pa.ExtensionArray.from_storage(JSON, column)
    if kind == BYTES:
        texts = column.to_pylist()
        return pa.array([None if text is None else binascii.unhexlify(text[2:]) for text in texts], BYTES)
    if kind == UUID and column.null_count:
        values = [None if text is None else binascii.unhexlify(text.replace("-", "")) for text in column.to_pylist()]
        return pa.ExtensionArray.from_storage(UUID, pa.array(values, pa.binary(UUID_BYTES)))
    if kind == UUID:
        digits = column.buffers()[2].to_pybytes().replace(b"-", b"")
        content = pa.py_buffer(binascii.unhexlify(digits))
        storage = pa.FixedSizeBinaryArray.from_buffers(pa.binary(UUID_BYTES), len(column), [None, content])
        return pa.ExtensionArray.from_storage(UUID, storage)
    return column


def _untyped(column: pa.Array) -> pa.Array:
    if column.type == JSON:
        return column.storage
    if column.type == BYTES:
        values = column.to_pylist()
        return pa.array([None if value is None else HEXADECIMAL + value.hex() for value in values], pa.string())
    if column.type == UUID and column.null_count:
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    if column.type == UUID:
        storage = column.storage
        start = storage.offset * UUID_BYTES
        content = storage.buffers()[1].to_pybytes()[start : start + len(storage) * UUID_BYTES]
        offsets = pa.array(range(0, 2 * len(content) + 1, 2 * UUID_BYTES), pa.int32())
        return pa.StringArray.from_buffers(len(storage), offsets.buffers()[1], pa.py_buffer(content.hex().encode()))
    return column
