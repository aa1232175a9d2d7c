"""The backup function as it is deployed: who may call it, and what a scheduler gets from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.backup.conftest import PROJECT, AdminClient, Standing, settings_of
from tests.integration.cloud_monitoring import Monitoring
from tests.integration.http.functions import CONNECTIONS, Function
from tests.system.running import until
from tests.unit.http.issuer import Issuer

from local_cloud.google.cloud_sql.service import CloudSqlService
from local_cloud.processes.storage import StorageServer
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.publishing.published_metrics import BACKUP_AGE

PATH = "/api/v1/monitoring/backup"
AUDIENCE = f"https://us-central1-{PROJECT}.cloudfunctions.net/backup"
SCHEDULER = "cron@example.org"
OPERATORS = "https://operators.example.org"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer().serving() as issuer:
        yield issuer


@contextmanager
def serve(
    folder: Path, settings: BackupSettings, valkey: Valkey, issuer: Issuer, monitoring: Monitoring
) -> Iterator[httpx.Client]:
    database = settings.database
    variables = {
        **monitoring.variables,
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "DB_INSTANCE": database.instance,
        "DB_NAME": database.name,
        "DB_USER": database.user,
        "DB_POOL_SIZE": "1",
        "DB_POOL_OVERFLOW": "1",
        "CLOUD_SQL_SOCKET_DIR": database.socket_dir or "",
        "CLOUD_SQL_SOCKETS": database.sockets or "",
        "CLOUD_SQL_ADMIN_ENDPOINT": settings.endpoint or "",
        "EXPORT_BUCKET": settings.export_bucket,
        "REDIS_HOST": valkey.host,
        "CACHE_KEY": "of this test and of no other function",
        "COMMON_KEY": "of all functions here, and of nothing else",
        "REDIS_PORT": str(valkey.port),
        "REDIS_AUTH": valkey.password or "",
        "OIDC_USER_JWKS_URL": issuer.url,
        "OIDC_GOOGLE_JWKS_URL": issuer.url,
        "FUNCTION_AUDIENCE": AUDIENCE,
        "OPERATOR_AUDIENCE": OPERATORS,
        "OPERATORS": "root@example.org",
        "SCHEDULER_ACCOUNT": SCHEDULER,
    }
    with Function(folder, "backup", variables) as function:
        yield httpx.Client(base_url=function.url, timeout=120, limits=CONNECTIONS)


@pytest.fixture
def client(
    tmp_path: Path, backup_settings: BackupSettings, valkey: Valkey, issuer: Issuer, monitoring: Monitoring
) -> Iterator[httpx.Client]:
    with serve(tmp_path / "function", backup_settings, valkey, issuer, monitoring) as client:
        yield client


@pytest.fixture(scope="module")
def standing_monitoring() -> Iterator[Monitoring]:
    with Monitoring().running() as monitoring:
        yield monitoring


@pytest.fixture(scope="module")
def standing_client(
    tmp_path_factory: pytest.TempPathFactory,
    standing: Standing,
    storage: StorageServer,
    valkey: Valkey,
    issuer: Issuer,
    standing_monitoring: Monitoring,
) -> Iterator[httpx.Client]:
    """For tests that have nothing backed up."""
    settings = settings_of(standing.cloud_sql, standing.source, standing.admin, storage)
    with serve(tmp_path_factory.mktemp("function"), settings, valkey, issuer, standing_monitoring) as client:
        yield client


@pytest.fixture
def scheduler(issuer: Issuer) -> dict[str, str]:
    return _bearer(issuer, SCHEDULER, AUDIENCE)


def _bearer(issuer: Issuer, email: str, audience: str) -> dict[str, str]:
    token = issuer.token("https://accounts.google.com", audience, email, email=email, email_verified=True)
    return {"Authorization": f"Bearer {token}"}


def test_the_scheduler_backs_up_and_verifies(client: httpx.Client, scheduler: dict[str, str]) -> None:
    backup = _answered(client.post(f"{PATH}/run", headers=scheduler))["backup"]
    assert backup["status"] == "success"

    # A call with no time at all begins it; later ones, which begin nothing, end it.
    begun = _answered(client.post(f"{PATH}/verify", params={"budget_seconds": 0}, headers=scheduler))["verification"]
    assert begun["status"] == "running"
    resume: dict[str, str | int] = {"resume_only": "true", "budget_seconds": 60}
    verification = _answered(client.post(f"{PATH}/verify", params=resume, headers=scheduler))["verification"]
    assert verification["id"] == begun["id"]
    assert verification["status"] == "passed", verification
    assert verification["backup_id"] == backup["backup_id"]


def test_who_may_call(standing_client: httpx.Client, issuer: Issuer, scheduler: dict[str, str]) -> None:
    stranger = _bearer(issuer, "who@example.org", AUDIENCE)
    operator = _bearer(issuer, "root@example.org", OPERATORS)
    for method, path in (("POST", "run"), ("POST", "verify"), ("POST", "watch"), ("GET", "status")):
        assert standing_client.request(method, f"{PATH}/{path}").status_code == 401
        assert standing_client.request(method, f"{PATH}/{path}", headers=stranger).status_code == 403
    assert standing_client.get(f"{PATH}/status", headers=scheduler).status_code == 403
    empty = _answered(standing_client.get(f"{PATH}/status", headers=operator))
    assert empty == {"status": "success", "backup": None, "export": None, "verification": None}


def test_the_scheduler_has_the_backups_watched(
    standing_client: httpx.Client, scheduler: dict[str, str], standing_monitoring: Monitoring
) -> None:
    for _ in range(2):
        answered = _answered(standing_client.post(f"{PATH}/watch", headers=scheduler))
        assert answered["status"] == "success"
    assert 0 <= standing_monitoring.value(BACKUP_AGE) < 600


def test_bad_parameters_are_refused(standing_client: httpx.Client, scheduler: dict[str, str]) -> None:
    for query in ("budget_seconds=-1", "budget_seconds=2000", "budget_seconds=x", "resume_only=yes"):
        answer = standing_client.post(f"{PATH}/verify?{query}", headers=scheduler)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_without_cloud_sql_it_answers_that_it_can_do_nothing_now(
    client: httpx.Client, scheduler: dict[str, str], admin: AdminClient
) -> None:
    admin.stop()
    answer = client.post(f"{PATH}/verify", params={"budget_seconds": 0}, headers=scheduler)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    # Redis may answer a busy machine late.
    until(lambda: client.get("/health").json()["status"] == "healthy", 120)


def test_a_backup_that_failed_is_answered_with_an_error(
    client: httpx.Client, scheduler: dict[str, str], cloud_sql: CloudSqlService
) -> None:
    backups = cloud_sql.folder / "us-east1" / "backups"
    kept = backups.rename(backups.with_name("kept"))
    backups.write_text("no folder can be made here")
    answer = client.post(f"{PATH}/run", headers=scheduler)
    backups.unlink()
    kept.rename(backups)
    assert answer.status_code == 502
    assert answer.json()["type"] == "urn:utxoiq:problem:backup-failed"
    assert _answered(client.post(f"{PATH}/run", headers=scheduler))["backup"]["status"] == "success"


def _answered(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content
