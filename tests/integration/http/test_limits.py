"""Limits as clients meet them: over two instances of a function, and what else every answer carries."""

import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from redis import Redis
from tests.integration.http.conftest import AUDIENCE, OPERATORS, PROJECT, key_of
from tests.integration.http.functions import CONNECTIONS, Api, Function
from tests.unit.http.issuer import Issuer

from local_cloud.processes.valkey import Valkey
from utxoiq_http.identity import GOOGLE_ISSUER

STATS = "/api/v1/feedback/stats?insight_id=x"
# Ends what hangs; a slow machine takes its time.
PATIENCE = 120
BATCH = "/api/v1/monitoring/metrics/batch"
LIMITS = {
    "RATE_LIMIT_SIGNED_IN": "20",
    "RATE_LIMIT_ANONYMOUS": "10",
    "RATE_LIMIT_BATCHES": "3",
    "RATE_LIMIT_ADDRESS": "25",
}
USERS = f"https://securetoken.google.com/{PROJECT}"
PAGE = "https://app.example.org"
METRIC = {"service_name": "api", "metric_type": "latency", "metric_value": 1, "unit": "ms"}


@pytest.fixture(scope="module")
def instances(
    variables: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Function, Function]]:
    """Of feedback."""
    own = {**variables, **LIMITS, "FUNCTION_AUDIENCE": f"{AUDIENCE}feedback", "CORS_ORIGINS": PAGE}
    folders = [tmp_path_factory.mktemp("instance") for _ in range(2)]
    with Function(folders[0], "feedback", own) as one, Function(folders[1], "feedback", own) as other:
        # The first to count connects to Redis and loads the script, which may take longer than a count may.
        statuses((one, other), called_from("192.0.2.250"), 2)
        yield one, other


@pytest.fixture(autouse=True)
def fresh(valkey: Valkey) -> None:
    """Windows that nobody has begun."""
    with Redis(valkey.host, valkey.port, password=valkey.password) as redis:
        redis.flushall()


def called_from(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": f"198.51.100.99, {address}"}


def statuses(instances: tuple[Function, ...], headers: Mapping[str, str], count: int) -> list[int]:
    """Of requests at once, by turns to each instance."""
    with ThreadPoolExecutor(8) as threads, httpx.Client(timeout=PATIENCE, limits=CONNECTIONS) as client:
        urls = [instances[turn % len(instances)].url + STATS for turn in range(count)]
        return list(threads.map(lambda url: client.get(url, headers=headers).status_code, urls))


def test_a_small_limit_is_exact_over_two_instances(instances: tuple[Function, Function]) -> None:
    assert sorted(statuses(instances, called_from("192.0.2.1"), 30)) == [200] * 10 + [429] * 20


def test_callers_are_told_apart_by_address_and_name(api: Api, instances: tuple[Function, Function]) -> None:
    assert statuses(instances, called_from("192.0.2.2"), 11).count(429) == 1
    assert statuses(instances, called_from("192.0.2.3"), 1) == [200]
    user = {**api.headers("user"), **called_from("192.0.2.2")}
    assert statuses(instances, user, 21).count(429) == 1
    assert statuses(instances, {**api.headers("other"), **called_from("192.0.2.2")}, 1) == [200]


def token(issuer: Issuer, issued_by: str, audience: str, subject: str, **claims: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.token(issued_by, audience, subject, **claims)}"}


def test_a_google_account_that_nobody_listed_counts_as_its_address_does(
    issuer: Issuer, instances: tuple[Function, Function]
) -> None:
    accounts = [
        token(issuer, GOOGLE_ISSUER, OPERATORS, name, email=f"{name}@example.org", email_verified=True)
        for name in ("one", "other")
    ]
    assert statuses(instances, called_from("192.0.2.10"), 4) == [200] * 4
    assert statuses(instances, {**accounts[0], **called_from("192.0.2.10")}, 3) == [200] * 3
    assert sorted(statuses(instances, {**accounts[1], **called_from("192.0.2.10")}, 5)) == [200] * 3 + [429] * 2
    assert statuses(instances, {**accounts[1], **called_from("192.0.2.11")}, 1) == [200]


def test_an_address_has_a_limit_over_all_its_users(issuer: Issuer, instances: tuple[Function, Function]) -> None:
    one, other = (
        {**token(issuer, USERS, PROJECT, name), **called_from("192.0.2.12")} for name in ("anonymous-1", "anonymous-2")
    )
    assert statuses(instances, one, 20) == [200] * 20
    # What the first one's own limit refuses takes nothing from the others.
    assert statuses(instances, one, 10) == [429] * 10
    assert sorted(statuses(instances, other, 8)) == [200] * 5 + [429] * 3
    shown = httpx.get(instances[0].url + STATS, headers={**other, **called_from("192.0.2.13")}, timeout=PATIENCE)
    assert (shown.status_code, shown.headers["X-RateLimit-Limit"]) == (200, "20")


def test_an_answer_says_where_its_caller_stands(instances: tuple[Function, Function]) -> None:
    own = called_from("192.0.2.4")
    with httpx.Client(base_url=instances[0].url, headers=own, timeout=PATIENCE, limits=CONNECTIONS) as client:
        answers = [client.get(path) for path in (STATS, "/api/v1/feedback/user", "/nowhere", "/api/v1/feedback/rate")]
        assert [answer.status_code for answer in answers] == [200, 401, 404, 405]
        assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["9", "8", "7", "6"]
        assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"10"}
        assert int(answers[0].headers["X-RateLimit-Reset"]) == pytest.approx(time.time() + 3600, abs=10)
        assert "X-RateLimit-Limit" not in client.get("/health").headers


