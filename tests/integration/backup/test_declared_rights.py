"""Backups are made, proved and expired with the rights that the program declares, and with no other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from tests.infra.deployment import deploy
from tests.integration.backup.conftest import EXPORT_BUCKET, PRIMARY, PROJECT, REGION, AdminClient, Standing
from tests.integration.google_apis import open_apis, running_loop

from local_cloud.google.api_callers import OPERATOR, ApiCallers
from local_cloud.google.cloud_sql.api import AdminApi
from local_cloud.google.cloud_sql.exports import Exports, service_agent
from local_cloud.google.cloud_sql.guard import Guard
from local_cloud.google.cloud_sql.service import CloudSqlService
from local_cloud.google.iam import Bindings
from local_cloud.processes.postgres import Postgres
from local_cloud.processes.storage import StorageServer
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.backup import keeping
from utxoiq_persistence.backup.backups import BackupService
from utxoiq_persistence.backup.keeping import KeeperSettings
from utxoiq_persistence.backup.runs import DESCRIPTION
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.config import RedisSettings, Settings
from utxoiq_persistence.store import Store

STACK = "utxoiq-local"
BACKUP, KEEPER, FEEDBACK = (
    f"{STACK}-{name}@{STACK}.iam.gserviceaccount.com" for name in ("backup", "keeper", "feedback")
)
AddressOf = Callable[[str], str]


@pytest.fixture
def exporting(
    cloud_sql: CloudSqlService, storage: StorageServer, declared: Bindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instance writes to buckets with the rights that are declared."""
    monkeypatch.setattr(cloud_sql, "_exports", Exports(lambda: storage.url, declared))


@pytest.fixture
def standing_exporting(
    standing: Standing, storage: StorageServer, declared: Bindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing.cloud_sql, "_exports", Exports(lambda: storage.url, declared))


@pytest.fixture(scope="module")
def declared() -> Bindings:
    """Those of the stack `local`, about the instance of this test."""
    bindings = Bindings()
    deployment = deploy("local")
    for role in deployment.all("projects/iAMCustomRole:IAMCustomRole"):
        bindings.define(f"projects/{role['project']}/roles/{role['roleId']}", role["permissions"])
    ours, theirs = f"projects/{STACK}/instances/{STACK}", f"projects/{PROJECT}/instances/{PRIMARY}"
    for grant in deployment.all("projects/iAMMember:IAMMember"):
        condition = grant["condition.expression"]
        moved = condition.replace(ours, theirs) if condition else None
        bindings.add(f"project/{PROJECT}", grant["role"], grant["member"], moved)
    for grant in deployment.all("storage/bucketIAMMember:BucketIAMMember"):
        if grant["bucket"].endswith("-backups"):
            moved = grant["condition.expression"].replace(grant["bucket"], EXPORT_BUCKET)
            agent = f"serviceAccount:{service_agent(PRIMARY)}"
            member = agent if "gcp-sa-cloud-sql" in grant["member"] else grant["member"]
            bindings.add(f"bucket/{EXPORT_BUCKET}", grant["role"], member, moved)
    return bindings


@contextmanager
def serve_guarded(cloud_sql: CloudSqlService, declared: Bindings) -> Iterator[AddressOf]:
    callers = ApiCallers()
    guard = Guard(PROJECT, callers, declared)
    with running_loop() as loop:
        apis = open_apis(loop, AdminApi(PROJECT, lambda: cloud_sql, guard).routes())
        yield lambda account: apis.url + callers.path(account)
        loop.run(apis.close())


@pytest.fixture
def address_of(cloud_sql: CloudSqlService, declared: Bindings) -> Iterator[AddressOf]:
    """The Admin API's address of an account."""
    with serve_guarded(cloud_sql, declared) as address_of:
        yield address_of


@pytest.fixture(scope="module")
def standing_address_of(standing: Standing, declared: Bindings) -> Iterator[AddressOf]:
    """That of what is shared."""
    with serve_guarded(standing.cloud_sql, declared) as address_of:
        yield address_of


def api_of(address: str) -> Any:
    return build(
        "sqladmin",
        "v1",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": address},
        static_discovery=True,
    )


def status_of(call: Any) -> int:
    with pytest.raises(HttpError) as raised:
        call.execute()
    return int(raised.value.status_code)


@pytest.mark.anyio
async def test_a_backup_is_made_and_proved_with_them(
    backup_settings: BackupSettings, address_of: AddressOf, valkey: Valkey
) -> None:
    settings = replace(backup_settings, endpoint=address_of(BACKUP))
    redis = RedisSettings(valkey.host, valkey.port, valkey.password)
    async with Store.opened(Settings("backup", settings.database, redis)) as store:
        service = BackupService(settings, store)
        assert b'"status" : "success"' in (await service.run(600)).body
        assert b'"status" : "passed"' in (await service.verify(120, resume_only=False)).body


