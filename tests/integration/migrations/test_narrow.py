"""The migration to narrow metrics, there and back: with rows of every kind, while the release before writes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError
from tests.integration.conftest import database_settings
from tests.integration.migrations.test_schema import upgrading

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.metrics import trends
from utxoiq_persistence.packaged_folders import find_folder
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.records import AggregateQuery
from utxoiq_persistence.sqlstates import DEADLOCK_DETECTED, read_sqlstate

pytestmark = pytest.mark.anyio
# The version before, and how the functions of its release record metrics.
BEFORE = f"{int(next((find_folder('migrations') / 'versions').glob('*_narrow.py')).name[:4]) - 1:04}"
RECORD = """
WITH input AS (
    SELECT gen_random_uuid() AS id, 'service-' || n % 3 AS service_name, 'latency' AS metric_type,
           n::float8 AS metric_value, CASE WHEN n % 5 = 0 THEN 's' ELSE 'ms' END AS unit,
           :at::timestamptz + n % 7 * interval '11 minutes' AS "timestamp",
           CASE n % 4 WHEN 0 THEN '{"a": [1, null]}'::jsonb WHEN 1 THEN 'null'::jsonb END AS metric_metadata
    FROM generate_series(1, :count) AS n
), stored AS (
    INSERT INTO system_metrics (id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata)
    SELECT id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata FROM input
)
INSERT INTO metric_rollups AS rollup (
    service_name, metric_type, resolution, bucket, value_count, value_sum, value_min, value_max, first_at, last_at)
SELECT service_name, metric_type, resolution, date_trunc(resolution, "timestamp", 'UTC'), count(*),
       sum(metric_value * 2::float8 ^ -64), min(metric_value), max(metric_value), min("timestamp"), max("timestamp")
FROM input CROSS JOIN (VALUES ('hour'), ('day')) AS resolutions (resolution)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
ON CONFLICT (service_name, metric_type, resolution, bucket) DO UPDATE SET
    value_count = rollup.value_count + excluded.value_count, value_sum = rollup.value_sum + excluded.value_sum,
    value_min = least(rollup.value_min, excluded.value_min), value_max = greatest(rollup.value_max, excluded.value_max),
    first_at = least(rollup.first_at, excluded.first_at), last_at = greatest(rollup.last_at, excluded.last_at)
"""
# The function's own user: what the owner does with rollups counts.
WRITER = "release-before@project.iam"
MEMBER = f"""
DO $$
BEGIN
    IF to_regrole('"{WRITER}"') IS NULL THEN
        CREATE ROLE "{WRITER}" LOGIN IN ROLE utxoiq_metrics;
    END IF;
END
$$
"""
ROWS = 'SELECT t::text FROM system_metrics AS t ORDER BY "timestamp", id'
RECOUNTED = """
SELECT service_name, metric_type, resolution, date_trunc(resolution, "timestamp", 'UTC'), count(*)::bigint,
       min(metric_value), max(metric_value), min("timestamp"), max("timestamp")
FROM system_metrics CROSS JOIN (VALUES ('hour'), ('day')) AS resolutions (resolution)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
ROLLUPS = """
SELECT service_name, metric_type, resolution, bucket, value_count, value_min, value_max, first_at, last_at
FROM metric_rollups ORDER BY 1, 2, 3, 4
"""


@pytest.fixture
def before(postgres: Postgres, new_database: Callable[[], str]) -> str:
    """A database of the version before, with rows in months, beside them, of today, and of a time to come."""
    name = new_database()
    schema.downgrade(database_settings(postgres, name), BEFORE)
    now = datetime.now(UTC)
    with postgres.connect(database=name) as connection:
        connection.run(MEMBER)
        for days in (-1000, -70, -35, -1, -0.1, 0, 40):
            connection.run(RECORD, at=now + timedelta(days=days), count=60)
    return name


