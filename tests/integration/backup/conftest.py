"""A Cloud SQL of one's own: the Admin API over HTTP, spoken to by Google's client library."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build
from tests.integration.conftest import in_memory
from tests.integration.google_apis import open_apis, running_loop

from local_cloud.google.cloud_sql.api import AdminApi
from local_cloud.google.cloud_sql.exports import Exports
from local_cloud.google.cloud_sql.instance import ManagedPostgres, copy_backup
from local_cloud.google.cloud_sql.service import CloudSqlService
from local_cloud.processes.postgres import Postgres
from local_cloud.processes.postgres_wheel import binaries
from local_cloud.processes.storage import StorageServer
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.backup.backups import BackupService
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.config import DatabaseSettings, RedisSettings, Settings
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.store import Store

DATABASE = "utxoiq"
USER = "backup@utxoiq-test.iam"
PROJECT = "utxoiq-test"
REGION = "us-central1"
PRIMARY = "utxoiq-test-primary"
PASSWORD = "secret"
EXPORT_BUCKET = "utxoiq-test-backups"
SETTINGS = {
    "tier": "db-custom-2-7680",
    "backupConfiguration": {"enabled": True, "pointInTimeRecoveryEnabled": True, "location": "us-east1"},
}


class AdminClient:
    """Google's client, and the polling that whoever uses it needs."""

    def __init__(self, url: str, stop: Callable[[], None]) -> None:
        self.url = url
        self.stop = stop
        self.api: Any = build(
            "sqladmin",
            "v1",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": url},
            static_discovery=True,
        )

    def done(self, operation: dict[str, Any], seconds: float = 300) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while operation["status"] != "DONE":
            assert time.monotonic() < deadline, operation
            time.sleep(0.02)
            operation = self.api.operations().get(project=PROJECT, operation=operation["name"]).execute()
        return operation

    def insert(self, name: str, region: str = REGION) -> dict[str, Any]:
        body = {"name": name, "region": region, "databaseVersion": "POSTGRES_17", "settings": {"tier": "db-f1-micro"}}
        return self.done(self.api.instances().insert(project=PROJECT, body=body).execute())

    def back_up(self, instance: str = PRIMARY) -> str:
        operation = self.done(self.api.backupRuns().insert(project=PROJECT, instance=instance, body={}).execute())
        assert "error" not in operation
        return str(operation["backupContext"]["backupId"])

    def restore(self, backup_id: str, target: str, source: str = PRIMARY) -> dict[str, Any]:
        context = {"backupRunId": backup_id, "instanceId": source, "project": PROJECT}
        body = {"restoreBackupContext": context}
        return self.done(self.api.instances().restoreBackup(project=PROJECT, instance=target, body=body).execute())

    def clone(self, target: str, moment: str | None = None, source: str = PRIMARY) -> dict[str, Any]:
        context = {"destinationInstanceName": target, **({"pointInTime": moment} if moment else {})}
        body = {"cloneContext": context}
        return self.done(self.api.instances().clone(project=PROJECT, instance=source, body=body).execute())


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    with StorageServer(tmp_path_factory.mktemp("storage") / "buckets") as server:
        body = {"name": EXPORT_BUCKET, "location": "US-EAST1"}
        httpx.post(f"{server.url}/storage/v1/b?project={PROJECT}", json=body, timeout=120).raise_for_status()
        yield server


@pytest.fixture
def instances_folder(tmp_path: Path) -> Iterator[Path]:
    with in_memory(tmp_path) as folder:
        yield folder


@contextmanager
def serve_cloud_sql(folder: Path, storage: StorageServer, pristine: Path) -> Iterator[CloudSqlService]:
    exports = Exports(lambda: storage.url)
    service = CloudSqlService(folder / "sql", PROJECT, settings={"fsync": "off"}, exports=exports, pristine=pristine)
    service.start()
    yield service
    service.stop()


@pytest.fixture
def cloud_sql(instances_folder: Path, storage: StorageServer, empty_data: Path) -> Iterator[CloudSqlService]:
    with serve_cloud_sql(instances_folder, storage, empty_data) as service:
        yield service


