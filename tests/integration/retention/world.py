"""What a test of retention works on: rows of known ages, and the archive as a reader of it sees it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pg8000.native
from google.cloud import storage

from commands.archive import query
from commands.archive.bucket import Bucket
from commands.archive.people import Person
from local_cloud.processes.postgres import Postgres
from local_cloud.processes.storage import StorageServer
from utxoiq_persistence.archive.bucket import ArchiveBucket, manifest_name, withdrawal_name
from utxoiq_persistence.archive.retention import Retention
from utxoiq_persistence.archive.settings import RetentionSettings
from utxoiq_persistence.config import Settings
from utxoiq_persistence.postgres.columns import TABLES
from utxoiq_persistence.store import Store

PROJECT = "utxoiq-test"
# What is compared: every column, as text where Python and DuckDB would read it differently.
ROWS = {
    name: ", ".join(
        f'"{column.name}"{"::text" if column.type in ("uuid", "jsonb") else ""}' for column in table.columns
    )
    for name, table in TABLES.items()
}
JOBS = """
INSERT INTO backfill_jobs (id, job_type, start_block, end_block, current_block, status, progress_percentage,
                           started_at, completed_at, error_message)
SELECT gen_random_uuid(), 'type-' || i % 3, 0, 100, i % 100, :status::varchar, 50,
       :at::timestamptz - interval '1 hour' - i * interval '1 s',
       CASE WHEN :status::varchar = 'completed' THEN :at::timestamptz - i * interval '1 s' END,
       CASE WHEN :status::varchar = 'failed' THEN E'a "b",\nc' END
