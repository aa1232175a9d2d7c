"""What a client sees while a part is away, and after it has come back."""

import uuid
from collections.abc import Iterator

import pytest
from tests.integration.http.functions import UNKNOWN_ID, Api
from tests.system.running import until

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.valkey import Valkey

RANGE = "start_time=2026-01-01T00:00:00Z&end_time=2026-01-02T00:00:00Z"
# Health is looked at once a second; a busy machine takes longer over it.
PATIENCE = 60
RATING = {"insight_id": "x", "rating": 5, "user_id": "u"}


@pytest.fixture
def no_database(postgres: Postgres) -> Iterator[Postgres]:
    postgres.stop()
    yield postgres
    if postgres.process is None:
        postgres.start()


@pytest.fixture
def no_redis(valkey: Valkey) -> Iterator[Valkey]:
    valkey.stop()
    yield valkey
    if valkey.process is None:
        valkey.start()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/feedback/rate", RATING),
        ("GET", "/api/v1/feedback/stats?insight_id=unheard-of", None),
        ("GET", "/api/v1/feedback/comments?insight_id=x", None),
        ("GET", f"/api/v1/monitoring/backfill/{UNKNOWN_ID}", None),
        ("POST", "/api/v1/monitoring/backfill/start", {"job_type": "b", "start_block": 1, "end_block": 2}),
        ("GET", f"/api/v1/monitoring/metrics?{RANGE}", None),
        (
            "POST",
            "/api/v1/monitoring/metrics",
            {"service_name": "a", "metric_type": "b", "metric_value": 1, "unit": "ms"},
        ),
    ],
)
def test_without_the_database_a_request_is_503_and_told_when_to_come_again(
    api: Api, no_database: Postgres, method: str, path: str, body: object
) -> None:
    response = api(method, path, json=body)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.headers["content-type"] == "application/problem+json"
    assert "SELECT" not in response.text


def test_bad_input_is_refused_without_the_database(api: Api, no_database: Postgres) -> None:
    assert api("POST", "/api/v1/feedback/rate", "user", json={"insight_id": "x", "rating": 6}).status_code == 422


def test_without_the_database_a_function_is_not_healthy(api: Api, no_database: Postgres) -> None:
    def health() -> tuple[int, object]:
        response = api("GET", "/health", None)
        return response.status_code, response.json()["parts"]

    until(lambda: health() == (503, {"database": "away", "redis": "ok"}), PATIENCE)


def test_a_database_that_is_back_is_used_again(api: Api, no_database: Postgres) -> None:
    api("POST", "/api/v1/feedback/rate", json=RATING)
    no_database.start()
    assert api("POST", "/api/v1/feedback/rate", json=RATING).status_code == 200


def test_without_redis_everything_works_and_writes_are_seen(api: Api, no_redis: Valkey) -> None:
    insight = str(uuid.uuid4())
    for number in range(3):
        rated = api("POST", "/api/v1/feedback/rate", json={**RATING, "insight_id": insight, "user_id": f"u{number}"})
        assert rated.status_code == 200
        stats = api("GET", f"/api/v1/feedback/stats?insight_id={insight}", None).json()
        assert stats["total_ratings"] == number + 1
    assert api("GET", "/api/v1/monitoring/database/pool").status_code == 200


def test_without_redis_a_function_is_degraded(api: Api, no_redis: Valkey) -> None:
    def health() -> tuple[int, object]:
        response = api("GET", "/health", None)
        return response.status_code, response.json()

    degraded = {"status": "degraded", "parts": {"database": "ok", "redis": "away"}}
    until(lambda: health() == (200, degraded), PATIENCE)


def test_what_was_written_without_redis_is_seen_when_it_is_back(api: Api, no_redis: Valkey) -> None:
    insight = str(uuid.uuid4())
    path = f"/api/v1/feedback/stats?insight_id={insight}"
    no_redis.start()
    api("GET", path, None)
    no_redis.stop()
    api("POST", "/api/v1/feedback/rate", json={**RATING, "insight_id": insight})
    no_redis.start()
    assert api("GET", path, None).json()["total_ratings"] == 1
