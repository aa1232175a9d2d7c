"""What Cloud Monitoring is told of backups, whoever made them, and of their verification."""

import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis
from tests.integration.backup.conftest import DATABASE, PRIMARY, PROJECT, AdminClient
from tests.integration.backup.test_local_cloudsql import corrupt
from tests.integration.backup.test_verification import back_up, verify
from tests.integration.cloud_monitoring import Monitoring
from tests.integration.standstill import locked

from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.google.cloud_sql.service import CloudSqlService
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence import schedules
from utxoiq_persistence.backup.backups import BackupService
from utxoiq_persistence.backup.cloud_sql import CloudSqlUnavailable
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.backup.watch import BackupWatch
from utxoiq_persistence.config import RedisSettings, Settings
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.publishing import published_metrics as metrics
from utxoiq_persistence.publishing import windows as publishing
from utxoiq_persistence.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("patience")]

DAY = 86400


class Watched:
    """Each look is in a minute of its own."""

    def __init__(self, settings: BackupSettings, monitoring: Monitoring, store: Store) -> None:
        self._minute = time.time()
        self._monitoring = monitoring
        self._watch = BackupWatch(settings, monitoring.settings(5), store, lambda: self._minute)

    async def look(self) -> dict[str, float]:
        self._minute += 5
        await self._watch.publish()
        names = (metrics.BACKUP_AGE, metrics.BACKUP_FAILURES, metrics.VERIFICATION_AGE, metrics.VERIFICATION_FAILED)
        return {metric.name: self._monitoring.value(metric) for metric in names}

    async def look_again(self) -> str:
        return await self._watch.publish()


@pytest.fixture
async def watched(
    backup_settings: BackupSettings, valkey: Valkey, monitoring: Monitoring, anyio_backend: str
) -> AsyncIterator[Watched]:
    with Redis(valkey.host, valkey.port, password=valkey.password) as held:
        held.flushall()
    redis = RedisSettings(valkey.host, valkey.port, valkey.password)
    # A statement that hangs is not ended before the test has seen that it hangs.
    database = replace(backup_settings.database, statement_timeout_ms=60_000)
    async with Store.opened(Settings("backup", database, redis)) as store:
        yield Watched(backup_settings, monitoring, store)


@contextmanager
def no_room_for_backups(cloud_sql: CloudSqlService, backup_id: str) -> Iterator[None]:
    """A file where their folder was."""
    folder = cloud_sql.backup_folder(PRIMARY, backup_id).parent
    away = folder.rename(folder.with_name("away"))
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        away.rename(folder)


def automated(admin: AdminClient) -> dict[str, Any]:
    (backup,) = admin.api.backupRuns().list(project=PROJECT, instance=PRIMARY).execute()["items"]
    return dict(backup)


async def test_automated_backups_count_and_what_was_never_verified_is_as_old_as_the_instance(
    watched: Watched, source: ManagedPostgres
) -> None:
    found = await watched.look()
    assert 0 <= found["backup/age"] < found["verification/age"] < 600
    assert found["backup/failures"] == found["verification/failed"] == 0


async def test_the_age_of_the_schedule_that_publishes_all_others_is_told_here(
    watched: Watched, source: ManagedPostgres, monitoring: Monitoring
) -> None:
    with source.connect(database=DATABASE) as connection:
        connection.run("UPDATE schedule_successes SET succeeded_at = now() - interval '1 hour'")
    await watched.look()
    (series,) = monitoring.of(metrics.SCHEDULE_AGE)
    assert dict(series.identity.metric_labels) == {"schedule": schedules.PUBLISH_METRICS}
    assert 3600 <= monitoring.value(metrics.SCHEDULE_AGE, schedules.PUBLISH_METRICS) < 4200


async def test_failures_are_counted_until_a_backup_succeeds(
    watched: Watched, backups: BackupService, source: ManagedPostgres, cloud_sql: CloudSqlService, admin: AdminClient
) -> None:
    first = await watched.look()
    with no_room_for_backups(cloud_sql, automated(admin)["id"]):
        asked = admin.api.backupRuns().insert(project=PROJECT, instance=PRIMARY, body={}).execute()
        assert "error" in admin.done(asked)
        assert (await back_up(backups))["status"] == "failed"
    with source.connect(database=DATABASE) as connection:
        # Refused before Cloud SQL had anything to list.
        connection.run(
            "INSERT INTO backup_runs (id, instance, facts_before, error, ended_at) "
            "VALUES (:id, :name, '{}', 'Forbidden', now())",
            id=uuid.uuid4(),
            name=PRIMARY,
        )
    found = await watched.look()
    assert found["backup/failures"] == 3
    assert found["backup/age"] > first["backup/age"]

    assert (await back_up(backups))["status"] == "success"
    last = await watched.look()
    assert last["backup/failures"] == 0
    assert last["backup/age"] < found["backup/age"]


async def test_the_last_verification_is_told_and_how_long_ago_one_passed(
    watched: Watched, backups: BackupService, source: ManagedPostgres, cloud_sql: CloudSqlService
) -> None:
    with source.connect(database=DATABASE) as connection:
        connection.run(
            "INSERT INTO backup_verifications (id, step, started_at, ended_at, passed) "
            "VALUES (gen_random_uuid(), 'done', now() - interval '8 days', now() - interval '8 days', true)"
        )
    backup = await back_up(backups)
    corrupt(cloud_sql.backup_folder(PRIMARY, backup["backup_id"]))
    assert (await verify(backups))["status"] == "failed"
    found = await watched.look()
    assert found["verification/failed"] == 1
    assert 8 * DAY < found["verification/age"] < 9 * DAY

    await back_up(backups)
    assert (await verify(backups))["status"] == "passed"
    found = await watched.look()
    assert found["verification/failed"] == 0
    assert found["verification/age"] < 600


async def test_it_is_published_once_a_minute(watched: Watched, monitoring: Monitoring, source: ManagedPostgres) -> None:
    await watched.look()
    assert "already" in await watched.look_again()
    assert monitoring.calls.sizes == [5]


async def test_without_the_database_the_backups_age_is_still_told(
    watched: Watched, monitoring: Monitoring, source: ManagedPostgres
) -> None:
    source.stop()
    try:
        with pytest.raises(DatabaseUnavailable):
            await watched.look()
    finally:
        source.start()
    assert monitoring.value(metrics.BACKUP_AGE) < 600
    await watched.look_again()
    assert monitoring.value(metrics.BACKUP_FAILURES) == 0
    assert set(monitoring.lengths().values()) == {1}


async def test_a_database_that_hangs_does_not_keep_the_backups_age(
    watched: Watched, monitoring: Monitoring, source: ManagedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PATIENCE_SECONDS", 0.5)
    with source.connect(database=DATABASE) as connection, locked(connection, "backup_runs"):
        with pytest.raises(DatabaseUnavailable, match="in time"):
            await watched.look()
        assert monitoring.value(metrics.BACKUP_AGE) < 600
        assert monitoring.of(metrics.BACKUP_FAILURES) == []


async def test_without_the_admin_api_nothing_is_made_up(
    watched: Watched, monitoring: Monitoring, admin: AdminClient
) -> None:
    admin.stop()
    with pytest.raises(CloudSqlUnavailable):
        await watched.look()
    assert monitoring.calls.sizes == []
