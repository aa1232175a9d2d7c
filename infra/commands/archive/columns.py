"""The columns of the archive's tables as this checkout lists them, typed as they lie in Parquet."""

import pyarrow as pa

from utxoiq_infra import archived_columns

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
    "bytea": pa.binary(),
}


def read() -> dict[str, pa.Schema]:
    """Return each table's columns, all of which take null: an object may be older than a column."""
    return {
        table: pa.schema([(name, TYPES[kind]) for name, kind in columns.items()])
        for table, columns in archived_columns.read().items()
    }
