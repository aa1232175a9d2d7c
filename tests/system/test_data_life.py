"""What has expired goes to the archive, is asked there, and comes back; backups are made and proved."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pg8000.native
import pytest
from tests.system.running import REPOSITORY, START_SECONDS, LocalStack

METRICS, RETENTION = "/api/v1/monitoring/metrics", "/api/v1/monitoring/retention"
BACKUP = "/api/v1/monitoring/backup"
COUNT = 500
FEEDBACK = """
INSERT INTO insight_feedback (id, insight_id, user_id, rating, created_at, updated_at)
SELECT gen_random_uuid(), :name, 'user-' || i, 1 + i % 5, :at, :at FROM generate_series(1, :count) AS i
"""
JOBS = """
INSERT INTO backfill_jobs (id, job_type, start_block, end_block, current_block, status, progress_percentage,
                           started_at, completed_at)
SELECT gen_random_uuid(), :name, 0, i, i, 'completed', 100, :at, :at FROM generate_series(1, :count) AS i
"""
# Whose rows are ours, in each table.
OURS = {"backfill_jobs": "job_type", "insight_feedback": "insight_id", "system_metrics": "service_name"}


@pytest.fixture
def database(stack: LocalStack) -> Iterator[pg8000.native.Connection]:
    postgres = stack.description["postgres"]
    names = ("user", "host", "port", "password", "database")
    with pg8000.native.Connection(**{name: postgres[name] for name in names}) as connection:
        yield connection


def test_expired_rows_live_on_in_the_archive_and_come_back(
    stack: LocalStack, client: httpx.Client, service: dict[str, str], database: pg8000.native.Connection
) -> None:
    name = f"old-{uuid.uuid4().hex[:8]}"
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=200)
    write_metrics(client, service, name, hour)
    long_ago = hour - timedelta(days=600)
    database.run(FEEDBACK, name=name, at=long_ago, count=COUNT)
    database.run(JOBS, name=name, at=hour, count=COUNT)
    written = {table: rows(database, table, name) for table in OURS}
    assert all(len(found) == COUNT for found in written.values())
    charts = aggregates(client, service, name, hour), statistics(client, name)

    ran = run_job(stack, "retention")
    assert ran["status"] == "success", ran
    assert all(tally["deleted"] >= COUNT and not tally["errors"] for tally in ran["results"].values()), ran
    assert all(rows(database, table, name) == [] for table in OURS)
    assert [ask(stack, table, name, "count(*)") for table in OURS] == [str(COUNT)] * len(OURS)
    assert ask(stack, "system_metrics", name, "sum(metric_value)") == "124750.0"
    assert (aggregates(client, service, name, hour), statistics(client, name)) == charts

    for table, moment in (("system_metrics", hour), ("insight_feedback", long_ago), ("backfill_jobs", hour)):
        archive(stack, "restore", table, moment.isoformat(), (moment + timedelta(hours=1)).isoformat())
    assert {table: rows(database, table, name) for table in OURS} == written
    assert (aggregates(client, service, name, hour), statistics(client, name)) == charts
    # What was brought back stays, and is not archived twice.
    assert run_job(stack, "retention")["status"] == "success"
    assert {table: rows(database, table, name) for table in OURS} == written


def test_months_are_there_before_their_metrics(stack: LocalStack) -> None:
    assert run_job(stack, "partitions")["status"] == "success"


def test_a_token_for_another_function_runs_no_retention(client: httpx.Client, scheduler: dict[str, str]) -> None:
    assert client.post(f"{RETENTION}/run", headers=scheduler).status_code == 403


def test_who_may_use_the_archive_is_led_to_the_buckets_and_nobody_else(stack: LocalStack) -> None:
    led = [name for name in stack.description["functions"] if storage_of(stack, name)]
    assert sorted(led) == ["backup", "feedback", "keeper", "retention"]


def test_who_is_erased_is_in_no_file_that_is_not_the_databases(
    stack: LocalStack,
    client: httpx.Client,
    service: dict[str, str],
    operator: dict[str, str],
    database: pg8000.native.Connection,
) -> None:
    user_id, text = f"erased-{uuid.uuid4().hex}", f"said-{uuid.uuid4().hex}"
    for insight in ("archived", "fresh"):
        body = {"insight_id": insight, "comment": text, "user_id": user_id}
        assert client.post("/api/v1/feedback/comment", json=body, headers=service).status_code == 200
    # Not of a day that a test before brought back, which stays.
    database.run(
        "UPDATE insight_feedback SET updated_at = now() - interval '900 days'"
        " WHERE user_id = :user_id AND insight_id = 'archived'",
        user_id=user_id,
    )
    assert run_job(stack, "retention")["status"] == "success"
    asked = f"SELECT comment FROM insight_feedback WHERE user_id = '{user_id}'"  # noqa: S608
    assert archive(stack, "query", "--people", asked, "--csv").splitlines()[1:] == [text]
    named = {"user_id": user_id}
    export = client.get("/api/v1/feedback/user/export", params=named, headers=operator).json()
    assert [row["comment"] for row in (*export["feedback"], *export["archived"])] == [text, text]

    erased = client.delete("/api/v1/feedback/user", params=named, headers=operator).json()
    assert (erased["database"]["feedback"], erased["archive"]["days"]) == (1, 1)
    assert archive(stack, "query", "--people", asked, "--csv").splitlines()[1:] == []
    holding = [
        path
        for folder, _, names in os.walk(stack.state)  # which goes on where a folder has gone meanwhile
        for path in (Path(folder, name) for name in names)
        if path.is_file() and not is_of_the_database(path.relative_to(stack.state))
        if any(mark.encode() in read(path) for mark in (user_id, text))
    ]
    assert holding == []


def read(path: Path) -> bytes:
    """Nothing of a file that is gone since it was found, as the first version of one that is written anew."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def is_of_the_database(path: Path) -> bool:
    """Whether PostgreSQL keeps rows there, whose old versions and log it overwrites in its own time."""
    return path.parts[0] == "cloudsql" and path.suffix != ".log"


