"""The whole system with a read replica, which the configuration alone switches on: it is read, and watched."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pg8000.native
import pytest
from tests.documents.runbooks import run_runbook
from tests.system.running import LocalStack, configured_project, until

METRICS, POOL = "/api/v1/monitoring/metrics", "/api/v1/monitoring/database/pool"
REPLICA = "utxoiq-local-replica"
REGION = "us-west1"
LAG = "cloudsql.googleapis.com/database/replication/replica_lag"
# So that the platform measures itself each second.
PACE = 60
SECONDS = 120


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("replicated")
    project = configured_project(folder, {"replicaRegion": REGION})
    stack = LocalStack(folder, project, ("--pace", str(PACE)))
    try:
        yield stack.start()
    finally:
        stack.end()


@pytest.fixture
def api(replicated: LocalStack) -> Iterator[httpx.Client]:
    headers = {"X-API-Key": replicated.description["credentials"]["service_key"]}
    with httpx.Client(base_url=replicated.base_url, headers=headers, timeout=120) as api:
        yield api


@contextmanager
def paused(stack: LocalStack) -> Iterator[None]:
    """The replica keeps what it receives to itself."""
    there = stack.description["cloud_sql"]
    socket = os.path.realpath(f"{there['sockets']}/{there['project']}:{REGION}:{REPLICA}")
    with pg8000.native.Connection("postgres", unix_sock=f"{socket}/.s.PGSQL.5432", ssl_context=False) as replica:
        replica.run("SELECT pg_wal_replay_pause()")
        until(lambda: replica.run("SELECT pg_get_wal_replay_pause_state()") == [["paused"]], SECONDS)
        yield
        replica.run("SELECT pg_wal_replay_resume()")


def record(api: httpx.Client, value: int, at: datetime) -> None:
    metric = {"service_name": "replicated", "metric_type": "latency", "unit": "ms"}
    answer = api.post(METRICS, json={**metric, "metric_value": value, "timestamp": at.isoformat()})
    assert answer.status_code == 201, answer.text


def values(api: httpx.Client, end: datetime) -> list[float]:
    times = {"start_time": (end - timedelta(days=1)).isoformat(), "end_time": end.isoformat()}
    answer = api.get(METRICS, params={"service_name": "replicated", **times}).raise_for_status()
    return sorted(metric["metric_value"] for metric in answer.json())


def lags(stack: LocalStack) -> list[float]:
    """As Cloud Monitoring has them, newest first."""
    project = stack.description["cloud_sql"]["project"]
    now = datetime.now(UTC)
    answer: dict[str, Any] = (
        httpx.get(
            f"{stack.description['google_apis']['url']}/v3/projects/{project}/timeSeries",
            params={
                "filter": f'metric.type = "{LAG}" AND resource.labels.database_id = "{project}:{REPLICA}"',
                "interval.startTime": (now - timedelta(minutes=5)).isoformat(),
                "interval.endTime": now.isoformat(),
            },
            timeout=60,
        )
        .raise_for_status()
        .json()
    )
    return [point["value"]["doubleValue"] for series in answer.get("timeSeries", []) for point in series["points"]]


def test_the_past_is_read_from_the_replica_and_its_lag_is_told(replicated: LocalStack, api: httpx.Client) -> None:
    now = datetime.now(UTC)
    past = now - timedelta(hours=2)
    record(api, 1, past - timedelta(hours=1))
    until(lambda: values(api, past) == [1], SECONDS)
    with paused(replicated):
        record(api, 2, past - timedelta(hours=1))
        assert values(api, past) == [1]
        assert values(api, now) == [1, 2]
        until(lambda: lags(replicated)[:1] > [1], SECONDS)
        run_runbook(replicated, "replication-lag")
        until(lambda: values(api, past) == [1, 2], SECONDS)
    until(lambda: lags(replicated)[:1] == [0], SECONDS)

    until(lambda: api.get(POOL).json()["metrics"]["replica"]["total_connections"] >= 1, SECONDS)
    # What the alert is about.
    assert LAG not in [fault["metric"] for fault in replicated.status()["unpublished"]]


def test_a_replica_that_crashes_is_brought_back_and_the_database_answers_meanwhile(
    replicated: LocalStack, api: httpx.Client
) -> None:
    past = datetime.now(UTC) - timedelta(hours=30)
    record(api, 3, past)
    replicated.process_of(f"{REPLICA}-postgres").kill()
    assert values(api, past) in ([], [3])  # not failed: from the database, or from the replica that is back already
    replicated.await_up(f"{REPLICA}-postgres", 1)
    until(lambda: values(api, past) == [3], SECONDS)
    with paused(replicated):
        record(api, 4, past)
        assert values(api, past) == [3]
