"""Nothing is open that should be closed: at the platform, at the functions, and on disk."""

import stat
import uuid
from pathlib import Path

import httpx
import psutil
import pytest
from tests.system.running import MARKER, LocalStack, until

FEEDBACK = "/api/v1/feedback"
PUBLISH = "/api/v1/monitoring/database/publish-metrics"


@pytest.fixture
def migrate(client: httpx.Client) -> str:
    functions: dict[str, str] = client.get("/_local/index.json").json()["functions"]
    return functions["utxoiq-local-migrate"]


def test_nobody_writes_anonymously(client: httpx.Client) -> None:
    for path in ("rate", "comment", "flag"):
        assert client.post(f"{FEEDBACK}/{path}", json={"insight_id": "i", "rating": 1}).status_code == 401
    for path in ("backfill/status", "metrics", "database/pool", "database/queries"):
        answer = client.get(f"/api/v1/monitoring/{path}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")
    assert client.post(PUBLISH).status_code == 401


def test_a_user_is_kept_from_the_feedback_of_another(
    client: httpx.Client, user: dict[str, str], other_user: dict[str, str]
) -> None:
    insight = f"insight-{uuid.uuid4().hex[:8]}"
    client.post(f"{FEEDBACK}/rate", json={"insight_id": insight, "rating": 5}, headers=user).raise_for_status()
    read = client.get(f"{FEEDBACK}/user", params={"user_id": "user-1"}, headers=other_user)
    assert read.status_code == 403
    written = client.post(
        f"{FEEDBACK}/rate", json={"insight_id": insight, "rating": 1, "user_id": "user-1"}, headers=other_user
    )
    assert written.status_code == 403
    assert client.get(f"{FEEDBACK}/stats", params={"insight_id": insight}).json()["average_rating"] == 5.0


def test_a_forged_token_is_refused(client: httpx.Client, user: dict[str, str]) -> None:
    forged = user["Authorization"][:-20] + "A" * 20
    answer = client.post(f"{FEEDBACK}/rate", json={"insight_id": "i", "rating": 1}, headers={"Authorization": forged})
    assert answer.status_code == 401


def test_migrations_are_the_deployers_alone(
    client: httpx.Client, migrate: str, operator: dict[str, str], user: dict[str, str]
) -> None:
    assert client.post(migrate).status_code == 401
    assert client.post(migrate, headers=user).status_code == 401  # not Google's signature
    assert client.post(migrate, headers=operator).status_code == 403  # meant for another audience
    assert client.post(f"{client.base_url}/migrate").status_code == 404  # no path of the base URL leads there


@pytest.mark.parametrize("path", ["backup/run", "backup/status", "retention/run", "retention/restore"])
def test_maintenance_is_closed_at_the_platform(
    stack: LocalStack,
    client: httpx.Client,
    path: str,
    user: dict[str, str],
    service: dict[str, str],
    scheduler: dict[str, str],
    operator: dict[str, str],
) -> None:
    """Before a line of the function runs: its own log has none of these requests."""
    url = f"/api/v1/monitoring/{path}"
    forged = {"Authorization": f"{operator['Authorization'].rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE"}
    log = stack.state / "logs" / f"utxoiq-local-{path.partition('/')[0]}.log"
    for headers, status in (({}, 401), (service, 401), (user, 401), (forged, 401), (scheduler, 403), (operator, 403)):
        assert client.post(url, headers={**headers, "X-Request-ID": f"closed-{status}"}).status_code == status
    assert '"request_id":"closed-' not in log.read_text()


def test_the_keeper_takes_the_schedulers_calls_only(client: httpx.Client, backup_operator: dict[str, str]) -> None:
    keeper = client.get("/_local/index.json").json()["functions"]["utxoiq-local-keeper"]
    assert client.post(f"{keeper}/expire-backups").status_code == 401
    assert client.post(f"{keeper}/expire-backups", headers=backup_operator).status_code == 403


def test_the_scheduler_may_publish_and_nothing_else(client: httpx.Client, scheduler: dict[str, str]) -> None:
    assert client.post(PUBLISH, headers=scheduler).json()["status"] == "success"
    assert client.get("/api/v1/monitoring/backfill/status", headers=scheduler).status_code in (401, 403)


