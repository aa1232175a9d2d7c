"""SQL over the archive: DuckDB reads, of the objects that were verified, the columns and days that a query needs."""

from datetime import date

import duckdb
import pyarrow as pa
from pyarrow import dataset, fs
from pyarrow import parquet as pq

from archive_tools import columns
from archive_tools.errors import CannotDo
from archive_tools.stack import Bucket

TABLES = columns.read()
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
    """Makes the table known to the connection, if anything of it is archived. Raises CannotDo."""
    names = [name for name in _verified(storage, bucket, table) if since <= _day(name) <= until]
    if not names:
        return False
    _check_columns(storage, _newest(storage, bucket, table), table)
    rows = dataset.dataset(
        names,
        # Objects that are older than a column have no such column: it is null there.
        schema=pa.schema([*TABLES[table], *PARTITIONS.schema]),
        filesystem=storage,
        format="parquet",
        partitioning=PARTITIONS,
        partition_base_dir=f"{bucket}/{table}",
    )
    connection.register(table, rows)
    return True


def _verified(storage: fs.FileSystem, bucket: str, table: str) -> list[str]:
    """An object without a manifest is on its way, or was left behind; it is no part of the archive."""
    return sorted(_object(bucket, manifest) for manifest in _manifests(storage, bucket, table))


def _newest(storage: fs.FileSystem, bucket: str, table: str) -> str:
    """Return the object that was written last; it has every column that any release has archived up to then."""
    return _object(bucket, max(_manifests(storage, bucket, table), key=lambda manifest: manifest.mtime))


def _manifests(storage: fs.FileSystem, bucket: str, table: str) -> list[fs.FileInfo]:
    folder = f"{bucket}/{MANIFESTS}/{table}"
    found = storage.get_file_info(fs.FileSelector(folder, allow_not_found=True, recursive=True))
    return [info for info in found if info.type == fs.FileType.File]


def _object(bucket: str, manifest: fs.FileInfo) -> str:
    name = manifest.path.removeprefix(f"{bucket}/{MANIFESTS}/").removesuffix(".json")
    return f"{bucket}/{name}.parquet"


def _check_columns(storage: fs.FileSystem, name: str, table: str) -> None:
    """Raises CannotDo where the archive has columns that this checkout knows nothing of."""
    with storage.open_input_file(name) as file:
        unknown = [column for column in pq.read_schema(file).names if column not in TABLES[table].names]
    if unknown:
        raise CannotDo(
            f"{table} has columns in the archive that this checkout's sql/columns.toml lacks: {', '.join(unknown)}; "
            "check out the release that is deployed"
        )


def _day(name: str) -> date:
    parts = dict(part.split("=") for part in name.split("/") if "=" in part)
    return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
