"""The columns of the archive's tables as this checkout lists them, typed as they lie in Parquet."""

import pyarrow as pa

from commands.archive import tables

# As the functions archive PostgreSQL's types; a test compares the two.
TYPES = {
    "uuid": pa.uuid(),
    "jsonb": pa.json_(pa.utf8()),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "character varying": pa.string(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double precision": pa.float64(),
    "date": pa.date32(),
}


def read() -> dict[str, pa.Schema]:
    """Return each table's columns, all of which take null: an object may be older than a column."""
    return {
        table: pa.schema([(name, TYPES[text.removesuffix(" not null")]) for name, text in listed["columns"].items()])
        for table, listed in tables.listed().items()
    }