def test_a_backup_is_made_and_proved(stack: LocalStack, client: httpx.Client, backup_operator: dict[str, str]) -> None:
    made = run_job(stack, "backup")["backup"]
    assert (made["status"], made["error"]) == ("success", None)
    proved = run_job(stack, "verify-backup")["verification"]
    assert (proved["status"], proved["backup_id"]) == ("passed", made["backup_id"]), proved
    assert all(check["passed"] for check in proved["checks"])
    shown = client.get(f"{BACKUP}/status", headers=backup_operator).json()
    assert shown["verification"]["id"] == proved["id"]
    assert run_job(stack, "continue-verification")["verification"]["id"] == proved["id"]


def test_an_export_is_made_and_proved_after_a_backup(stack: LocalStack) -> None:
    exported = run_job(stack, "export")["export"]
    assert (exported["status"], exported["error"]) == ("success", None)
    for _ in range(2):
        proved = run_job(stack, "verify-backup")["verification"]
        assert proved["status"] == "passed", proved
        if proved["backup_id"] == exported["backup_id"]:
            return
    pytest.fail(f"{exported} was not verified")


def test_the_keeper_leaves_young_backups(stack: LocalStack) -> None:
    assert run_job(stack, "expire-backups")["message"] == "0 backups deleted"


def test_the_keeper_leaves_what_is_encrypted(stack: LocalStack) -> None:
    assert run_job(stack, "expunge-objects")["message"] == "0 objects removed; a retention policy keeps 0"


def write_metrics(client: httpx.Client, service: dict[str, str], name: str, hour: datetime) -> None:
    batch = [
        {
            "service_name": name,
            "metric_type": "cpu",
            "metric_value": float(second),
            "unit": "%",
            "timestamp": (hour + timedelta(seconds=second)).isoformat(),
        }
        for second in range(COUNT)
    ]
    for start in range(0, COUNT, 100):
        answer = client.post(f"{METRICS}/batch", json=batch[start : start + 100], headers=service)
        assert answer.status_code == 201, answer.text


def rows(database: pg8000.native.Connection, table: str, name: str) -> list[Any]:
    return list(database.run(f"SELECT * FROM {table} WHERE {OURS[table]} = :name ORDER BY id", name=name))  # noqa: S608


def aggregates(client: httpx.Client, service: dict[str, str], name: str, hour: datetime) -> Any:
    window = {"start_time": hour.isoformat(), "end_time": (hour + timedelta(hours=1)).isoformat()}
    series = {"service_name": name, "metric_type": "cpu", "interval": "hour", **window}
    data = client.get(f"{METRICS}/aggregate", params=series, headers=service).json()["data"]
    assert [point["count"] for point in data] == [COUNT]
    return data


def statistics(client: httpx.Client, name: str) -> Any:
    stats = client.get("/api/v1/feedback/stats", params={"insight_id": name}).json()
    assert stats["total_ratings"] == COUNT
    return stats


def storage_of(stack: LocalStack, function: str) -> str | None:
    return stack.process_of(f"utxoiq-local-{function}").environ().get("STORAGE_EMULATOR_HOST")


def run_job(stack: LocalStack, job: str) -> Any:
    """As the scheduler fires it: over HTTP, with a token of its account for that function."""
    done = stack.run("run-job", job)
    assert done.returncode == 0, done.stdout + done.stderr
    head, _, body = done.stdout.partition("\n")
    assert head == f"utxoiq-local-{job}: succeeded, 200"
    return json.loads(body)


def ask(stack: LocalStack, table: str, name: str, value: str) -> str:
    """A value of our rows in the archive."""
    sql = f"SELECT {value} FROM {table} WHERE {OURS[table]} = '{name}'"  # noqa: S608
    return archive(stack, "query", sql, "--csv").splitlines()[1]


def archive(stack: LocalStack, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "commands", "archive", *arguments, "--stack-file", str(stack.state / "stack.json")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "infra")},
        timeout=START_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
