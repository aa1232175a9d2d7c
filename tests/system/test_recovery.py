"""The runbook's recoveries on the whole system: written to over HTTP, damaged, recovered, read over HTTP."""

import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pg8000.native
from tests.system.running import REPOSITORY, START_SECONDS, LocalStack

RATE = "/api/v1/feedback/rate"
GIVEN = 4
SECOND = timedelta(seconds=1)


class Clients:
    """Rate one insight without end, and keep whose ratings were acknowledged, and when."""

    def __init__(self, stack: LocalStack, insight: str, name: str) -> None:
        self.acknowledged: list[tuple[datetime, str]] = []
        self.refusal = ""
        self._stack = stack
        self._insight = insight
        self._name = name
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "Clients":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def await_some(self, number: int) -> None:
        wanted = len(self.acknowledged) + number
        deadline = time.monotonic() + START_SECONDS
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"nobody can write: {self.refusal}"
            time.sleep(0.01)

    def before(self, moment: datetime) -> set[str]:
        return {user for answered, user in list(self.acknowledged) if answered < moment}

    def _write(self) -> None:
        number = 0
        with client(self._stack) as api:
            while not self._end.is_set():
                user = f"{self._name}-{number}"
                number += 1
                answer = api.post(RATE, json={"insight_id": self._insight, "user_id": user, "rating": GIVEN})
                if answer.status_code == 200:
                    self.acknowledged.append((datetime.now(UTC), user))
                else:
                    self.refusal = answer.text
                self._end.wait(0.02)  # well within what one caller may ask for in an hour


def client(stack: LocalStack) -> httpx.Client:
    token = stack.description["credentials"]["admin_token"]
    return httpx.Client(base_url=stack.base_url, timeout=120, headers={"Authorization": f"Bearer {token}"})


def execute(stack: LocalStack, statement: str) -> list[Any]:
    there = stack.description["postgres"]
    with pg8000.native.Connection(
        there["user"],
        host=there["host"],
        port=there["port"],
        password=there["password"],
        database=there["database"],
    ) as connection:
        rows: list[Any] = connection.run(statement)
        return rows


def recover(stack: LocalStack, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "commands", "recover", "--stack-file", str(stack.state / "stack.json"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "infra")},
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def users(stack: LocalStack, insight: str) -> set[str]:
    rows = execute(stack, f"SELECT user_id FROM insight_feedback WHERE insight_id = '{insight}'")  # noqa: S608
    return {user for (user,) in rows}


def ratings_of_others(stack: LocalStack, insight: str) -> list[Any]:
    """What is said of any other, by its id."""
    return execute(stack, f"SELECT id, rating FROM insight_feedback WHERE insight_id <> '{insight}' ORDER BY id")  # noqa: S608


def total_ratings(stack: LocalStack, insight: str) -> int:
    with client(stack) as api:
        answer = api.get("/api/v1/feedback/stats", params={"insight_id": insight})
        return int(answer.raise_for_status().json()["total_ratings"])


def strike(stack: LocalStack, clients: Clients, statement: str) -> datetime:
    clients.await_some(20)
    time.sleep(1.2)  # so that there is a second before
    moment = datetime.now(UTC)
    execute(stack, statement)
    return moment


def test_a_dropped_table_comes_back_while_the_system_serves(stack: LocalStack) -> None:
    with Clients(stack, "dropped", "before") as clients:
        moment = strike(stack, clients, "DROP TABLE insight_feedback") - SECOND

    said = recover(stack, "table", "--table", "insight_feedback", "--time", moment.isoformat())

    restored = users(stack, "dropped")
    assert clients.before(moment)
    assert clients.before(moment) <= restored
    assert "the table was made anew" in said
    assert total_ratings(stack, "dropped") == len(restored)
    with Clients(stack, "dropped", "after") as again:
        again.await_some(10)


def test_the_whole_database_goes_back_to_the_second_before(stack: LocalStack) -> None:
    others = ratings_of_others(stack, "spoilt")
    with Clients(stack, "spoilt", "before") as clients:
        moment = strike(stack, clients, "UPDATE insight_feedback SET rating = 1") - SECOND
        recover(stack, "point-in-time", "--time", moment.isoformat(), "--replace")
        clients.await_some(1)  # the functions find the database again by themselves

    restored = users(stack, "spoilt")
    assert clients.before(moment)
    assert clients.before(moment) <= restored
    assert execute(stack, "SELECT DISTINCT rating FROM insight_feedback WHERE insight_id = 'spoilt'") == [[GIVEN]]
    assert ratings_of_others(stack, "spoilt") == others
    assert total_ratings(stack, "spoilt") == len(restored)


def test_the_newest_backup_is_restored_in_another_region(stack: LocalStack) -> None:
    said = recover(stack, "region", "--region", "us-east1")
    instance = stack.description["cloud_sql"]["instance"]
    assert f":us-east1:{instance}-us-east1 holds everything" in said
