"""A client works with every table, under the base URL and at each function's own."""

import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.system.running import START_SECONDS, LocalStack, until

from utxoiq_infra.configuration.catalog import ENDPOINTS

BACKFILL, FEEDBACK = "/api/v1/monitoring/backfill", "/api/v1/feedback"
METRICS, DATABASE = "/api/v1/monitoring/metrics", "/api/v1/monitoring/database"


@pytest.fixture(params=["base URL", "own URLs"])
def origin(request: pytest.FixtureRequest, stack: LocalStack) -> dict[str, str]:
    """Where each function's paths begin."""
    if request.param == "own URLs":
        return dict(stack.description["functions"])
    return dict.fromkeys(stack.description["functions"], stack.base_url)


def test_a_backfill_job_runs_to_its_end(client: httpx.Client, origin: dict[str, str], service: dict[str, str]) -> None:
    url = origin["backfill"] + BACKFILL
    job_type = f"blocks-{uuid.uuid4().hex[:8]}"
    started = client.post(
        f"{url}/start", json={"job_type": job_type, "start_block": 0, "end_block": 900_000}, headers=service
    )
    assert started.status_code == 201, started.text
    job = started.json()
    progress = {"current_block": 450_000, "progress_percentage": 50.0}
    answer = client.post(f"{url}/progress", params={"job_id": job["id"]}, json=progress, headers=service)
    assert (answer.status_code, answer.json()["current_block"]) == (200, 450_000)
    done = {"current_block": 900_000, "progress_percentage": 100.0, "status": "completed"}
    answer = client.post(f"{url}/progress", params={"job_id": job["id"]}, json=done, headers=service)
    assert answer.status_code == 200, answer.text
    read = client.get(f"{url}/{job['id']}", headers=service).json()
    assert (read["status"], read["completed_at"] is None) == ("completed", False)
    listed = client.get(f"{url}/status", params={"job_type": job_type}, headers=service).json()
    assert [row["id"] for row in listed] == [job["id"]]
    again = client.post(f"{url}/progress", params={"job_id": job["id"]}, json=progress, headers=service)
    assert again.status_code == 409


def test_feedback_is_counted(client: httpx.Client, origin: dict[str, str], user: dict[str, str]) -> None:
    url = origin["feedback"] + FEEDBACK
    insight = f"insight-{uuid.uuid4().hex[:8]}"
    assert client.post(f"{url}/rate", json={"insight_id": insight, "rating": 4}, headers=user).status_code == 200
    assert client.post(f"{url}/comment", json={"insight_id": insight, "comment": "Ünclear"}, headers=user).is_success
    flagged = client.post(f"{url}/flag", json={"insight_id": insight, "flag_type": "spam"}, headers=user)
    assert flagged.json()["rating"] == 4
    stats = client.get(f"{url}/stats", params={"insight_id": insight}).json()
    assert (stats["total_ratings"], stats["average_rating"], stats["total_comments"]) == (1, 4.0, 1)
    assert stats["flag_types"] == {"spam": 1}
    comments = client.get(f"{url}/comments", params={"insight_id": insight}).json()
    assert [row["comment"] for row in comments["comments"]] == ["Ünclear"]
    mine = client.get(f"{url}/user", params={"user_id": "user-1"}, headers=user).json()
    assert insight in {row["insight_id"] for row in mine["feedback"]}


def test_metrics_are_aggregated(client: httpx.Client, origin: dict[str, str], service: dict[str, str]) -> None:
    url = origin["metrics"] + METRICS
    name = f"service-{uuid.uuid4().hex[:8]}"
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    metric = {
        "service_name": name,
        "metric_type": "cpu",
        "metric_value": 1.0,
        "unit": "%",
        "timestamp": hour.isoformat(),
    }
    assert client.post(url, json=metric, headers=service).status_code == 201
    batch = [metric | {"metric_value": value} for value in (2.0, 6.0)]
    assert len(client.post(f"{url}/batch", json=batch, headers=service).json()) == 2
    window = {"start_time": hour.isoformat(), "end_time": (hour + timedelta(hours=1)).isoformat()}
    read = client.get(url, params={"service_name": name, **window}, headers=service).json()
    assert sorted(row["metric_value"] for row in read) == [1.0, 2.0, 6.0]
    series = {"service_name": name, "metric_type": "cpu", "interval": "hour", **window}
    (point,) = client.get(f"{url}/aggregate", params=series, headers=service).json()["data"]
    assert (point["avg_value"], point["min_value"], point["max_value"], point["count"]) == (3.0, 1.0, 6.0, 3)


def test_the_fleets_figures(client: httpx.Client, origin: dict[str, str], service: dict[str, str]) -> None:
    url = origin["database"] + DATABASE
    for path in ("pool", "queries"):
        answer = client.get(f"{url}/{path}", headers=service)
        assert (answer.status_code, answer.json()["status"]) == (200, "success"), answer.text


def test_the_base_url_says_what_there_is(client: httpx.Client, stack: LocalStack) -> None:
    assert {BACKFILL, FEEDBACK, METRICS, DATABASE} <= set(client.get("/_local/index.json").json()["routes"])
    # Now and then a part of a busy machine is not, whose Redis answers late.
    until(lambda: client.get("/health").json()["status"] == "healthy", START_SECONDS)
    paths = client.get("/openapi.json").json()["paths"]
    assert {f"{FEEDBACK}/rate", f"{METRICS}/batch", f"{BACKFILL}/start", f"{DATABASE}/pool"} <= set(paths)
    for path in ("/nowhere", f"{FEEDBACK}x/rate"):
        missing = client.get(path)
        assert (missing.status_code, missing.headers["Content-Type"]) == (404, "application/problem+json")


def test_the_table_of_up_shows_every_prefix(stack: LocalStack) -> None:
    table = stack.output.partition("Functions")[2].partition("Schedules")[0]
    assert {path for spec in ENDPOINTS for path in spec.paths} <= set(table.split())
