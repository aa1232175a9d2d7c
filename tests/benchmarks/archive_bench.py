"""Archiving a month of 1,000,000 metrics beside `COPY … TO` piped to a Parquet writer, each in a fresh process.

Ours is the whole of it: read, write, upload, read back, compare, record, and drop the month. The peer only reads and
writes a file. The month is folded and has its sketches, as the hourly schedule leaves it long before it is archived.
"""

import asyncio
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from google.cloud import storage
from pyarrow import csv
from pyarrow import parquet as pq
from tests.benchmarks.servers import widen

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.postgres_wheel import binaries
from local_cloud.processes.storage import StorageServer
from utxoiq_persistence.archive.bucket import ArchiveBucket
from utxoiq_persistence.archive.retention import Retention
from utxoiq_persistence.archive.settings import RetentionSettings
from utxoiq_persistence.archive.tables import JSON, SYSTEM_METRICS, UUID
from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.config import DatabaseSettings, RedisSettings
from utxoiq_persistence.metrics import folding, sketches
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.redis.pipelines import open_redis
from utxoiq_persistence.redis.signing import Signer

ROWS = 1_000_000
ROUNDS = 3
TARGET_RATIO = 0.6
TARGET_MIB = 300
PROJECT = "bench"
BUCKET = "archive"
FILLED, WIDE = "filled", "wide"
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "1h"}
FILL = """
WITH named AS MATERIALIZED (
    SELECT s, t, metric_series_ids(
        ARRAY['service-' || s]::varchar[], ARRAY['latency_p' || t]::varchar[], ARRAY['ms'], NULL) AS series
    FROM generate_series(0, 5) AS s, generate_series(0, 3) AS t
)
INSERT INTO metric_points (series, "timestamp", id, metric_value, metric_metadata)
SELECT series, date_trunc('month', now(), 'UTC') - interval '6 months' + i * (interval '28 days' / :rows::bigint),
       gen_random_uuid(), random() * 1000,
       CASE WHEN i % 3 = 0 THEN jsonb_build_object('host', 'host-' || i % 10, 'attempt', i % 100) END
FROM generate_series(0, :rows::bigint - 1) AS i JOIN named ON s = i % 6 AND t = i % 4
ORDER BY i
"""
MONTH = "SELECT system_metrics_ensure_month(date_trunc('month', now(), 'UTC') - interval '6 months')"
# The peer reads ids and JSON as texts.
COLUMNS = {field.name: pa.string() if field.type in (UUID, JSON) else field.type for field in SYSTEM_METRICS.schema}


@dataclass(frozen=True)
class Figure:
    """rate: rows a second; peak: of the process, in MiB. Medians over the rounds."""

    name: str
    rate: float
    peak: float


@dataclass(frozen=True)
class Comparison:
    ours: Figure
    peer: Figure

    @property
    def ratio(self) -> float:
        return self.ours.rate / self.peer.rate

    @property
    def reached(self) -> bool:
        return self.ratio >= TARGET_RATIO and self.ours.peak <= TARGET_MIB


def run(say: Callable[[str], None] = print, rounds: int = ROUNDS) -> list[Comparison]:
    with _servers() as (postgres, environment):
        runs: dict[str, list[Mapping[str, float]]] = {"ours": [], "peer": []}
        for number in range(rounds):
            with postgres.connect() as connection:
                connection.run(f"CREATE DATABASE round_{number} TEMPLATE {FILLED} STRATEGY file_copy")
            for side in ("ours", "peer") if number % 2 else ("peer", "ours"):
                figures = _in_process(side, f"round_{number}" if side == "ours" else WIDE, environment)
                runs[side].append(figures)
                say(f"archive: round {number + 1}, {side} {figures['rate']:,.0f} rows/s, {figures['peak']:.0f} MiB")
    return [Comparison(_median("archive", runs["ours"]), _median("COPY to Parquet", runs["peer"]))]


def _median(name: str, runs: list[Mapping[str, float]]) -> Figure:
    return Figure(name, statistics.median(one["rate"] for one in runs), statistics.median(one["peak"] for one in runs))