FROM generate_series(1, :count) AS i
"""
FEEDBACK = """
INSERT INTO insight_feedback (id, insight_id, user_id, rating, comment, flag_type, created_at, updated_at)
SELECT gen_random_uuid(), 'insight-' || i % 5, 'user-' || i || ' ' || (:at::timestamptz)::text, 1 + i % 5,
       CASE WHEN i % 2 = 0 THEN E'Says "no",\nor '''' ' || i END, CASE WHEN i % 3 = 0 THEN 'spam' END,
       :at::timestamptz - interval '1 day', :at::timestamptz - i * interval '1 s'
FROM generate_series(1, :count) AS i
"""
METRICS = """
INSERT INTO system_metrics (id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata)
SELECT gen_random_uuid(), 'service-' || i % 3, 'latency', random() * 1e3 - 500, '',
       :at::timestamptz + i * interval '7.123457 s',
       CASE i % 3 WHEN 0 THEN '{"a": [1, null, "\\"x\\""]}'::jsonb WHEN 1 THEN 'null'::jsonb END
FROM generate_series(1, :count) AS i
"""
SKETCHES_OF_ROWS = """
SELECT service_name, bucket, sum(count)::bigint, array_agg(key ORDER BY key), array_agg(count ORDER BY key)
FROM (
    SELECT service_name, date_trunc('hour', "timestamp", 'UTC') AS bucket, metric_sketch_key(metric_value) AS key,
           count(*) AS count
    FROM system_metrics GROUP BY 1, 2, 3
) AS counted GROUP BY 1, 2 ORDER BY 1, 2
"""
SKETCHES = """
SELECT service_name, bucket, value_count, keys, counts FROM metric_sketches WHERE resolution = 'hour' ORDER BY 1, 2
"""


@dataclass
class World:
    postgres: Postgres
    settings: Settings
    bucket: Bucket
    sql: pg8000.native.Connection
    retention: RetentionSettings = field(init=False)

    def __post_init__(self) -> None:
        self.retention = RetentionSettings(PROJECT, self.bucket.name)

    @classmethod
    @contextmanager
    def of(cls, postgres: Postgres, database: str, settings: Settings, server: StorageServer) -> Iterator["World"]:
        settings = replace(settings, database=replace(settings.database, name=database))
        bucket = Bucket(f"archive-{database}".replace("_", "-"), server.url)
        storage.Client(project=PROJECT).create_bucket(bucket.name)
        with postgres.connect(database=database) as connection:
            yield cls(postgres, settings, bucket, connection)
        with postgres.connect() as connection:
            connection.run(f"DROP DATABASE {database} WITH (FORCE)")

    @property
    def archive(self) -> ArchiveBucket:
        return ArchiveBucket(PROJECT, self.bucket.name)

    def service(self, store: Store, archive: ArchiveBucket | None = None, **settings: Any) -> Retention:
        return Retention(store.database, store.cache, archive or self.archive, replace(self.retention, **settings))

    def jobs(self, age_days: float, count: int, status: str = "completed") -> None:
        self.sql.run(JOBS, at=ago(age_days), count=count, status=status)

    def feedback(self, age_days: float, count: int) -> None:
        self.sql.run(FEEDBACK, at=ago(age_days), count=count)

    def metrics(self, at: datetime, count: int, *, month: bool = True) -> None:
        """month: in a month of their own; otherwise strays."""
        if month:
            self.sql.run("SELECT system_metrics_ensure_month(:at)", at=at)
        self.sql.run(METRICS, at=at, count=count)

    def fold(self) -> None:
        """Make rollups of all metrics that are there and past."""
        self.sql.run("SELECT metric_points_fold()")

    def sketches(self) -> list[Any]:
        """Of hours."""
        return list(self.sql.run(SKETCHES))

    def sketches_of_rows(self) -> list[Any]:
        """What those should be."""
        return list(self.sql.run(SKETCHES_OF_ROWS))

    def live(self, table: str) -> Counter[tuple[Any, ...]]:
        return Counter(tuple(row) for row in self.sql.run(f"SELECT {ROWS[table]} FROM {table}"))  # noqa: S608

    def archived(self, table: str) -> Counter[tuple[Any, ...]]:
        """As DuckDB reads it for who may have the keys of persons, with years and months from the paths."""
        answer = query.run(self.bucket, f"SELECT {ROWS[table]} FROM {table}", find=self.find)  # noqa: S608
        assert answer is not None
        return Counter(query.rows(answer))

    def find(self, persons: Sequence[UUID]) -> Mapping[UUID, Person]:
        """Of persons who are not erased."""
        rows = self.sql.run("SELECT * FROM person_keys_find(:persons::uuid[])", persons=list(persons))
        return {person: Person(user_id, key) for person, user_id, key in rows}

    def objects(self) -> list[str]:
        return [blob.name for blob in storage.Client(project=PROJECT).list_blobs(self.bucket.name)]

    def everything(self) -> Mapping[str, Counter[tuple[Any, ...]]]:
        """Every row of every table, wherever it is; none may be there twice."""
        return {table: self.live(table) + self.archived(table) for table in TABLES}

    def is_tidy(self) -> bool:
        """Each object was withdrawn, or has its manifest, is known, and its rows are only there."""
        states = self.sql.run("SELECT DISTINCT state FROM archive_objects WHERE state <> 'abandoned'")
        names = {name for (name,) in self.sql.run("SELECT name FROM archive_objects WHERE state = 'removed'")}
        objects = set(self.objects())
        withdrawn = {name for name in objects if withdrawal_name(name) in objects}
        stored = {name for name in objects if not name.startswith("manifests/")} - withdrawn
        confirmed = {name for name in stored if manifest_name(name) in objects}
        return all(state == "removed" for (state,) in states) and names == stored == confirmed

    def lose(self, name: str) -> None:
        """Delete an object, as no function may."""
        storage.Client(project=PROJECT).bucket(self.bucket.name).blob(name).delete()

    def stats(self) -> list[Any]:
        return list(self.sql.run("SELECT * FROM insight_stats ORDER BY insight_id"))


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def month_start(months_ago: int, day: int = 1) -> datetime:
    """Of a whole month that lies so many back."""
    now = datetime.now(UTC)
    months = now.year * 12 + now.month - 1 - months_ago
    return datetime(months // 12, months % 12 + 1, day, tzinfo=UTC)


def ids(rows: Counter[tuple[Any, ...]]) -> Counter[UUID]:
    return Counter({UUID(row[0]): count for row, count in rows.items()})
