"""Publishes the figures of all instances to Cloud Monitoring, and the main ones to system_metrics."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from utxoiq_persistence import schedules
from utxoiq_persistence.figures import InstanceFigures, QueryFigures, merge_pools, merge_queries
from utxoiq_persistence.metrics import partitions
from utxoiq_persistence.postgres.database import in_time
from utxoiq_persistence.postgres.session import Row, Session
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.publishing import published_metrics as metrics
from utxoiq_persistence.publishing import time_series
from utxoiq_persistence.publishing import windows as publishing
from utxoiq_persistence.publishing.cloud_monitoring import CloudMonitoring
from utxoiq_persistence.publishing.settings import PublishSettings
from utxoiq_persistence.publishing.time_series import SeriesPoint
from utxoiq_persistence.publishing.windows import PURPOSE, Window, try_reading, wait_for_all
from utxoiq_persistence.records import Idempotency, NewMetric
from utxoiq_persistence.redis.client import RedisError
from utxoiq_persistence.store import Store

_RUNS = load("retention_runs")
_SERIES = load("metric_series")
SERVICE_NAME = "utxoiq-persistence"


class FleetPublisher:
    """Publishes the fleet's figures. `clock` returns seconds since 1970."""

    def __init__(self, settings: PublishSettings, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._store = store
        self._monitoring = CloudMonitoring(settings)
        self._clock = clock

    async def publish(self) -> str:
        """Publish once in a window of time. Return what was done, in words.

        A repeated call continues where an earlier one failed. Raises NotPublished and DatabaseUnavailable, each after
        everything else was published.
        """
        signer = self._store.signer(PURPOSE)
        window = Window("fleet", self._settings.seconds, self._store.cache.scripts, signer, self._clock())
        return await window.run_once(self._publish)

    async def _publish(self, window: Window) -> str:
        fleet = await self._figures()
        series = [
            *time_series.build_fleet_series(fleet),
            SeriesPoint(metrics.REDIS_UP, int(self._store.fleet.reachable)),
        ]
        known, failure = await try_reading(self._read_series())
        series += known
        writing = self._monitoring.write(series, window.start)
        if failure is not None:
            await writing
            raise failure
        await wait_for_all(writing, in_time(self._record(fleet, window), publishing.PATIENCE_SECONDS))
        return f"published {len(series)} time series of {len(fleet)} instances"

    async def _figures(self) -> list[InstanceFigures]:
        """Return the figures of all instances, after writing this one's to Redis for the next publisher."""
        with contextlib.suppress(RedisError, OSError):
            await self._store.fleet.publish_own()
        return await self._store.fleet.read()

    async def _read_series(self) -> list[SeriesPoint]:
        def read(session: Session) -> tuple[int, int, list[Row], Mapping[str, float]]:
            months = partitions.count_months_ahead(session, datetime.now(UTC).date())
            ((count,),) = session.run(_SERIES["count_series"])
            return months, count, session.run(_RUNS["lately"]), schedules.read_ages(session)

        work = self._store.database.work("publish_metrics", read, idempotent=True)
        months, count, ((failures, duration),), ages = await work
        # That of this very schedule is published by another one.
        others = {schedule: age for schedule, age in ages.items() if schedule != schedules.PUBLISH_METRICS}
        return [
            *(SeriesPoint(metrics.SCHEDULE_AGE, age, (schedule,)) for schedule, age in others.items()),
            SeriesPoint(metrics.METRICS_SERIES_USED, 100 * count / self._store.settings.max_series),
            SeriesPoint(metrics.PARTITIONS_MONTHS_AHEAD, months),
            SeriesPoint(metrics.RETENTION_CONSECUTIVE_FAILURES, failures),
            SeriesPoint(metrics.RETENTION_DURATION, duration),
        ]

    async def _record(self, fleet: Sequence[InstanceFigures], window: Window) -> None:
        rows = await asyncio.to_thread(_rows, fleet, window.moment)  # many histograms to add up
        key = f"publish-metrics {window.moment.isoformat()}"
        once = Idempotency(f"function:{SERVICE_NAME}", key, hashlib.sha256(key.encode()).digest())
        await self._store.metrics.record_batch(rows, once)


def _rows(fleet: Sequence[InstanceFigures], now: datetime) -> list[NewMetric]:
    pool, total = merge_pools(fleet), QueryFigures()
    for query in merge_queries(fleet).values():
        total.merge(query)
    p95 = total.durations.quantile(0.95)
    values = {
        ("pool_checked_out", "connections"): pool.checked_out,
        ("pool_utilization", "percent"): 100 * pool.utilization,
        ("pool_waiting", "requests"): pool.waiting,
        ("slow_query_percentage", "percent"): 100 * total.slow / max(1, total.durations.count),
        ("instances", "instances"): sum(not one.ended for one in fleet),
        **({} if p95 is None else {("query_time_p95", "ms"): 1000 * p95}),
    }
    return [NewMetric(SERVICE_NAME, kind, float(value), unit, None, now) for (kind, unit), value in values.items()]
