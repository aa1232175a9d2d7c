"""The tables whose rows are archived, with their Parquet types."""

from dataclasses import dataclass

import pyarrow as pa

from utxoiq_persistence.postgres.columns import TABLES as LISTED
from utxoiq_persistence.postgres.columns import Column, ListedTable

INSTANT = pa.timestamp("us", tz="UTC")
UUID = pa.uuid()
JSON = pa.json_(pa.utf8())
# The Parquet type of each PostgreSQL type. A new one needs a round trip in tests/unit/retention/test_parquet.py.
TYPES = {
    "uuid": UUID,
    "jsonb": JSON,
    "timestamp with time zone": INSTANT,
    "character varying": pa.string(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double precision": pa.float64(),
    "date": pa.date32(),
}


@dataclass(frozen=True)
class ArchivedTable:
    """A table whose expired rows are archived, with the Parquet schema of its objects."""

    listed: ListedTable
    schema: pa.Schema

    @classmethod
    def from_list(cls, table: ListedTable) -> "ArchivedTable":
        """Return the table with its columns' types. Raises ValueError for one that cannot be archived."""
        return cls(table, pa.schema([_field(table.name, column) for column in table.columns]))

    @property
    def name(self) -> str:
        """Return the table's name."""
        return self.listed.name

    @property
    def moments(self) -> tuple[str, ...]:
        """Return the columns of which the first one with a value is a row's time."""
        return self.listed.moments

    @property
    def columns(self) -> str:
        """Return the columns as SQL lists them."""
        return self.listed.sql()


def _field(table: str, column: Column) -> pa.Field:
    if column.type not in TYPES:
        raise ValueError(
            f"sql/columns.toml: {table}.{column} has a type that is not archived yet; add it to {__name__}"
        )
    return pa.field(column.name, TYPES[column.type], nullable=column.takes_null)


TABLES = {name: ArchivedTable.from_list(table) for name, table in LISTED.items()}
BACKFILL_JOBS = TABLES["backfill_jobs"]
INSIGHT_FEEDBACK = TABLES["insight_feedback"]
SYSTEM_METRICS = TABLES["system_metrics"]
