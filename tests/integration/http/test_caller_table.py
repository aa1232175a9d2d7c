"""docs/security.md says what every kind of caller gets from every endpoint; this asks each of them."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import get_args

import httpx
import jwt
import pytest
from tests.integration.conftest import database_settings
from tests.integration.http.conftest import AUDIENCE, OPERATOR, OPERATORS, PROJECT, SCHEDULER
from tests.integration.http.functions import CONNECTIONS, Api, Function, function_of
from tests.unit.http.issuer import Issuer

from local_cloud.processes.postgres import Postgres
from utxoiq_http.access import NOBODY, Access, Caller, Kind
from utxoiq_http.problems import Problem
from utxoiq_http.system_document import system_routes
from utxoiq_persistence.access import declared_keys
from utxoiq_persistence.access.api_keys import digest_key
from utxoiq_persistence.access.declared_keys import DeclaredKey
from utxoiq_persistence.records import Scope

DOCUMENT = Path(__file__).parents[3] / "docs" / "security.md"
USERS = f"https://securetoken.google.com/{PROJECT}"
GOOGLE = "https://accounts.google.com"
RANGE = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-02T00:00:00Z"}
METRIC = {"service_name": "api", "metric_type": "latency", "metric_value": 1, "unit": "ms"}
FEEDBACK = {"insight_id": "table", "user_id": "user-1"}
# At the platform, not here.
ELSEWHERE = {"POST /"}
# Of functions that need more than a database and Redis to run: asked of their declarations.
DECLARED = {
    f"{route.method} {route.path}": route.access
    for route in system_routes()
    if route.identified and function_of(route.path) is None and f"{route.method} {route.path}" not in ELSEWHERE
}

Headers = Mapping[str, str]
Request = tuple[str, Mapping[str, str], object]


def table() -> dict[str, dict[str, int]]:
    """Statuses by endpoint and caller."""
    lines = DOCUMENT.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| endpoint |"))
    _, *callers = _cells(lines[start])
    rows: dict[str, dict[str, int]] = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return rows
        endpoint, *statuses = _cells(line)
        rows[endpoint] = dict(zip(callers, map(int, statuses), strict=True))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


TABLE = table()
CALLERS = list(next(iter(TABLE.values())))


def test_the_table_has_every_endpoint() -> None:
    served = {f"{route.method} {route.path}" for route in system_routes()}
    assert set(TABLE) | ELSEWHERE == served


def test_the_table_has_every_scope() -> None:
    assert set(get_args(Scope)) <= set(CALLERS)


@pytest.fixture(scope="module")
def keys(postgres: Postgres, api_database: str) -> dict[str, str]:
    """A key for each scope, one that has expired and one that is revoked."""
    scopes: dict[str, frozenset[Scope]] = {scope: frozenset({scope}) for scope in get_args(Scope)}
    scopes |= {state: frozenset(get_args(Scope)) for state in ("expired key", "revoked key")}
    ids = {name: "".join(letter for letter in name if letter.isalnum())[:12].ljust(12, "9") for name in scopes}
    texts = {name: f"uiq_{identifier}_{uuid.uuid4().hex:z<43}" for name, identifier in ids.items()}
    with postgres.connect(database=api_database) as connection:
        # Of those that are there already, none is the deployment's any more.
        connection.run("UPDATE api_keys SET created_by = 'test'")
        declared = [
            DeclaredKey(ids[name], digest_key(texts[name].encode()).hex(), f"table {name}", scopes[name], 10**9, 10**9)
            for name in scopes
        ]
        declared_keys.declare(database_settings(postgres, api_database), declared)
        connection.run("UPDATE api_keys SET expires_at = now() WHERE id = :id", id=ids["expired key"])
        connection.run("UPDATE api_keys SET revoked_at = now() WHERE id = :id", id=ids["revoked key"])
    return texts


@pytest.fixture(scope="module")
def credentials(keys: dict[str, str], issuer: Issuer) -> Callable[[str, str], Headers]:
    """Of a caller, for a function."""
    user = issuer.token(USERS, PROJECT, "user-1")
    claims = {"iss": USERS, "aud": PROJECT, "sub": "user-1", "iat": int(time.time()), "exp": int(time.time()) + 3600}
    tokens = {
        "user": user,
        "other user": issuer.token(USERS, PROJECT, "user-2"),
        "forged": user[:-20] + "A" * 20,
        "expired": issuer.token(USERS, PROJECT, "user-1", exp=int(time.time()) - 60),
        "wrong audience": issuer.token(USERS, "another-project", "user-1"),
        "alg none": jwt.encode(claims, "", algorithm="none", headers={"kid": "key-1"}),
    }
    google: dict[str, Callable[[str], str]] = {
        "operator": lambda _: issuer.token(GOOGLE, OPERATORS, "1", email=OPERATOR, email_verified=True),
        "scheduler": lambda function: issuer.token(
            GOOGLE, AUDIENCE + function, "2", email=SCHEDULER, email_verified=True
        ),
        "stranger": lambda function: issuer.token(
            GOOGLE, AUDIENCE + function, "3", email="who@example.org", email_verified=True
        ),
    }
    own = {**keys, "unknown key": f"uiq_unknown99999_{'y' * 43}"}

    def of(caller: str, function: str) -> Headers:
        if caller == "anonymous":
            return {}
        if caller in own:
            return {"X-API-Key": own[caller]}
        token = tokens[caller] if caller in tokens else google[caller](function)
        return {"Authorization": f"Bearer {token}"}

    return of


@pytest.fixture(scope="module")
def requests(api: Api) -> dict[str, Callable[[], Request]]:
    """A well-formed request of each endpoint, a new one each time where it can be granted once only."""

    def new_key() -> str:
        body = {"name": f"key {uuid.uuid4()}", "owner": "test", "scopes": ["metrics:read"]}
        return str(api("POST", "/api/v1/access/keys", "operator", json=body).json()["id"])

    def new_job() -> str:
        body = {"job_type": "table", "start_block": 0, "end_block": 10}
        return str(api("POST", "/api/v1/monitoring/backfill/start", "operator", json=body).json()["id"])

    def rated() -> str:
        """With a flag as well, so that something is left when the rating goes."""
        for path, part in (("rate", {"rating": 4}), ("flag", {"flag_type": "spam"})):
            api("POST", f"/api/v1/feedback/{path}", "operator", json={**FEEDBACK, **part})
        return FEEDBACK["user_id"]

    progress = {"current_block": 1, "progress_percentage": 10}
    aggregate = {**RANGE, "service_name": "a", "metric_type": "b", "interval": "day"}
    return {
        "POST /api/v1/monitoring/backfill/start": lambda: ("", {}, {"job_type": "t", "start_block": 0, "end_block": 1}),
        "POST /api/v1/monitoring/backfill/progress": lambda: ("", {"job_id": new_job()}, progress),
        "GET /api/v1/monitoring/backfill/{job_id}": lambda: (new_job(), {}, None),
        "POST /api/v1/feedback/rate": lambda: ("", {}, {**FEEDBACK, "rating": 4}),
        "POST /api/v1/feedback/comment": lambda: ("", {}, {**FEEDBACK, "comment": "c"}),
        "POST /api/v1/feedback/flag": lambda: ("", {}, {**FEEDBACK, "flag_type": "spam"}),
        "DELETE /api/v1/feedback": lambda: ("", {"insight_id": "table", "part": "rating", "user_id": rated()}, None),
        "GET /api/v1/feedback/user/export": lambda: ("", {"user_id": "user-1"}, None),
        "DELETE /api/v1/feedback/user": lambda: ("", {"user_id": "user-1"}, None),
        "GET /api/v1/feedback/stats": lambda: ("", {"insight_id": "table"}, None),
        "GET /api/v1/feedback/comments": lambda: ("", {"insight_id": "table"}, None),
        "GET /api/v1/feedback/user": lambda: ("", {"user_id": "user-1"}, None),
        "POST /api/v1/monitoring/metrics": lambda: ("", {}, METRIC),
        "POST /api/v1/monitoring/metrics/batch": lambda: ("", {}, [METRIC]),
        "GET /api/v1/monitoring/metrics": lambda: ("", RANGE, None),
        "GET /api/v1/monitoring/metrics/aggregate": lambda: ("", aggregate, None),
        "POST /api/v1/access/keys": lambda: (
            "",
            {},
            {"name": f"key {uuid.uuid4()}", "owner": "test", "scopes": ["admin"]},
        ),
        "GET /api/v1/access/keys/{key_id}": lambda: (new_key(), {}, None),
        "POST /api/v1/access/keys/rotate": lambda: ("", {"key_id": new_key()}, {}),
        "POST /api/v1/access/keys/revoke": lambda: ("", {"key_id": new_key()}, None),
    }


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=120, limits=CONNECTIONS) as client:
        yield client


@pytest.mark.parametrize("endpoint", DECLARED)
def test_what_is_declared_is_what_the_table_says(endpoint: str) -> None:
    kinds = {kind.value: Caller(kind, kind.value) for kind in Kind}
    callers = {
        **kinds,
        "anonymous": NOBODY,
        "other user": kinds["user"],
        **{scope: Caller(Kind.SERVICE, scope, scopes=frozenset({scope})) for scope in get_args(Scope)},
    }
    granted = TABLE[endpoint]["operator"]
    statuses = {name: status_for(DECLARED[endpoint], callers[name], granted) for name in CALLERS if name in callers}
    assert statuses == {name: TABLE[endpoint][name] for name in statuses}
    assert {TABLE[endpoint][name] for name in CALLERS if name not in callers} == {401}


def status_for(access: Access, caller: Caller, granted: int) -> int:
    try:
        access.admit(caller)
    except Problem as problem:
        return problem.status
    return granted


@pytest.mark.parametrize("endpoint", [endpoint for endpoint in TABLE if endpoint not in DECLARED])
def test_every_caller_gets_what_the_table_says(
    endpoint: str,
    functions: dict[str, Function],
    credentials: Callable[[str, str], Headers],
    requests: dict[str, Callable[[], Request]],
    client: httpx.Client,
) -> None:
    method, path = endpoint.split(" ")
    function = function_of(path) or "feedback"
    statuses = {}
    for caller in CALLERS:
        segment, query, body = requests.get(endpoint, lambda: ("", {}, None))()
        url = functions[function].url + path.partition("{")[0] + segment
        sent = client.request(method, url, params=query, json=body, headers=credentials(caller, function))
        statuses[caller] = sent.status_code
        if sent.status_code == 401:
            assert sent.headers["www-authenticate"].startswith("Bearer")
    assert statuses == TABLE[endpoint]