def test_whoever_has_taken_over_the_backup_function_destroys_nothing(
    standing: Standing, standing_address_of: AddressOf
) -> None:
    backup_id = standing.admin.back_up()
    taken = api_of(standing_address_of(BACKUP))
    here = {"project": PROJECT, "instance": PRIMARY}
    restore = {"restoreBackupContext": {"backupRunId": backup_id, "instanceId": PRIMARY, "project": PROJECT}}
    assert status_of(taken.backupRuns().delete(**here, id=backup_id)) == 403
    assert status_of(taken.instances().delete(**here)) == 403
    assert status_of(taken.instances().restoreBackup(**here, body=restore)) == 403
    clone = {"cloneContext": {"destinationInstanceName": f"{PRIMARY}-verify-x"}}
    assert status_of(taken.instances().clone(**here, body=clone)) == 403
    other = {"name": "of-my-own", "region": REGION, "databaseVersion": "POSTGRES_17", "settings": {"tier": "x"}}
    assert status_of(taken.instances().insert(project=PROJECT, body=other)) == 403
    for account in (KEEPER, FEEDBACK):
        assert status_of(api_of(standing_address_of(account)).backupRuns().insert(**here, body={})) == 403
    assert status_of(api_of(standing_address_of(FEEDBACK)).instances().list(project=PROJECT)) == 403
    listed = api_of(standing_address_of(OPERATOR)).backupRuns().list(**here).execute()["items"]
    assert backup_id in {one["id"] for one in listed}


@pytest.mark.anyio
async def test_an_export_is_made_and_proved_with_them(
    backup_settings: BackupSettings, exporting: None, address_of: AddressOf, valkey: Valkey
) -> None:
    settings = replace(backup_settings, endpoint=address_of(BACKUP))
    redis = RedisSettings(valkey.host, valkey.port, valkey.password)
    async with Store.opened(Settings("backup", settings.database, redis)) as store:
        service = BackupService(settings, store)
        exported = msgspec.json.decode((await service.run(600, is_export=True)).body)["export"]
        assert exported["status"] == "success", exported
        assert b'"status" : "success"' in (await service.run(600)).body
        for what in ("backup", "export"):
            state = msgspec.json.decode((await service.verify(120, resume_only=False)).body)
            assert state["verification"]["status"] == "passed", state
            assert state["verification"]["backup_id"] == state[what]["backup_id"]


@pytest.mark.parametrize(
    "uri",
    [f"gs://{EXPORT_BUCKET}/other/1.sql.gz", f"gs://{EXPORT_BUCKET}-2/exports/1.sql.gz"],
    ids=["another name", "another bucket"],
)
@pytest.mark.usefixtures("standing_exporting")
def test_an_export_goes_to_its_place_only(standing_address_of: AddressOf, uri: str) -> None:
    here = {"project": PROJECT, "instance": PRIMARY}
    body = {"exportContext": {"fileType": "SQL", "uri": uri, "databases": ["postgres"]}}
    assert status_of(api_of(standing_address_of(BACKUP)).instances().export(**here, body=body)) == 403


@pytest.mark.usefixtures("standing_exporting")
def test_nobody_else_has_an_export_made(standing_address_of: AddressOf) -> None:
    here = {"project": PROJECT, "instance": PRIMARY}
    uri = f"gs://{EXPORT_BUCKET}/exports/1.sql.gz"
    body = {"exportContext": {"fileType": "SQL", "uri": uri, "databases": ["postgres"]}}
    for account in (KEEPER, FEEDBACK):
        assert status_of(api_of(standing_address_of(account)).instances().export(**here, body=body)) == 403


def test_an_address_without_the_secret_is_nobodys(standing_address_of: AddressOf) -> None:
    address = standing_address_of(OPERATOR)
    guessed = f"{address.rpartition('/')[0]}/{'A' * 32}"
    assert status_of(api_of(guessed).instances().list(project=PROJECT)) == 403
    assert status_of(api_of(address.partition("/as/")[0]).instances().list(project=PROJECT)) == 404


def test_the_keeper_has_what_it_needs(
    primary: Postgres, admin: AdminClient, address_of: AddressOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "KEPT_BACKUPS", 0)
    monkeypatch.setattr(keeping, "KEPT_FOR", timedelta(0))
    body = {"description": f"{DESCRIPTION} 1"}
    admin.done(admin.api.backupRuns().insert(project=PROJECT, instance=PRIMARY, body=body).execute())
    assert keeping.expire_backups(KeeperSettings(f"{PROJECT}:{REGION}:{PRIMARY}", address_of(KEEPER))) == 1
