"""Clients and data of the system before move to the running one: a browser's pages, rows, archives, and back."""

import json
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pg8000.native
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client
from selenium.webdriver import Chrome
from tests.documents.blocks import read_blocks
from tests.documents.shell import run_blocks
from tests.integration.moving.old_system import EXPECTED, OldSystem, rows
from tests.system import browser as browsers
from tests.system.running import REPOSITORY, LocalStack

ALLOWED = ("http://localhost:3000", "http://localhost:5173")
ELSEWHERE = "http://localhost:4000"
ROWS = 400
DOCUMENTED = [block for block in read_blocks(REPOSITORY / "docs/moving.md") if block.is_run]
STEPS = dict(zip(("archives", "again", "back"), DOCUMENTED, strict=True))
# What a page's own script gets to see of an answer; an error's name where the browser keeps it from it.
FETCH = """
const [url, options, done] = arguments;
fetch(url, options).then(
    async answer => done([answer.status, await answer.json(), answer.headers.get('X-RateLimit-Limit'),
                          answer.headers.get('X-Ignored-Fields')]),
    error => done([error.name]));
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """An empty page, at whatever name a browser is told that it has."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "index.html").write_text("<!doctype html><title>A page</title>")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory, pages: int) -> Iterator[Chrome]:
    """The development servers' ports may be taken here, so the browser finds the pages at another one."""
    mapped = ", ".join(f"MAP {origin.removeprefix('http://')} 127.0.0.1:{pages}" for origin in (*ALLOWED, ELSEWHERE))
    folder = tmp_path_factory.mktemp("chromium")
    with browsers.chromium(folder, f"--host-resolver-rules={mapped}") as chrome:
        yield chrome


@pytest.mark.skipif(browsers.MISSING is not None, reason=browsers.MISSING or "")
def test_pages_of_the_declared_origins_call_with_preflights_and_no_others(
    stack: LocalStack, chrome: Chrome, user: dict[str, str], client: httpx.Client
) -> None:
    insight = f"insight-{uuid.uuid4().hex[:8]}"
    rating = {"insight_id": insight, "rating": 5.0, "feedback_type": "rating"}
    headers = {**user, "Content-Type": "application/json", "X-Correlation-ID": "a-page"}
    write = {"method": "POST", "headers": headers, "body": json.dumps(rating)}
    url = f"{stack.base_url}/api/v1/feedback"
    for origin in ALLOWED:
        chrome.get(f"{origin}/")
        status, answer, limit, ignored = chrome.execute_async_script(FETCH, f"{url}/rate", write)
        assert (status, answer["rating"], ignored) == (200, 5, "feedback_type")
        assert int(limit) > 0
        status, answer, *_ = chrome.execute_async_script(FETCH, f"{url}/rate/", {**write, "body": "{"})
        assert (status, answer["status"]) == (400, 400)
    chrome.get(f"{ELSEWHERE}/")
    changed = {**write, "body": json.dumps({**rating, "rating": 1})}
    assert chrome.execute_async_script(FETCH, f"{url}/rate", changed) == ["TypeError"]
    assert chrome.execute_async_script(FETCH, f"{url}/stats?insight_id={insight}", {}) == ["TypeError"]
    assert client.get(f"/api/v1/feedback/stats?insight_id={insight}").json()["average_rating"] == 5.0


@pytest.fixture
def sql(stack: LocalStack) -> Iterator[pg8000.native.Connection]:
    with _connected(stack) as connection:
        yield connection


@pytest.fixture
def old_system(stack: LocalStack, sql: pg8000.native.Connection) -> Iterator[OldSystem]:
    """Beside the new one, on its server."""
    name = f"old_{uuid.uuid4().hex[:8]}"
    sql.run(f"CREATE DATABASE {name}")
    with _connected(stack, name) as connection:
        postgres = stack.description["postgres"]
        address = f"{postgres['user']}:{postgres['password']}@{postgres['host']}:{postgres['port']}"
        old = OldSystem(connection, f"postgresql://{address}/{name}")
        old.begin()
        old.fill(1, ROWS)
        yield old


def _connected(stack: LocalStack, database: str | None = None) -> pg8000.native.Connection:
    postgres = stack.description["postgres"]
    names = ("user", "host", "port", "password", "database")
    parts = {name: postgres[name] for name in names}
    return pg8000.native.Connection(**{**parts, **({"database": database} if database else {})})


