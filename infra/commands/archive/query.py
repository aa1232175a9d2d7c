"""SQL over the archive: DuckDB reads, of the objects that were verified, the columns and days that a query needs."""

from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import dataset, fs
from pyarrow import parquet as pq

from commands.archive import columns
from commands.archive.bucket import Bucket
from commands.archive.people import PERSONAL, Find, reveal
from commands.errors import CommandFailed

MANIFESTS = "manifests"
WITHDRAWN = ".withdrawn.json"
PARTITIONS = pa.schema([("year", pa.int16()), ("month", pa.int8()), ("day", pa.int8())])
PARTITIONING = dataset.partitioning(PARTITIONS, flavor="hive")
TABLES = columns.read()


def run(
    bucket: Bucket, sql: str, since: date = date.min, until: date = date.max, find: Find | None = None
) -> duckdb.DuckDBPyRelation | None:
    """Return the answer; None for a statement that has none. Only days from `since` to `until` are looked at.

    What is encrypted of persons is null, unless `find` finds their keys. A table of which nothing is archived is
    empty. Raises CommandFailed where the query is wrong.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    storage = _storage(bucket)
    try:
        # A bucket that is not there would pass for one in which nothing is archived.
        storage.get_file_info(fs.FileSelector(bucket.name))
        for table in TABLES:
            rows = _open_rows(storage, bucket.name, table, since, until)
            if find is not None and table in PERSONAL and isinstance(rows, dataset.Dataset):
                rows = reveal(table, rows.to_table(), find)
            connection.register(table, rows)
    except OSError as error:
        raise CommandFailed(f"the bucket {bucket.name} cannot be read: {error}") from None
    try:
        return connection.sql(sql)
    except duckdb.CatalogException as error:
        raise CommandFailed(str(error), remedy=f"The archive has the tables {', '.join(TABLES)}.") from None
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


def _open_rows(storage: fs.FileSystem, bucket: str, table: str, since: date, until: date) -> dataset.Dataset | pa.Table:
    """Return the table's verified rows of these days. Raises CommandFailed."""
    # Objects that are older than a column have no such column: it is null there.
    schema = pa.schema([*TABLES[table], *PARTITIONS])
    verified = _verified(storage, bucket, table)
    names = sorted(name for name in verified if since <= _day(name) <= until)
    if not names:
        return schema.empty_table()
    _check_columns(storage, max(verified, key=lambda name: verified[name]), table)
    return dataset.dataset(
        names,
        schema=schema,
        filesystem=storage,
        format="parquet",
        partitioning=PARTITIONING,
        partition_base_dir=f"{bucket}/{table}",
    )


def _check_columns(storage: fs.FileSystem, newest: str, table: str) -> None:
    """Raise CommandFailed where the object written last has columns that this checkout does not list."""
    with storage.open_input_file(newest) as file:
        unknown = [column for column in pq.read_schema(file).names if column not in TABLES[table].names]
    if unknown:
        raise CommandFailed(
            f"{table} has columns in the archive that this checkout's sql/columns.toml lacks: {', '.join(unknown)}",
            remedy="Check out the release that is deployed.",
        )


def _verified(storage: fs.FileSystem, bucket: str, table: str) -> dict[str, datetime]:
    """Return the objects that have a manifest and were not withdrawn, each with the moment when that was written.

    One without is on its way, or was left behind; it is no part of the archive. A manifest without its object is of one
    that somebody moved away, or that the lifecycle removed first.
    """
    manifests = {
        path.removeprefix(f"{bucket}/{MANIFESTS}/"): written
        for path, written in _files(storage, f"{bucket}/{MANIFESTS}/{table}").items()
    }
    withdrawn = {name.removesuffix(WITHDRAWN) for name in manifests if name.endswith(WITHDRAWN)}
    stems = {name.removesuffix(".json"): moment for name, moment in manifests.items() if not name.endswith(WITHDRAWN)}
    confirmed = {f"{bucket}/{stem}.parquet": moment for stem, moment in stems.items() if stem not in withdrawn}
    return {name: confirmed[name] for name in _files(storage, f"{bucket}/{table}") if name in confirmed}


def _files(storage: fs.FileSystem, folder: str) -> dict[str, datetime]:
    found = storage.get_file_info(fs.FileSelector(folder, allow_not_found=True, recursive=True))
    return {info.path: info.mtime for info in found if info.type == fs.FileType.File}


def _day(name: str) -> date:
    parts = dict(part.split("=") for part in name.split("/") if "=" in part)
    return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
