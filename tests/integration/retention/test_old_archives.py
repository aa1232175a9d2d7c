"""The old system's archives: their rows end in the archive here, each once, whatever the files repeat."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import pytest
from google.cloud.storage import Client
from pg8000.dbapi import Connection
from tests.integration.moving.old_system import OldSystem
from tests.integration.moving.test_import import ROLLUPS, STATS, move_into, quiet
from tests.integration.retention.world import PROJECT, World, ago, ids, month_start

from commands.errors import CommandFailed
from commands.moving.archives import OldBucket, bring_archives
from commands.recover.database import Database
from local_cloud.processes.postgres import Postgres
from local_cloud.processes.storage import StorageServer
from utxoiq_persistence.store import Store

SPACE = UUID(int=7)


def name_of(what: str) -> UUID:
    return uuid5(SPACE, what)


def old_time(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat()


def job(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(name_of(f"job {number}")),
        "job_type": "utxo_set",
        "start_block": 0,
        "end_block": 100,
        "current_block": 100,
        "status": "completed",
        "progress_percentage": 57.5,
        "estimated_completion": None,
        "error_message": "",
        "started_at": old_time(ago(201)),
        "completed_at": old_time(ago(200)),
        "created_by": None,
        **changes,
    }


def feedback(number: int, user: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(name_of(f"feedback {number}")),
        "insight_id": "insight-1",
        "user_id": str(name_of(f"user {user}")).upper(),
        "rating": 4,
        "comment": "",
        "flag_type": None,
        "flag_reason": None,
        "created_at": old_time(ago(900)),
        "updated_at": old_time(ago(800 - number)),
        **changes,
    }


def metric(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(name_of(f"metric {number}")),
        "service_name": "api",
        "metric_type": "latency",
        "metric_value": float(number),
        "unit": "ms",
        "timestamp": old_time(month_start(5, 3 + number)),
        "metric_metadata": {"a": "é\n\t\\"} if number else None,
        **changes,
    }


FILES: dict[str, Any] = {
    "backfill_jobs/a.json": [job(1), job(2, error_message='x\n"'), job(3, current_block=101), job(4, start_block="0")],
    "backfill_jobs/b.json": [job(2, error_message='x\n"'), job(5)],
    # The same user on the same insight, archived twice; the second has room once the first has gone on.
    "feedback/a.json": [feedback(1, 1), feedback(2, 2, comment="c"), feedback(3, 99)],
    "feedback/b.json": [feedback(4, 1, rating=5), feedback(5, 3)],
    "metrics/a.json": [metric(1), metric(2), metric(3, metric_value=float("nan")), {"service_name": "api"}, "text"],
    "metrics/b.json": [metric(1), metric(2), metric(4), metric(5, timestamp="yesterday"), metric(6, unit="a\0b")],
    "metrics/c.json": [],
    "metrics/readme.txt": "not a file of rows",
}
ARRIVE = {
    "backfill_jobs": [f"job {number}" for number in (1, 2, 5)],
    "insight_feedback": [f"feedback {number}" for number in (1, 2, 4, 5)],
    "system_metrics": [f"metric {number}" for number in (1, 2, 4)],
}


@pytest.fixture
def bucket(bucket_server: StorageServer, world: World) -> OldBucket:
    bucket = OldBucket(f"old-{world.bucket.name}", bucket_server.url)
    made = Client(project=PROJECT).create_bucket(bucket.name)
    for name, content in FILES.items():
        made.blob(name).upload_from_string(json.dumps(content))
    return bucket


@pytest.fixture
def old_system(postgres: Postgres, world: World) -> Iterator[OldSystem]:
    name = f"old_{world.settings.database.name}"
    with postgres.connect() as connection:
        connection.run(f"CREATE DATABASE {name}")
    with postgres.connect(database=name) as sql:
        old = OldSystem(sql, f"postgresql://postgres@localhost/{name}?host={postgres.socket_dir}")
        old.begin(users=0)
        for user in (1, 2, 3):
            sql.run(
                "INSERT INTO users (id, firebase_uid) VALUES (:id, :uid)", id=name_of(f"user {user}"), uid=f"u{user}"
            )
        yield old


@pytest.fixture
def live(postgres: Postgres, world: World) -> Iterator[Database]:
    socket = f"{postgres.socket_dir}/.s.PGSQL.5432"
    database = Database(
        Connection("postgres", database=world.settings.database.name, unix_sock=socket, ssl_context=False)
    )
    yield database
    database.close()


@pytest.fixture
def retain(world: World) -> Callable[[], None]:
    async def run() -> None:
        async with Store.opened(world.settings) as store:
            assert (await world.service(store).run("test")).status == "success"

    return lambda: asyncio.run(run())


def test_rows_end_in_the_archive_once_each(
    world: World, bucket: OldBucket, old_system: OldSystem, live: Database, retain: Callable[[], None]
) -> None:
    for _ in range(2):
        done = bring_archives(bucket, old_system.url, live, quiet(), retain)
        for table, names in ARRIVE.items():
            assert dict(ids(world.archived(table))) == {name_of(name): 1 for name in names}
            assert not world.live(table)
        assert world.is_tidy()
        assert sum(row["rows"] for row in done["reasons"]) == 8
    assert dict(world.sql.run("SELECT id, reason FROM moving.report WHERE table_name = 'system_metrics'")) == {
        str(name_of("metric 3")): "metric_value is not a finite number",
        str(name_of("metric 5")): "timestamp is no value of the type timestamp",
        str(name_of("metric 6")): "it has a NUL",
        "metrics/a.json, row 4": "it has no id",
        "metrics/a.json, row 5": "it is no object",
    }
    # What is archived goes on counting.
    assert [list(row) for row in world.sql.run(STATS)] == [["insight-1", 0, 1, 4, 1, 0]]
    assert sum(row[4] for row in world.sql.run(ROLLUPS)) == 2 * 3
    assert sum(row[2] for row in world.sketches()) == 3


def test_rows_that_the_old_tables_have_as_well_come_once(
    world: World, bucket: OldBucket, old_system: OldSystem, live: Database, retain: Callable[[], None]
) -> None:
    for number in (1, 4, 8):
        row = metric(number)
        old_system.sql.run(
            "INSERT INTO system_metrics VALUES (:id, 'api', 'latency', :value, 'ms', :timestamp, :metadata)",
            id=row["id"],
            value=row["metric_value"],
            timestamp=row["timestamp"],
            metadata=json.dumps(row["metric_metadata"]),
        )
    bring_archives(bucket, old_system.url, live, quiet(), retain)
    move_into(old_system.url, live)
    retain()
    assert dict(ids(world.archived("system_metrics"))) == {name_of(f"metric {number}"): 1 for number in (1, 2, 4, 8)}


def test_a_file_that_is_cut_off_is_named(bucket: OldBucket, old_system: OldSystem, live: Database) -> None:
    blob = Client(project=PROJECT).bucket(bucket.name).blob("metrics/0.json")
    blob.upload_from_string(json.dumps([metric(1)])[:-10])
    with pytest.raises(CommandFailed, match=r"metrics/0.json cannot be read: it is not JSON to its end"):
        bring_archives(bucket, old_system.url, live, quiet(), None)


def test_feedback_without_users_is_refused_before_anything_is_read(bucket: OldBucket, live: Database) -> None:
    with pytest.raises(CommandFailed, match="--users names the old database"):
        bring_archives(bucket, None, live, quiet(), None)