def test_rows_move_in_are_answered_and_go_back(
    stack: LocalStack,
    client: httpx.Client,
    service: dict[str, str],
    old_system: OldSystem,
    sql: pg8000.native.Connection,
    tmp_path: Path,
) -> None:
    stats = "/api/v1/feedback/stats?insight_id=insight-0"
    before = client.get(stats).json()  # cached from now on
    report = tmp_path / "report.csv"
    done = stack.command("import", old_system.url, "--report", str(report))
    assert all(row["added"] + row["reported"] == row["old"] == ROWS for row in done["tables"].values()), done
    assert len(report.read_text().splitlines()) == 1 + sum(row["reported"] for row in done["tables"].values())
    assert done["api_keys"] == []

    expected = list(rows(old_system.sql, EXPECTED["insight_feedback"]))
    told = client.get(stats).json()
    assert told["total_ratings"] - before["total_ratings"] == sum(
        row[1] == "insight-0" and row[3] is not None for row in expected
    )
    (job_id, *_), *_ = rows(old_system.sql, EXPECTED["backfill_jobs"])
    assert client.get(f"/api/v1/monitoring/backfill/{job_id}", headers=service).json()["id"] == job_id
    found = client.get(
        "/api/v1/monitoring/metrics/aggregate",
        params={
            "service_name": "service-1",
            "metric_type": "latency",
            "interval": "day",
            "percentiles": "true",
            "start_time": "2020-01-01T00:00:00",
            "end_time": "2100-01-01T00:00:00",
        },
        headers=service,
    ).json()["data"]
    values = sorted(row[3] for row in rows(old_system.sql, EXPECTED["system_metrics"]) if row[1] == "service-1")
    assert sum(day["count"] for day in found) == len(values)
    assert (min(day["min_value"] for day in found), max(day["max_value"] for day in found)) == (values[0], values[-1])
    assert all(day["p50"] is not None for day in found)

    rating = {"insight_id": "insight-0", "rating": 2, "user_id": "subject-5"}
    client.post("/api/v1/feedback/rate", json=rating, headers=service).raise_for_status()
    follow("again", stack, tmp_path, OLD=old_system.url)
    follow("back", stack, tmp_path, OLD=old_system.url)
    assert old_system.sql.run(
        "SELECT rating FROM insight_feedback WHERE insight_id = 'insight-0' AND user_id = md5('user 5')::uuid::text"
    ) == [[2]]
    _forget(sql)


def test_archives_move_in_and_are_asked(
    stack: LocalStack, old_system: OldSystem, sql: pg8000.native.Connection, tmp_path: Path
) -> None:
    storage = stack.description["storage"]["url"]
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    bucket = Client("local", credentials, client_options={"api_endpoint": storage}).create_bucket(
        f"old-{uuid.uuid4().hex[:8]}"
    )
    name = f"archived-{uuid.uuid4().hex[:8]}"
    row: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "insight_id": name,
        "user_id": str(old_system.sql.run("SELECT md5('user 1')::uuid::text")[0][0]),
        "rating": 3,
        "comment": "",
        "flag_type": None,
        "flag_reason": None,
        "created_at": "2023-01-31T12:00:00",
        "updated_at": "2023-01-31T12:00:00",
    }
    bucket.blob("feedback/2023.json").upload_from_string(json.dumps([row, row]))
    follow("archives", stack, tmp_path, OLD=old_system.url, OLD_BUCKET=bucket.name, OLD_STORAGE=storage)
    question = f"SELECT user_id, rating FROM insight_feedback WHERE insight_id = '{name}'"  # noqa: S608
    asked = stack.command("archive", "query", "--people", question)
    assert asked["rows"] == [["subject-1", 3]]
    _forget(sql)


def follow(step: str, stack: LocalStack, folder: Path, **names: str) -> None:
    """Run a command of docs/moving.md as it stands there."""
    run_blocks(stack, [STEPS[step]], folder / "repository", names)


def _forget(sql: pg8000.native.Connection) -> None:
    """What was moved is one test's: the next one's old system has the same ids."""
    for table, rows_in in (
        ("backfill_jobs", "backfill_jobs"),
        ("insight_feedback", "insight_feedback"),
        ("system_metrics", "metric_points"),
    ):
        sql.run(f"DELETE FROM {rows_in} WHERE id IN (SELECT id FROM moving.imported WHERE table_name = '{table}')")  # noqa: S608
    sql.run("TRUNCATE moving.imported, moving.report, moving.progress")