def test_an_operator_may_read_what_services_read(client: httpx.Client, operator: dict[str, str]) -> None:
    for path in ("backfill/status", "database/pool"):
        assert client.get(f"/api/v1/monitoring/{path}", headers=operator).status_code == 200


def test_the_deployers_controls_need_its_token(client: httpx.Client, operator: dict[str, str]) -> None:
    assert client.get("/_local/control/status", headers=operator).status_code == 401
    assert client.post("/_local/control/jobs/publish-metrics/run").status_code == 401


def test_the_state_is_its_owners_alone(stack: LocalStack) -> None:
    assert stat.S_IMODE(stack.state.stat().st_mode) & 0o067 == 0  # root lets PostgreSQL's user pass it
    for name in ("stack.json", "state.json", "deployer.json"):
        assert stat.S_IMODE((stack.state / name).stat().st_mode) == 0o600


def test_no_process_has_a_capability_that_its_user_has_not(stack: LocalStack) -> None:
    for process in stack.family():
        try:
            uid, lines = process.uids().effective, Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except (psutil.NoSuchProcess, FileNotFoundError):
            continue  # a worker of PostgreSQL that has ended meanwhile
        held = {name: int(value, 16) for name, _, value in (line.partition(":\t") for line in lines) if "Cap" in name}
        assert (held["CapAmb"], 0 if uid == 0 else held["CapPrm"] | held["CapEff"]) == (0, 0), process.name()


def test_a_function_has_the_environment_that_was_declared_and_no_other(stack: LocalStack) -> None:
    environment = stack.process_of("utxoiq-local-feedback").environ()
    assert environment["K_SERVICE"] == "utxoiq-local-feedback"
    assert {"DB_USER", "REDIS_AUTH"} <= environment.keys()
    assert not {"API_KEYS", "DEPLOYMENT_KEYS"} & environment.keys()
    assert environment.keys().isdisjoint({MARKER, "PYTHONPATH", "PYTHONUNBUFFERED"})
    assert "API_KEYS" not in stack.process_of("utxoiq-local-migrate").environ()


def test_no_secret_is_printed_or_logged(stack: LocalStack, client: httpx.Client, user: dict[str, str]) -> None:
    client.post(f"{FEEDBACK}/rate", json={"insight_id": "i", "rating": 1}, headers=user).raise_for_status()
    description = stack.description
    secrets = [
        *description["credentials"].values(),
        description["postgres"]["password"],
        description["redis"]["password"],
    ]
    written = stack.output + "".join(log.read_text(errors="replace") for log in (stack.state / "logs").iterdir())
    assert [secret[:4] for secret in secrets if secret in written] == []


def test_the_first_admin_makes_and_ends_keys(stack: LocalStack, client: httpx.Client) -> None:
    admin = {"X-API-Key": stack.description["credentials"]["admin_key"]}
    name = f"service-{uuid.uuid4().hex[:8]}"
    new = {"name": name, "owner": "system test", "scopes": ["metrics:read"]}
    key = client.post("/api/v1/access/keys", json=new, headers=admin).raise_for_status().json()
    service = {"X-API-Key": key["key"]}
    pool = "/api/v1/monitoring/database/pool"
    assert client.get(pool, headers=service).status_code == 200
    assert client.get("/api/v1/monitoring/backfill/status", headers=service).status_code == 403
    assert client.get(pool, headers=admin).status_code == 403  # admin is access alone
    client.post("/api/v1/access/keys/revoke", params={"key_id": key["id"]}, headers=admin).raise_for_status()
    until(lambda: client.get(pool, headers=service).status_code == 401, 60)
    trace = client.get("/api/v1/access/audit", params={"subject": key["id"]}, headers=admin).json()
    assert [(entry["actor"], entry["action"]) for entry in trace] == [
        ("service:deployment-admin", "key.revoke"),
        ("service:deployment-admin", "key.create"),
    ]


def test_anonymous_callers_are_limited(client: httpx.Client) -> None:
    answer = client.get(f"{FEEDBACK}/stats", params={"insight_id": "i"})
    assert answer.headers["X-RateLimit-Limit"] == "100000", "as Pulumi.local.yaml has it"
