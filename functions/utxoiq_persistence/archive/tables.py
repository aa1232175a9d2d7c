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
    "bytea": pa.binary(),
}
TEXTS = ("character varying", "text")


@dataclass(frozen=True)
class ArchivedTable:
    """A table whose expired rows are archived.

    Attributes:
        listed: The table's columns in PostgreSQL.
        schema: The Parquet types of those columns.
        stored_schema: The Parquet schema of new objects, which differs where the table has personal columns.
    """

    listed: ListedTable
    schema: pa.Schema
    stored_schema: pa.Schema

    @classmethod
    def from_list(cls, table: ListedTable) -> "ArchivedTable":
        """Return the table with its columns' types. Raises ValueError for one that cannot be archived."""
        stored = [column for column in table.columns if column.name not in table.personal]
        for column in table.columns:
            if column.name in table.personal and column.type not in TEXTS:
                raise ValueError(f"sql/columns.toml: {table.name}.{column} is personal, and is no text")
        return cls(
            table,
            pa.schema([_field(table.name, column) for column in table.columns]),
            pa.schema([_field(table.name, column) for column in (*stored, *table.sealed)]),
        )

    @property
    def name(self) -> str:
        """Return the table's name."""
        return self.listed.name

    @property
    def moments(self) -> tuple[str, ...]:
        """Return the columns of which the first one with a value is a row's time."""
        return self.listed.moments

    @property
    def is_personal(self) -> bool:
        """Return whether rows tell of persons, so that objects hold them encrypted."""
        return bool(self.listed.personal)

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
