"""Metrics about backups: the age of the newest one and of its verification, and what failed since."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from utxoiq_persistence import schedules
from utxoiq_persistence.backup.cloud_sql import CloudSql, CloudSqlUnavailable, Resource
from utxoiq_persistence.backup.runs import DESCRIPTION
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.publishing import published_metrics as metrics
from utxoiq_persistence.publishing.cloud_monitoring import CloudMonitoring
from utxoiq_persistence.publishing.settings import PublishSettings
from utxoiq_persistence.publishing.time_series import SeriesPoint
from utxoiq_persistence.publishing.windows import PURPOSE, Window, try_reading
from utxoiq_persistence.store import Store

_RUNS = load("backup_runs")
_VERIFICATIONS = load("backup_verifications")


class BackupHistory(NamedTuple):
    """The instance's newest successful backup and the failures since.

    Attributes:
        created: When the instance was created.
        made: When the newest successful backup ended; `created` if there is none.
        failed: The backups that failed since.
    """

    created: datetime
    made: datetime
    failed: list[Resource]


class BackupWatch:
    """Publishes metrics about all backups: Cloud SQL's automated ones and ours. `clock` returns seconds since 1970."""

    def __init__(
        self,
        settings: BackupSettings,
        publishing: PublishSettings,
        store: Store,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._seconds = publishing.seconds
        self._store = store
        self._monitoring = CloudMonitoring(publishing)
        self._clock = clock

    async def publish(self) -> str:
        """Publish the metrics once in a window of time. Return what was done, in words.

        Raises CloudSqlUnavailable, CloudSqlRefused, NotPublished, and DatabaseUnavailable after the rest was published.
        """
        signer = self._store.signer(PURPOSE)
        window = Window("backups", self._seconds, self._store.cache.scripts, signer, self._clock())
        return await window.run_once(self._publish)

    async def _publish(self, window: Window) -> str:
        backups = await asyncio.to_thread(self._read_history)
        now = datetime.now(UTC)
        known, failure = await try_reading(self._read_series(backups, now))
        series = [SeriesPoint(metrics.BACKUP_AGE, (now - backups.made).total_seconds()), *known]
        await self._monitoring.write(series, window.start)
        if failure is not None:
            raise failure
        return f"published {len(series)} time series"

    def _read_history(self) -> BackupHistory:
        """Return the history of the instance's backups. Blocks."""
        name = self._settings.instance
        cloud = CloudSql(self._settings.project, self._settings.endpoint)
        try:
            newest_first, instance = cloud.list_backups(name), cloud.get_instance(name)
        finally:
            cloud.close()
        if instance is None:
            raise CloudSqlUnavailable(f"there is no instance {name}")
        created = msgspec.convert(instance["createTime"], datetime)
        failed: list[Resource] = []
        for backup in newest_first:
            if backup["status"] == "SUCCESSFUL":
                return BackupHistory(created, msgspec.convert(backup["endTime"], datetime), failed)
            if backup["status"] == "FAILED":
                failed.append(backup)
        return BackupHistory(created, created, failed)

    async def _read_series(self, backups: BackupHistory, now: datetime) -> list[SeriesPoint]:
        """Return the series that need the database: a backup of ours may fail before Cloud SQL lists it."""
        rows = await self._store.database.fetch(
            _RUNS["failed_since"], idempotent=True, instance=self._settings.instance, since=backups.made
        )
        listed = {str(backup.get("description", "")) for backup in backups.failed}
        unlisted = {f"{DESCRIPTION} {run}" for (run,) in rows} - listed
        ((passed_at, passed),) = await self._store.database.fetch(_VERIFICATIONS["lately"], idempotent=True)
        ages = await self._store.database.work("watch_schedules", schedules.read_ages, idempotent=True)
        return [
            # The one that publishes the ages of all others.
            SeriesPoint(metrics.SCHEDULE_AGE, ages[schedules.PUBLISH_METRICS], (schedules.PUBLISH_METRICS,)),
            SeriesPoint(metrics.BACKUP_FAILURES, len(backups.failed) + len(unlisted)),
            SeriesPoint(metrics.VERIFICATION_AGE, (now - (passed_at or backups.created)).total_seconds()),
            SeriesPoint(metrics.VERIFICATION_FAILED, int(passed is False)),
        ]
