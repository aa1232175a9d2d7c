"""The function as it is deployed: who may call it, and what it answers."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pyarrow as pa
import pytest
from google.cloud import storage
from tests.integration.conftest import database_settings
from tests.integration.http.functions import Function
from tests.integration.retention.world import PROJECT, World, ago, month_start
from tests.unit.http.issuer import Issuer

from commands.api import connect
from commands.archive import query
from commands.archive.people import find_by_api
from commands.archive.restore import restore
from commands.errors import CommandFailed, ExitCode
from local_cloud.processes.postgres import Postgres
from local_cloud.processes.storage import StorageServer
from local_cloud.processes.valkey import Valkey
from utxoiq_http.endpoints.retention import PATH
from utxoiq_persistence.archive import parquet, querying
from utxoiq_persistence.archive.bucket import ArchiveUnavailable
from utxoiq_persistence.archive.tables import INSIGHT_FEEDBACK
from utxoiq_persistence.config import RedisSettings, Settings
from utxoiq_persistence.errors import RuleBroken
from utxoiq_persistence.store import Store

AUDIENCE = f"https://region-{PROJECT}.cloudfunctions.net/retention"
OPERATORS = "https://operators.example.org"
OPERATOR = "root@example.org"
SCHEDULER = "cron@example.org"
TABLES = """
SELECT oid::regclass::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


@dataclass
class Client:
    url: str
    issuer: Issuer

    def token(self, email: str) -> str:
        audience = OPERATORS if email == OPERATOR else AUDIENCE
        return self.issuer.token("https://accounts.google.com", audience, email, email=email, email_verified=True)

    def post(self, path: str, email: str = SCHEDULER, **more: Any) -> httpx.Response:
        return httpx.post(
            f"{self.url}{PATH}/{path}", headers={"Authorization": f"Bearer {self.token(email)}"}, timeout=120, **more
        )


@pytest.fixture(scope="module")
def served(
    postgres: Postgres, new_database: Callable[[], str], valkey: Valkey, bucket_server: StorageServer
) -> Iterator[World]:
    """What the function works on, as long as it runs."""
    name = new_database()
    redis = RedisSettings(valkey.host, valkey.port, valkey.password)
    with World.of(postgres, name, Settings("test", database_settings(postgres, name), redis), bucket_server) as world:
        yield world


@pytest.fixture(scope="module")
def empty_tables(served: World) -> str:
    """Those in which nothing is before a test."""
    tables = [name for (name,) in served.sql.run(TABLES)]
    return ", ".join(name for name in tables if not served.sql.run(f"SELECT FROM {name} LIMIT 1"))


@pytest.fixture
def world(served: World, empty_tables: str) -> World:
    """Without rows and objects of the test before."""
    served.sql.run(f"TRUNCATE {empty_tables}")
    bucket = storage.Client(project=PROJECT).bucket(served.bucket.name)
    if not bucket.exists():
        bucket.create()
    bucket.delete_blobs(list(bucket.list_blobs()))
    return served