@pytest.fixture(scope="session")
def empty_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an instance that has not served yet."""
    server = Postgres(tmp_path_factory.mktemp("empty") / "data", password=PASSWORD)
    server.prepare()
    server.stop()
    shrink_log(server)
    return server.folder


@pytest.fixture(scope="session")
def filled_data(tmp_path_factory: pytest.TempPathFactory, empty_data: Path) -> Path:
    """The data of one with the schema, some rows in each table, and the backup function's user."""
    folder = tmp_path_factory.mktemp("filled") / "data"
    server = Postgres(folder, password=PASSWORD, settings={"fsync": "off"})
    copy_data(empty_data, server)
    with server:
        with server.connect() as connection:
            connection.run(f"CREATE DATABASE {DATABASE}")
            connection.run(f'CREATE ROLE "{USER}" LOGIN')
        settings = DatabaseSettings(f"{PROJECT}:{REGION}:{PRIMARY}", DATABASE, "postgres", str(server.socket_dir))
        schema.upgrade(settings, {"utxoiq_backup": USER})
        with server.connect(database=DATABASE) as connection:
            connection.run("""
                INSERT INTO backfill_jobs (id, job_type, start_block, end_block, current_block)
                SELECT gen_random_uuid(), 'utxo_set', 0, n, 0 FROM generate_series(1, 20) AS n""")
            connection.run("""
                INSERT INTO insight_feedback (id, insight_id, user_id, rating, comment)
                SELECT gen_random_uuid(), 'insight-' || n % 100, 'user-' || n, 1 + n % 5, 'comment ' || n
                FROM generate_series(1, 10000) AS n""")
            connection.run("""
                INSERT INTO system_metrics
                SELECT gen_random_uuid(), 'api', 'latency', n, 'ms', now() - n * interval '1 minute', '{"zone": "a"}'
                FROM generate_series(1, 20000) AS n""")
    shrink_log(server)
    return folder


def shrink_log(server: Postgres) -> None:
    """Leaves data that do not serve one file of their log, of the smallest size: each copy and each backup has it."""
    server.run([str(binaries() / "pg_resetwal"), "--wal-segsize=4", str(server.folder)])


def copy_data(data: Path, server: Postgres) -> None:
    """Gives a server that has not served yet the data of one that has ended."""
    server.folder.mkdir(parents=True, mode=0o700)
    server.own(server.folder)
    copy_backup(server, data, server.folder)


@contextmanager
def serve_primary(cloud_sql: CloudSqlService, data: Path) -> Iterator[ManagedPostgres]:
    """A declared instance that serves a copy of some data, after its first backup."""
    settings = {"fsync": "off"}
    server = cloud_sql.declared(PRIMARY, REGION, password=PASSWORD, settings=settings, supervised=False)
    copy_data(data, server)
    with server:
        first_backup = cloud_sql.adopt(PRIMARY, server, REGION, "POSTGRES_17", SETTINGS)
        assert first_backup is not None
        while cloud_sql.operations.get(first_backup["name"])["status"] != "DONE":
            time.sleep(0.02)
        yield server


@pytest.fixture
def primary(cloud_sql: CloudSqlService, empty_data: Path) -> Iterator[ManagedPostgres]:
    """The primary, which nobody has written to."""
    with serve_primary(cloud_sql, empty_data) as server:
        yield server


@pytest.fixture
def source(cloud_sql: CloudSqlService, filled_data: Path) -> Iterator[ManagedPostgres]:
    """The primary, with the schema, some rows in each table, and the backup function's user."""
    with serve_primary(cloud_sql, filled_data) as server:
        yield server


@contextmanager
def serve_admin(cloud_sql: CloudSqlService) -> Iterator[AdminClient]:
    with running_loop() as loop:
        apis = open_apis(loop, AdminApi(PROJECT, lambda: cloud_sql).routes())
        yield AdminClient(apis.url, lambda: loop.run(apis.close()))
        loop.run(apis.close())


@pytest.fixture
def admin(cloud_sql: CloudSqlService) -> Iterator[AdminClient]:
    with serve_admin(cloud_sql) as admin:
        yield admin


@dataclass(frozen=True)
class Standing:
    """What tests share that leave everything as it is: a primary with rows, its service, and its API."""

    cloud_sql: CloudSqlService
    source: ManagedPostgres
    admin: AdminClient


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory, storage: StorageServer, empty_data: Path, filled_data: Path
) -> Iterator[Standing]:
    with (
        in_memory(tmp_path_factory.mktemp("standing")) as folder,
        serve_cloud_sql(folder, storage, empty_data) as cloud_sql,
        serve_primary(cloud_sql, filled_data) as source,
        serve_admin(cloud_sql) as admin,
    ):
        yield Standing(cloud_sql, source, admin)


def settings_of(
    cloud_sql: CloudSqlService, source: ManagedPostgres, admin: AdminClient, storage: StorageServer
) -> BackupSettings:
    instance = f"{PROJECT}:{REGION}:{PRIMARY}"
    database = DatabaseSettings(instance, DATABASE, USER, str(source.socket_dir), str(cloud_sql.sockets))
    return BackupSettings(database, EXPORT_BUCKET, admin.url, storage=storage.url)


@pytest.fixture
def backup_settings(
    cloud_sql: CloudSqlService, source: ManagedPostgres, admin: AdminClient, storage: StorageServer
) -> BackupSettings:
    return settings_of(cloud_sql, source, admin, storage)


@pytest.fixture
async def backups(backup_settings: BackupSettings, valkey: Valkey, anyio_backend: str) -> AsyncIterator[BackupService]:
    redis = RedisSettings(valkey.host, valkey.port, valkey.password)
    async with Store.opened(Settings("backup", backup_settings.database, redis)) as store:
        yield BackupService(backup_settings, store)