@contextmanager
def writing(postgres: Postgres, database: str) -> Iterator[list[int]]:
    """The release before records all the while; yields how many rows it has recorded."""
    recorded, done = [0], threading.Event()
    failed: list[Exception] = []

    def write() -> None:
        with postgres.connect(database=database, user=WRITER) as connection:
            while not done.is_set():
                for hours in (0, -3, -800):
                    try:
                        connection.run(RECORD, at=datetime.now(UTC) + timedelta(hours=hours), count=5)
                    except Exception as error:
                        # What PostgreSQL has taken back to end a deadlock with the migration, functions send again.
                        if isinstance(error, DatabaseError) and read_sqlstate(error) == DEADLOCK_DETECTED:
                            continue
                        failed.append(error)
                        return
                    recorded[0] += 5

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while not recorded[0] and not failed:
            time.sleep(0.001)
        yield recorded
        seen = recorded[0]
        while recorded[0] < seen + 15 and not failed:
            time.sleep(0.001)
    finally:
        done.set()
        thread.join()
    if failed:
        raise failed[0]


def told(postgres: Postgres, database: str, query: str) -> list[Any]:
    with postgres.connect(database=database) as connection:
        return list(connection.run(query))


async def count(postgres: Postgres, database: str) -> int:
    """Of what this release's aggregates tell of all services."""
    settings = database_settings(postgres, database)
    pool = Database(settings, connector(settings))
    total = 0
    try:
        for service in range(3):
            query = AggregateQuery(
                f"service-{service}", "latency", datetime(1, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC), "day"
            )
            answer = trends._DECODER.decode((await trends.aggregate(pool, query)).body)
            total += sum(bucket.count for bucket in answer.data)
    finally:
        await pool.close()
    return total


async def test_rows_and_rollups_go_there_and_back_while_the_release_before_writes(
    postgres: Postgres, before: str
) -> None:
    settings = database_settings(postgres, before)
    old = set(map(tuple, told(postgres, before, ROWS)))
    assert len(old) == 7 * 60
    with writing(postgres, before) as recorded:
        schema.upgrade(settings, {})
    there = set(map(tuple, told(postgres, before, ROWS)))
    assert old <= there
    assert len(there) == len(old) + recorded[0]
    assert await count(postgres, before) == len(there)
    assert told(postgres, before, "SELECT count(*) FROM metric_points WHERE metric_metadata IS NULL") != [[0]]
    with postgres.connect(database=before) as connection:
        connection.run("SELECT metric_points_fold()")
    assert await count(postgres, before) == len(there)

    with writing(postgres, before) as recorded:
        schema.downgrade(settings, BEFORE)
    back = set(map(tuple, told(postgres, before, ROWS)))
    assert there <= back
    assert len(back) == len(there) + recorded[0]
    assert told(postgres, before, ROLLUPS) == told(postgres, before, RECOUNTED)
    assert told(postgres, before, "SELECT relkind FROM pg_class WHERE relname = 'system_metrics'") == [["p"]]


async def test_a_move_that_is_killed_shows_every_row_once_and_goes_on(postgres: Postgres, before: str) -> None:
    rows = told(postgres, before, ROWS)
    with postgres.connect(database=before) as other:
        other.run("BEGIN")
        other.run(f"SELECT FROM system_metrics_{datetime.now(UTC) + timedelta(days=40):%Y_%m} LIMIT 1 FOR UPDATE")
        moving = upgrading(postgres, before)
        # With its connection: a server that is in a procedure does not notice that nobody listens.
        end = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event = 'transactionid'"
        )
        while told(postgres, before, end) == []:
            assert moving.poll() is None
        assert moving.wait() != 0
        other.run("ROLLBACK")
    moved = told(postgres, before, "SELECT count(*) FROM metric_points")
    assert 0 < moved[0][0] < len(rows), moved
    assert told(postgres, before, ROWS) == rows
    again = upgrading(postgres, before)
    assert again.wait(timeout=300) == 0
    assert told(postgres, before, ROWS) == rows
    assert await count(postgres, before) == len(rows)


def test_rows_are_copied_through_the_view(postgres: Postgres, before: str) -> None:
    """As deployment.md copies them, and SQL users do."""
    schema.upgrade(database_settings(postgres, before), {})
    with postgres.connect(database=before) as connection:
        connection.run("CREATE TABLE copied (LIKE system_metrics)")
        connection.run("INSERT INTO copied SELECT * FROM system_metrics")
        connection.run("DELETE FROM metric_points")
        connection.run("INSERT INTO system_metrics SELECT * FROM copied")
        assert connection.run("(TABLE copied EXCEPT TABLE system_metrics)") == []
        assert connection.run("SELECT count(*) FROM system_metrics") == [[7 * 60]]