@pytest.fixture(scope="module")
def client(served: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    settings = served.settings
    with Issuer().serving() as issuer:
        variables = {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "DB_INSTANCE": settings.database.instance,
            "DB_NAME": settings.database.name,
            "DB_USER": "postgres",
            "CLOUD_SQL_SOCKET_DIR": str(settings.database.socket_dir),
            "REDIS_HOST": settings.redis.host,
            "CACHE_KEY": "of this test and of no other function",
            "COMMON_KEY": "of all functions here, and of nothing else",
            "REDIS_PORT": str(settings.redis.port),
            "REDIS_AUTH": settings.redis.auth or "",
            "OIDC_USER_JWKS_URL": issuer.url,
            "OIDC_GOOGLE_JWKS_URL": issuer.url,
            "OPERATOR_AUDIENCE": OPERATORS,
            "OPERATORS": OPERATOR,
            "SCHEDULER_ACCOUNT": SCHEDULER,
            "FUNCTION_AUDIENCE": AUDIENCE,
            "API_KEYS": "{}",
            "ARCHIVE_BUCKET": served.bucket.name,
            "STORAGE_EMULATOR_HOST": served.bucket.endpoint or "",
        }
        with Function(tmp_path_factory.mktemp("retention"), "retention", variables) as function:
            yield Client(function.url, issuer)


def test_the_scheduler_s_call_archives_what_has_expired(world: World, client: Client) -> None:
    world.jobs(200, 2)
    world.feedback(800, 3)
    world.metrics(month_start(5), 4)
    dry = client.post("run?dry_run=true")
    answer = client.post("run")
    assert (dry.status_code, answer.status_code) == (200, 200)
    assert dry.json()["message"] == "dry run: 9 rows would be archived and deleted"
    assert answer.json() == {
        "status": "success",
        "message": "9 rows archived, 9 rows deleted",
        "results": {
            "backfill_jobs": {"archived": 2, "deleted": 2, "errors": 0, "details": []},
            "feedback": {"archived": 3, "deleted": 3, "errors": 0, "details": []},
            "metrics": {"archived": 4, "deleted": 4, "errors": 0, "details": []},
        },
    }
    ((actor, action),) = world.sql.run("SELECT actor, action FROM audit_log")
    assert (actor, action) == (f"scheduler:{SCHEDULER}", "retention.run")


def test_the_archive_is_listed_by_table_and_day(world: World, client: Client) -> None:
    def listed(query: str = "") -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {client.token(OPERATOR)}"}
        answer = httpx.get(f"{client.url}{PATH}/archive{query}", headers=headers, timeout=120).raise_for_status()
        days: list[dict[str, Any]] = answer.json()["days"]
        return days

    assert listed() == []
    world.jobs(200, 2)
    world.feedback(800, 3)
    client.post("run").raise_for_status()
    days = listed()
    assert sorted((one["table"], one["rows"], one["state"]) for one in days) == [
        ("backfill_jobs", 2, "removed"),
        ("insight_feedback", 3, "removed"),
    ]
    assert all(one["objects"] == 1 and one["bytes"] > 0 for one in days)
    assert [one["table"] for one in listed("?table=insight_feedback")] == ["insight_feedback"]
    assert len(listed("?limit=1")) == 1
    headers = {"Authorization": f"Bearer {client.token(SCHEDULER)}"}
    refused = httpx.get(f"{client.url}{PATH}/archive", headers=headers, timeout=120)
    assert refused.status_code == 403


def test_a_schedule_has_succeeded_once_its_work_is_done_and_not_where_that_failed(world: World, client: Client) -> None:
    def succeeded() -> set[str]:
        rows = world.sql.run("SELECT schedule FROM schedule_successes WHERE succeeded_at > now() - interval '1 hour'")
        return {schedule for (schedule,) in rows}

    world.sql.run("UPDATE schedule_successes SET succeeded_at = now() - interval '1 day'")
    world.sql.run("ALTER TABLE backfill_jobs ADD COLUMN surprise text")
    assert client.post("run").json()["status"] == "failed"
    client.post("run?dry_run=true")
    assert succeeded() == set()
    world.sql.run("ALTER TABLE backfill_jobs DROP COLUMN surprise")
    assert client.post("run").json()["status"] == "success"
    assert succeeded() == {"retention"}
    assert client.post("partitions").status_code == 200
    assert succeeded() == {"retention", "partitions"}


def test_the_scheduler_s_call_makes_months(world: World, client: Client) -> None:
    world.sql.run(f"DROP TABLE metric_points_{month_start(-3):%Y_%m}")
    answer = client.post("partitions")
    assert (answer.status_code, answer.json()["made"]) == (200, [f"{month_start(-3):%Y-%m}"])


def test_the_restore_command_brings_rows_back(world: World, client: Client) -> None:
    world.feedback(800, 3)
    client.post("run")
    said: list[str] = []
    assert bring_back(client, OPERATOR, said) == 3
    assert said == ["3 rows of insight_feedback restored from 1 objects"]
    assert world.live("insight_feedback").total() == 3


def test_an_operator_s_query_shows_who_wrote_what_and_is_audited(world: World, client: Client) -> None:
    world.feedback(800, 4)
    written = sorted(world.sql.run("SELECT user_id, comment FROM insight_feedback"), key=str)
    client.post("run")
    sql = "SELECT user_id, comment FROM insight_feedback"
    find = find_by_api(client.url, client.token(OPERATOR))
    answer = query.run(world.bucket, sql, find=find)
    assert answer is not None
    assert sorted(map(list, query.rows(answer)), key=str) == written
    audited = world.sql.run("SELECT actor, details FROM audit_log WHERE action = 'retention.persons'")
    assert audited == [[f"operator:{OPERATOR}", {"persons": 4}]]
    with pytest.raises(CommandFailed, match="403"):
        query.run(world.bucket, sql, find=find_by_api(client.url, client.token(SCHEDULER)))


def test_the_archive_is_asked_by_sql_and_that_is_audited(world: World, client: Client) -> None:
    first = month_start(5)
    world.metrics(first, 3)
    world.metrics(first + timedelta(days=1), 2)
    client.post("run").raise_for_status()
    sql = "SELECT year, month, day, count(*) AS rows FROM system_metrics GROUP BY ALL ORDER BY ALL"
    found = ask(client, sql, first, first + timedelta(days=2)).json()
    assert found == {
        "status": "success",
        "columns": ["year", "month", "day", "rows"],
        "types": ["SMALLINT", "TINYINT", "TINYINT", "BIGINT"],
        "rows": [[str(first.year), str(first.month), "1", "3"], [str(first.year), str(first.month), "2", "2"]],
        "is_cut": False,
        "objects": 2,
        "rows_read": 5,
        "gone": [],
        "damaged": [],
    }
    # Days that are not asked for are not read.
    assert ask(client, sql, first, first + timedelta(days=1)).json()["rows_read"] == 3
    audited = world.sql.run("SELECT actor, subject, details FROM audit_log WHERE action = 'retention.query' LIMIT 1")
    assert audited[0][:2] == [f"operator:{OPERATOR}", "system_metrics"]
    assert set(audited[0][2]) == {"start", "end", "objects"}


def test_sql_answers_with_the_columns_and_values_of_the_command(world: World, client: Client) -> None:
    world.jobs(200, 3)
    world.feedback(800, 3)
    world.metrics(month_start(5), 3)
    client.post("run").raise_for_status()
    for table, days in (("backfill_jobs", 200), ("insight_feedback", 800), ("system_metrics", None)):
        day = month_start(5) if days is None else ago(days) - timedelta(days=1)
        sql = f"SELECT * FROM {table} ORDER BY id"  # noqa: S608
        found = ask(client, sql, day, day + timedelta(days=2), table).raise_for_status().json()
        # The command shows what stands for persons besides.
        shown = "* EXCLUDE (person, sealed)" if table == "insight_feedback" else "*"
        expected = query.run(world.bucket, f"SELECT {shown} FROM {table}")  # noqa: S608
        assert expected is not None
        assert found["columns"] == expected.columns
        # The year of a path is a whole number of its own size; all others are the tables' types.
        assert found["types"][:-3] == list(map(str, expected.types))[:-3]
        assert len(found["rows"]) == 3
        cast = f"SELECT CAST(COLUMNS({shown}) AS VARCHAR) FROM {table} ORDER BY {table}.id"  # noqa: S608
        texts = query.run(world.bucket, cast)
        assert texts is not None
        assert found["rows"] == [list(row) for row in query.rows(texts)]


def test_sql_shows_no_person_not_even_of_objects_in_clear(world: World, client: Client) -> None:
    world.feedback(800, 4)
    users = [user for (user,) in world.sql.run("SELECT user_id FROM insight_feedback")]
    client.post("run").raise_for_status()
    day = ago(801)
    sql = "SELECT user_id, comment, flag_reason, insight_id FROM insight_feedback"

    def asked() -> list[list[str | None]]:
        rows: list[list[str | None]] = ask(client, sql, day, day + timedelta(days=3), "insight_feedback").json()["rows"]
        return rows

    assert [row[:3] for row in asked()] == [[None, None, None]] * 4
    assert all(row[3] for row in asked())
    write_in_clear(world)
    clear = query.run(world.bucket, "SELECT user_id FROM insight_feedback")
    assert clear is not None
    assert sorted(user for (user,) in query.rows(clear)) == sorted(users), "the object has them in clear"
    assert [row[:3] for row in asked()] == [[None, None, None]] * 4
    refused = ask(
        client, "SELECT person, sealed FROM insight_feedback", day, day + timedelta(days=3), "insight_feedback"
    )
    assert refused.status_code == 422
    assert "person" in refused.json()["detail"]


def test_objects_that_cannot_be_read_keep_no_other_one_from_being_asked(world: World, client: Client) -> None:
    first = month_start(5)
    for days in range(3):
        world.metrics(first + timedelta(days=days), 2)
    client.post("run").raise_for_status()
    gone, damaged, _ = sorted(name for name in world.objects() if name.startswith("system_metrics/"))
    world.lose(gone)
    bucket = storage.Client(project=PROJECT).bucket(world.bucket.name)
    content = bucket.blob(damaged).download_as_bytes()
    bucket.blob(damaged).upload_from_string(content[:-9])
    found = ask(client, "SELECT count(*) FROM system_metrics", first, first + timedelta(days=3)).json()
    assert (found["status"], found["rows"]) == ("partial", [["2"]])
    assert (found["gone"], found["damaged"]) == ([gone], [damaged])


def test_sql_is_refused_in_words(world: World, client: Client) -> None:
    first = month_start(5)
    after = first + timedelta(days=1)
    secret = ask(client, "SELECT * FROM read_text('/proc/self/environ')", first, after)
    assert secret.status_code == 422
    assert secret.json()["errors"][0]["field"] == "sql"
    assert "disabled by configuration" in secret.json()["errors"][0]["message"]
    assert ask(client, "DELETE FROM system_metrics", first, after).status_code == 422
    assert ask(client, "", first, after).status_code == 422
    assert ask(client, "SELECT 1", after, first).json()["detail"] == "end_time is not after start_time"
    long = ask(client, "SELECT 1", first, first + timedelta(days=32))
    assert (long.status_code, long.json()["detail"]) == (
        400,
        "end_time is more than 31 days after start_time; ask for fewer days",
    )
    assert ask(client, "SELECT 1", first, after, "api_keys").status_code == 422
    assert ask(client, "SELECT 1", first, after, email=SCHEDULER).status_code == 403
    # Of a day of which nothing is archived, the table is empty.
    assert ask(client, "SELECT count(*) FROM system_metrics", first, after).json()["rows"] == [["0"]]


async def test_a_query_looks_at_no_more_than_it_may(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = month_start(5)
    world.metrics(first, 2000)
    service = world.service(store)
    await service.run("test")
    monkeypatch.setattr(querying, "MOST_COPIED_BYTES", 2**16)
    with pytest.raises(RuleBroken, match="ask for fewer days"):
        await service.query("system_metrics", first, first + timedelta(days=1), "SELECT 1")


async def test_a_bucket_that_is_too_slow_is_no_fault_of_the_sql(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sum over all objects: the first is read, the second has no time left."""
    first = month_start(5)
    for days in range(2):
        world.metrics(first + timedelta(days=days), 2)
    service = world.service(store)
    await service.run("test")
    read = querying._read_in_time

    def read_then_run_out(*given: Any) -> Any:
        rows = read(*given)
        monkeypatch.setattr(querying, "READING_SECONDS", 0.0)
        return rows

    monkeypatch.setattr(querying, "_read_in_time", read_then_run_out)
    with pytest.raises(ArchiveUnavailable, match="took more than 0 seconds for the rows up to"):
        await service.query("system_metrics", first, first + timedelta(days=2), "SELECT 1")


def test_a_bucket_that_fails_is_no_fault_of_the_sql(world: World, client: Client) -> None:
    first = month_start(5)
    world.metrics(first, 2)
    client.post("run").raise_for_status()
    bucket = storage.Client(project=PROJECT).bucket(world.bucket.name)
    bucket.delete(force=True)
    found = ask(client, "SELECT 1", first, first + timedelta(days=1))
    assert (found.status_code, found.headers["retry-after"]) == (503, "30")


def ask(
    client: Client, sql: str, start: datetime, end: datetime, table: str = "system_metrics", email: str = OPERATOR
) -> httpx.Response:
    order = {"table": table, "start_time": start.isoformat(), "end_time": end.isoformat(), "sql": sql}
    return client.post("query", email, json=order)


def write_in_clear(world: World) -> None:
    """Put an object in the place of the sealed one that has the same rows in clear, as an earlier release wrote it."""
    ((name, row_count),) = world.sql.run("SELECT name, row_count FROM archive_objects WHERE state = 'removed'")
    opened = query.run(
        world.bucket, "SELECT * EXCLUDE (year, month, day, person, sealed) FROM insight_feedback", find=world.find
    )
    assert opened is not None
    rows = opened.to_arrow_table()
    ids = pa.array([UUID(row_id).bytes for row_id in rows.column("id").to_pylist()], pa.binary(16))
    rows = rows.set_column(0, "id", pa.ExtensionArray.from_storage(pa.uuid(), ids))
    content = parquet.to_parquet(rows.cast(INSIGHT_FEEDBACK.schema))
    blob = storage.Client(project=PROJECT).bucket(world.bucket.name).blob(name)
    blob.upload_from_string(content)
    world.sql.run(
        "UPDATE archive_objects SET sealed = false, sha256 = :sha256 WHERE name = :name AND row_count = :row_count",
        sha256=hashlib.sha256(content).digest(),
        name=name,
        row_count=row_count,
    )


def test_what_is_not_allowed_or_not_right_is_refused(client: Client) -> None:
    order = {"table": "system_metrics", "start_time": "2026-01-02T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}
    assert httpx.post(f"{client.url}{PATH}/run", timeout=120).status_code == 401
    assert client.post("run", "stranger@example.org").status_code == 403
    assert client.post("restore", json=order).status_code == 403
    assert client.post("restore", OPERATOR, json=order).status_code == 400
    assert client.post("restore", OPERATOR, json={**order, "table": "api_keys"}).status_code == 422
    assert client.post("run?dry_run=maybe").status_code == 422
    with pytest.raises(CommandFailed, match="403") as refused:
        bring_back(client, SCHEDULER, [])
    assert refused.value.code is ExitCode.REFUSED


def bring_back(client: Client, email: str, said: list[str]) -> int:
    """All feedback, as the command restores it."""

    async def run() -> int:
        async with connect(client.url, {"Authorization": f"Bearer {client.token(email)}"}) as api:
            return await restore(api, "insight_feedback", *ALWAYS, 5, said.append)

    return asyncio.run(run())