def test_a_refusal_says_when_to_come_back(instances: tuple[Function, Function]) -> None:
    statuses(instances, called_from("192.0.2.5"), 10)
    refused = httpx.get(instances[0].url + STATS, headers=called_from("192.0.2.5"), timeout=PATIENCE)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) == pytest.approx(3600, abs=10)
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.json()["type"] == "urn:utxoiq:problem:rate-limit"
    assert "10 requests" in refused.json()["detail"]


def test_a_key_may_have_a_limit_of_its_own(instances: tuple[Function, Function]) -> None:
    assert statuses(instances, {"X-API-Key": key_of("service")}, 30) == [200] * 30


def test_guessed_keys_are_soon_not_looked_into(api: Api, instances: tuple[Function, Function]) -> None:
    guesses = [{"X-API-Key": f"uiq_guessing0000_{number:A>43}", **called_from("192.0.2.6")} for number in range(12)]
    assert [statuses(instances[:1], guess, 1) for guess in guesses] == [[401]] * 10 + [[429]] * 2
    # Who is known already is let in all the same, and so is who sends nothing.
    assert statuses(instances[:1], called_from("192.0.2.6"), 1) == [200]
    statuses(instances[:1], {"X-API-Key": key_of("service")}, 1)
    assert statuses(instances[:1], {"X-API-Key": key_of("service"), **called_from("192.0.2.6")}, 1) == [200]


def test_batches_are_counted_by_themselves_too(api: Api, variables: Mapping[str, str], tmp_path: Path) -> None:
    own = {**variables, **LIMITS, "FUNCTION_AUDIENCE": f"{AUDIENCE}metrics"}
    with (
        Function(tmp_path, "metrics", own) as metrics,
        httpx.Client(base_url=metrics.url, timeout=PATIENCE, limits=CONNECTIONS) as client,
    ):
        operator = api.headers("operator")
        sent = [client.post(BATCH, json=[METRIC], headers=operator) for _ in range(4)]
        assert [answer.status_code for answer in sent] == [201, 201, 201, 429]
        assert [answer.headers["X-RateLimit-Remaining"] for answer in sent] == ["2", "1", "0", "0"]
        single = client.post("/api/v1/monitoring/metrics", json=METRIC, headers=operator)
        assert (single.status_code, single.headers["X-RateLimit-Remaining"]) == (201, "15")


def test_a_configured_page_may_call_from_a_browser(api: Api, instances: tuple[Function, Function]) -> None:
    asks = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    with httpx.Client(base_url=instances[0].url, timeout=PATIENCE, limits=CONNECTIONS) as client:
        preflight = client.options("/api/v1/feedback/rate", headers=asks)
        assert preflight.status_code == 204
        assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
        assert preflight.headers.get_list("Access-Control-Allow-Origin") == [PAGE]
        read = client.get(STATS, headers={"Origin": PAGE})
        assert read.headers["Access-Control-Allow-Origin"] == PAGE
        elsewhere = client.options("/api/v1/feedback/rate", headers={**asks, "Origin": "https://evil.example"})
        assert elsewhere.status_code == 405
    closed = api("GET", STATS, None, headers={"Origin": PAGE})
    assert not any(name.startswith("access-control") for name in closed.headers)


def test_every_answer_is_safe_in_a_browser_and_tells_nothing_of_us(api: Api) -> None:
    for answer in (api("GET", STATS, None), api("GET", "/nowhere", None), api("GET", "/api/v1/feedback/user", None)):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert "server" not in answer.headers
        assert not re.search(r"uvicorn|gunicorn|python|starlette", str(answer.headers), re.IGNORECASE)
