"""SQL over the archive: DuckDB reads, of the objects that were verified, the columns and days that a query needs."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import dataset, fs

from commands.archive.bucket import Bucket
from commands.errors import CommandFailed
from utxoiq_infra.archive_columns import COLUMNS

MANIFESTS = "manifests"
PARTITIONS = pa.schema([("year", pa.int16()), ("month", pa.int8()), ("day", pa.int8())])
PARTITIONING = dataset.partitioning(PARTITIONS, flavor="hive")
# What BigQuery's types are called here.
TYPES = {
    "BYTES": pa.uuid(),
    "STRING": pa.string(),
    "INTEGER": pa.int64(),
    "FLOAT": pa.float64(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    "JSON": pa.json_(pa.utf8()),
}


def run(bucket: Bucket, sql: str, since: date = date.min, until: date = date.max) -> duckdb.DuckDBPyRelation | None:
    """Return the answer; None for a statement that has none. Only days from `since` to `until` are looked at.

    A table of which nothing is archived is empty. Raises CommandFailed where the query is wrong.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    storage = _storage(bucket)
    try:
        # A bucket that is not there would pass for one in which nothing is archived.
        storage.get_file_info(fs.FileSelector(bucket.name))
        for table, columns in COLUMNS.items():
            connection.register(table, _rows_of(storage, bucket.name, table, columns, since, until))
    except OSError as error:
        raise CommandFailed(f"the bucket {bucket.name} cannot be read: {error}") from None
    try:
        return connection.sql(sql)
    except duckdb.CatalogException as error:
        raise CommandFailed(str(error), remedy=f"The archive has the tables {', '.join(COLUMNS)}.") from None
    except duckdb.Error as error:
        raise CommandFailed(str(error)) from None


def rows(answer: duckdb.DuckDBPyRelation, limit: int | None = None) -> list[tuple[Any, ...]]:
    """Return the rows of an answer, at most `limit`. Raises CommandFailed."""
    try:
        return (answer if limit is None else answer.limit(limit)).fetchall()
    except duckdb.Error as error:
        raise CommandFailed(str(error)) from None


def _storage(bucket: Bucket) -> fs.FileSystem:
    if bucket.endpoint is None:
        return fs.GcsFileSystem()
    scheme, _, address = bucket.endpoint.partition("://")
    return fs.GcsFileSystem(anonymous=True, scheme=scheme, endpoint_override=address)


def _rows_of(
    storage: fs.FileSystem, bucket: str, table: str, columns: Mapping[str, str], since: date, until: date
) -> dataset.Dataset | pa.Table:
    """The table's verified rows of these days."""
    names = [name for name in _verified(storage, bucket, table) if since <= _day(name) <= until]
    if not names:
        schema = pa.schema([*((name, TYPES[kind]) for name, kind in columns.items()), *PARTITIONS])
        return schema.empty_table()
    return dataset.dataset(
        names, filesystem=storage, format="parquet", partitioning=PARTITIONING, partition_base_dir=f"{bucket}/{table}"
    )


def _verified(storage: fs.FileSystem, bucket: str, table: str) -> list[str]:
    """An object without a manifest is on its way, or was left behind; it is no part of the archive."""
    folder = f"{bucket}/{MANIFESTS}/{table}"
    manifests = storage.get_file_info(fs.FileSelector(folder, allow_not_found=True, recursive=True))
    names = (info.path.removeprefix(f"{bucket}/{MANIFESTS}/") for info in manifests if info.type == fs.FileType.File)
    return sorted(f"{bucket}/{name.removesuffix('.json')}.parquet" for name in names)


def _day(name: str) -> date:
    parts = dict(part.split("=") for part in name.split("/") if "=" in part)
    return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
