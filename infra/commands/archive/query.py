"""SQL over the archive: DuckDB reads, of the objects that were verified, the columns and days that a query needs."""

from datetime import date

import duckdb
import pyarrow as pa
from pyarrow import dataset, fs

from commands.archive.errors import CannotDo
from commands.archive.stack import Bucket

TABLES = ("backfill_jobs", "insight_feedback", "system_metrics")
MANIFESTS = "manifests"
PARTITIONS = dataset.partitioning(
    pa.schema([("year", pa.int16()), ("month", pa.int8()), ("day", pa.int8())]), flavor="hive"
)


def run(bucket: Bucket, sql: str, since: date = date.min, until: date = date.max) -> duckdb.DuckDBPyRelation | None:
    """The answer; None for what has none. Only days from `since` to `until`, both in it, are looked at.

    Raises CannotDo where the query is wrong, or asks for a table of which nothing is archived.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    storage = _storage(bucket)
    known = [table for table in TABLES if _register(connection, storage, bucket.name, table, since, until)]
    try:
        return connection.sql(sql)
    except duckdb.CatalogException as error:
        raise CannotDo(f"{error}\nThe archive has: {', '.join(known) or 'nothing'}") from None
    except duckdb.Error as error:
        raise CannotDo(str(error)) from None


def _storage(bucket: Bucket) -> fs.FileSystem:
    if bucket.endpoint is None:
        return fs.GcsFileSystem()
    scheme, _, address = bucket.endpoint.partition("://")
    return fs.GcsFileSystem(anonymous=True, scheme=scheme, endpoint_override=address)


def _register(
    connection: duckdb.DuckDBPyConnection, storage: fs.FileSystem, bucket: str, table: str, since: date, until: date
) -> bool:
    """Makes the table known to the connection, if anything of it is archived."""
    names = [name for name in _verified(storage, bucket, table) if since <= _day(name) <= until]
    if not names:
        return False
    rows = dataset.dataset(
        names, filesystem=storage, format="parquet", partitioning=PARTITIONS, partition_base_dir=f"{bucket}/{table}"
    )
    connection.register(table, rows)
    return True


def _verified(storage: fs.FileSystem, bucket: str, table: str) -> list[str]:
    """An object without a manifest is on its way, or was left behind; it is no part of the archive."""
    folder = f"{bucket}/{MANIFESTS}/{table}"
    manifests = storage.get_file_info(fs.FileSelector(folder, allow_not_found=True, recursive=True))
    names = (info.path.removeprefix(f"{bucket}/{MANIFESTS}/") for info in manifests if info.type == fs.FileType.File)
    return sorted(f"{bucket}/{name.removesuffix('.json')}.parquet" for name in names)


def _day(name: str) -> date:
    parts = dict(part.split("=") for part in name.split("/") if "=" in part)
    return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
