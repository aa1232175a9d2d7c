"""Who may call what: each endpoint by each caller, as the contract has it."""

import pytest
from tests.integration.http.functions import UNKNOWN_ID, Api

CALLERS: list[str | None] = [None, "user", "service", "reader", "powerless", "operator"]
# Their tokens are for the database function: no other knows them.
GOOGLE_ACCOUNTS = ["scheduler", "stranger"]
RANGE = "start_time=2026-01-01T00:00:00Z&end_time=2026-01-02T00:00:00Z"
WRITERS: list[str | None] = ["service", "operator"]
READERS: list[str | None] = ["service", "reader", "operator"]
ENDPOINTS: list[tuple[str, str, object, list[str | None]]] = [
    ("POST", "/api/v1/monitoring/backfill/start", {}, WRITERS),
    ("POST", f"/api/v1/monitoring/backfill/progress?job_id={UNKNOWN_ID}", {}, WRITERS),
    ("GET", "/api/v1/monitoring/backfill/status", None, READERS),
    ("GET", f"/api/v1/monitoring/backfill/{UNKNOWN_ID}", None, READERS),
    ("POST", "/api/v1/feedback/rate", {}, ["user", *WRITERS]),
    ("POST", "/api/v1/feedback/comment", {}, ["user", *WRITERS]),
    ("POST", "/api/v1/feedback/flag", {}, ["user", *WRITERS]),
    ("GET", "/api/v1/feedback/stats?insight_id=x", None, CALLERS),
    ("GET", "/api/v1/feedback/comments?insight_id=x", None, CALLERS),
    ("GET", "/api/v1/feedback/user?user_id=user-1", None, ["user", *READERS]),
    ("POST", "/api/v1/monitoring/metrics", {}, WRITERS),
    ("POST", "/api/v1/monitoring/metrics/batch", {}, WRITERS),
    ("GET", f"/api/v1/monitoring/metrics?{RANGE}", None, READERS),
    (
        "GET",
        f"/api/v1/monitoring/metrics/aggregate?{RANGE}&service_name=a&metric_type=b&interval=day",
        None,
        READERS,
    ),
    ("GET", "/api/v1/monitoring/database/pool", None, READERS),
    ("GET", "/api/v1/monitoring/database/queries", None, READERS),
    ("GET", "/api/v1/monitoring/database/requests", None, READERS),
    ("GET", "/api/v1/monitoring/database/cache", None, READERS),
    ("POST", "/api/v1/monitoring/database/publish-metrics", None, ["operator", "scheduler"]),
    ("GET", "/metrics", None, READERS),
    ("GET", "/health", None, CALLERS),
    ("GET", "/openapi.json", None, CALLERS),
]


@pytest.mark.parametrize(("method", "path", "body", "let_in"), ENDPOINTS, ids=lambda part: str(part)[:60])
def test_an_endpoint_is_for_those_whom_the_contract_names(
    api: Api, method: str, path: str, body: object, let_in: list[str | None]
) -> None:
    """An empty body: whoever is let in is told of its fields, and changes nothing."""
    for caller in [*CALLERS, *(GOOGLE_ACCOUNTS if "database" in path else [])]:
        response = api(method, path, caller, json=body)
        if caller in let_in:
            assert response.status_code in (200, 404, 422), (caller, response.text)
        else:
            assert response.status_code == (401 if caller is None else 403), (caller, response.text)
            assert response.json()["detail"]
        if response.status_code == 401:
            assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("caller", GOOGLE_ACCOUNTS)
def test_a_token_meant_for_another_function_is_401(api: Api, caller: str) -> None:
    assert api("GET", "/api/v1/monitoring/backfill/status", caller).status_code == 401


def test_credentials_that_do_not_hold_are_401_even_where_none_are_needed(api: Api) -> None:
    response = api("GET", "/api/v1/feedback/stats?insight_id=x", None, headers={"Authorization": "Bearer nonsense"})
    assert response.status_code == 401


def test_a_health_check_looks_at_no_credentials(api: Api) -> None:
    assert api("GET", "/health", None, headers={"Authorization": "Bearer nonsense"}).status_code == 200


def test_who_calls_is_asked_before_the_body_is_looked_at(api: Api) -> None:
    response = api("POST", "/api/v1/monitoring/metrics", None, content=b"{", headers={"Content-Type": "text/plain"})
    assert response.status_code == 401
