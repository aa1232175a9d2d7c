"""The function as it is deployed: who may call it, and what it answers."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.http.functions import Function
from tests.integration.retention.world import PROJECT, World, month_start
from tests.unit.http.issuer import Issuer

from commands.api import connect
from commands.archive import query
from commands.archive.people import find_by_api
from commands.archive.restore import restore
from commands.errors import CommandFailed, ExitCode
from utxoiq_http.endpoints.retention import PATH

AUDIENCE = f"https://region-{PROJECT}.cloudfunctions.net/retention"
OPERATORS = "https://operators.example.org"
OPERATOR = "root@example.org"
SCHEDULER = "cron@example.org"
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
            f"{self.url}{PATH}/{path}", headers={"Authorization": f"Bearer {self.token(email)}"}, timeout=60, **more
        )


@pytest.fixture
def client(world: World, tmp_path: Path) -> Iterator[Client]:
    settings = world.settings
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
            "ARCHIVE_BUCKET": world.bucket.name,
            "STORAGE_EMULATOR_HOST": world.bucket.endpoint or "",
        }
        with Function(tmp_path, "retention", variables) as function:
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
        answer = httpx.get(f"{client.url}{PATH}/archive{query}", headers=headers, timeout=60).raise_for_status()
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
    refused = httpx.get(f"{client.url}{PATH}/archive", headers={"Authorization": f"Bearer {client.token(SCHEDULER)}"})
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


def test_what_is_not_allowed_or_not_right_is_refused(client: Client) -> None:
    order = {"table": "system_metrics", "start_time": "2026-01-02T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}
    assert httpx.post(f"{client.url}{PATH}/run").status_code == 401
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