@contextmanager
def _servers() -> Iterator[tuple[Postgres, Mapping[str, str]]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # for the user that PostgreSQL runs as
        with (
            Postgres(folder / "postgres", password="unused", settings=SETTINGS) as postgres,
            StorageServer(folder / "storage") as bucket,
        ):
            environment = {
                "STORAGE_EMULATOR_HOST": bucket.url,
                "BENCH_SOCKET_DIR": str(postgres.socket_dir),
                "BENCH_PORT": str(postgres.port),
            }
            os.environ["STORAGE_EMULATOR_HOST"] = bucket.url
            storage.Client(project=PROJECT).create_bucket(BUCKET)
            with postgres.connect() as connection:
                connection.run(f"CREATE DATABASE {FILLED}")
            schema.upgrade(_database_settings(str(postgres.socket_dir), FILLED), {})
            with postgres.connect(database=FILLED) as connection:
                connection.run(
                    "SELECT system_metrics_ensure_month(date_trunc('month', now(), 'UTC') - interval '6 months')"
                )
                connection.run(FILL, rows=ROWS)
            _fold(_database_settings(str(postgres.socket_dir), FILLED))
            with postgres.connect(database=FILLED) as connection:
                connection.run("VACUUM ANALYZE")
            with postgres.connect() as connection:
                connection.run(f"CREATE DATABASE {WIDE} TEMPLATE {FILLED} STRATEGY file_copy")
            widen(_database_settings(str(postgres.socket_dir), WIDE))
            with postgres.connect(database=WIDE) as connection:
                connection.run("VACUUM ANALYZE")
            yield postgres, environment


def _fold(settings: DatabaseSettings) -> None:
    """Do what the schedule does each hour, for all that was filled in."""
    session = connector(settings)()
    folded = folding.fold(session, math.inf)
    sketches.fill(session, datetime.min.replace(tzinfo=UTC), folded, math.inf)
    session.close()


def _database_settings(socket_dir: str, database: str) -> DatabaseSettings:
    return DatabaseSettings("a:b:c", database, "postgres", socket_dir, statement_timeout_ms=300_000)


def _in_process(side: str, database: str, environment: Mapping[str, str]) -> Mapping[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.archive_bench", side, database]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    figures: Mapping[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


async def _archive(database: str) -> int:
    settings = _database_settings(os.environ["BENCH_SOCKET_DIR"], database)
    pool = Database(settings, connector(settings))
    redis = open_redis(RedisSettings("127.0.0.1", 1))
    signer = Signer(b"bench")
    cache = Cache(redis, redis, signer, signer)
    retention = Retention(pool, cache, ArchiveBucket(PROJECT, BUCKET), RetentionSettings(PROJECT, BUCKET))
    report = await retention.run("bench")
    await pool.close()
    if report.status != "success":
        raise RuntimeError(report.message)
    return report.results.metrics.deleted


def _copy(database: str) -> int:
    rows_in_order = f'SELECT {SYSTEM_METRICS.columns} FROM system_metrics ORDER BY "timestamp", id'  # noqa: S608
    query = f"COPY ({rows_in_order}) TO STDOUT (FORMAT csv)"
    server = ["-h", os.environ["BENCH_SOCKET_DIR"], "-p", os.environ["BENCH_PORT"], "-U", "postgres", "-d", database]
    rows = 0
    with (
        tempfile.NamedTemporaryFile() as file,
        subprocess.Popen([binaries() / "psql", *server, "-c", query], stdout=subprocess.PIPE) as psql,
    ):
        batches = csv.open_csv(
            psql.stdout,
            csv.ReadOptions(column_names=list(COLUMNS)),
            convert_options=csv.ConvertOptions(column_types=COLUMNS, strings_can_be_null=True),
        )
        with pq.ParquetWriter(file.name, batches.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
    return rows


def _main(side: str, database: str) -> None:
    started = time.perf_counter()
    rows = asyncio.run(_archive(database)) if side == "ours" else _copy(database)
    elapsed = time.perf_counter() - started
    if rows != ROWS:
        raise RuntimeError(f"{side} took {rows} rows")
    kib = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    peak = int(kib[1]) / 1024 if kib else 0.0
    print(json.dumps({"rate": rows / elapsed, "peak": peak}))  # noqa: T201


if __name__ == "__main__":
    _main(*sys.argv[1:])
