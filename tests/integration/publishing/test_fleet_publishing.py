"""publish-metrics: what it brings to Cloud Monitoring and to system_metrics, and what it does while a part is away."""

import asyncio
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from redis import Redis
from tests.integration.cloud_monitoring import Monitoring
from tests.integration.standstill import locked

from local_cloud.google.monitoring.points import Distribution
from local_cloud.google.monitoring.store import TimeSeries
from local_cloud.processes.postgres import Postgres
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence import schedules
from utxoiq_persistence.config import Settings
from utxoiq_persistence.errors import DatabaseUnavailable, NotPublished
from utxoiq_persistence.publishing import published_metrics as metrics
from utxoiq_persistence.publishing import windows as publishing
from utxoiq_persistence.publishing.fleet_publishing import SERVICE_NAME, FleetPublisher
from utxoiq_persistence.publishing.published_metrics import PublishedMetric
from utxoiq_persistence.records import MetricsQuery
from utxoiq_persistence.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("patience")]

SECONDS = 60.0


class Clock:
    """Stands in the next window, which began after every instance of the test did."""

    def __init__(self) -> None:
        self.now = time.time() + SECONDS

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def publisher(monitoring: Monitoring, store: Store, clock: Clock) -> FleetPublisher:
    return FleetPublisher(monitoring.settings(SECONDS), store, clock)


def of_function(monitoring: Monitoring, metric: PublishedMetric, function: str) -> list[TimeSeries]:
    return [one for one in monitoring.of(metric) if ("job", function) in one.identity.resource_labels]


def counts(monitoring: Monitoring, metric: PublishedMetric, function: str) -> list[float]:
    """How many each of a function's newest distributions holds."""
    newest = [one[-1].value for one in of_function(monitoring, metric, function)]
    return [value.count for value in newest if isinstance(value, Distribution)]


async def recorded(store: Store) -> list[Any]:
    now = datetime.now(UTC)
    page = await store.metrics.find(MetricsQuery(now - timedelta(hours=1), now + timedelta(hours=1), SERVICE_NAME))
    return list(json.loads(page.body))


async def test_the_fleets_figures_are_published_in_one_call(
    publisher: FleetPublisher, store: Store, settings: Settings, monitoring: Monitoring
) -> None:
    async with Store.opened(replace(settings, function="other")) as other:
        await asyncio.gather(*(other.ping() for _ in range(3)))
        await other.fleet.publish_own()
        await store.ping()
        told = await publisher.publish()
    (size,) = monitoring.calls.sizes
    assert told == f"published {size} time series of 2 instances"
    assert monitoring.value(metrics.FLEET_INSTANCES, "test") == monitoring.value(metrics.FLEET_INSTANCES, "other") == 1
    pools = {dict(one.identity.resource_labels)["job"]: one[-1].value for one in monitoring.of(metrics.POOL_TIMEOUTS)}
    assert pools == {"test": 0, "other": 0}
    assert counts(monitoring, metrics.QUERY_LATENCIES, "other") == [3]
    assert monitoring.value(metrics.REDIS_UP) == 1
    assert monitoring.value(metrics.PARTITIONS_MONTHS_AHEAD) >= 3
    assert monitoring.value(metrics.RETENTION_CONSECUTIVE_FAILURES) == 0
    assert monitoring.value(metrics.RETENTION_DURATION) == 0


@pytest.mark.parametrize("mark", ["", "1", "x" * 32, "x" * 2**23], ids=["empty", "short", "unsigned", "huge"])
async def test_a_mark_that_another_function_makes_stops_no_publication(
    publisher: FleetPublisher, settings: Settings, monitoring: Monitoring, clock: Clock, mark: str
) -> None:
    """Its password of Redis is good for marking all windows to come."""
    key = f"publication:fleet:{clock.now // SECONDS * SECONDS:.3f}"
    with Redis(settings.redis.host, settings.redis.port, password=settings.redis.auth) as redis:
        redis.set(key, mark)
        before = redis.info("stats")["total_net_output_bytes"]
        assert "published" in await publisher.publish()
        assert redis.info("stats")["total_net_output_bytes"] - before < 2**22
        assert len(monitoring.calls.sizes) > 0
        assert redis.get(key) != mark.encode()
    assert "already" in await publisher.publish()


async def test_within_a_minute_it_is_done_once_by_whomever(
    publisher: FleetPublisher, store: Store, settings: Settings, monitoring: Monitoring, clock: Clock
) -> None:
    async with Store.opened(settings) as other:
        second = FleetPublisher(monitoring.settings(SECONDS), other, clock)
        await asyncio.gather(store.ping(), other.ping())  # a statement that there are figures of
        await asyncio.gather(publisher.publish(), second.publish())
        calls = len(monitoring.calls.sizes)
        assert "already" in await second.publish()
        assert "already" in await publisher.publish()
    assert len(monitoring.calls.sizes) == calls
    assert set(monitoring.lengths().values()) == {1}
    rows = await recorded(store)
    newest = max(row["timestamp"] for row in rows)  # other tests may have published in another minute
    kinds = [row["metric_type"] for row in rows if row["timestamp"] == newest]
    assert len(kinds) == len(set(kinds))
    assert {"pool_utilization", "query_time_p95", "instances"} <= set(kinds)


async def test_the_next_minute_is_another_one(publisher: FleetPublisher, monitoring: Monitoring, clock: Clock) -> None:
    await publisher.publish()
    clock.now += SECONDS
    await publisher.publish()
    assert set(monitoring.lengths().values()) == {1, 2}
    assert len(monitoring.of(metrics.REDIS_UP)[0]) == 2
    first, second = (monitoring.of(metrics.REDIS_UP)[0][index].end for index in range(2))
    assert second - first == SECONDS
    assert first % SECONDS == 0


async def test_counters_of_an_instance_that_came_back_begin_anew_beside_the_old_ones(
    settings: Settings, store: Store, monitoring: Monitoring, clock: Clock
) -> None:
    publisher = FleetPublisher(monitoring.settings(SECONDS), store, clock)
    for pings in (3, 2):
        async with Store.opened(replace(settings, function="restarted")) as one:
            for _ in range(pings):
                await one.ping()
        # It has closed, and left its last figures behind.
        await publisher.publish()
        clock.now += SECONDS
    assert sorted(counts(monitoring, metrics.QUERY_LATENCIES, "restarted")) == [2, 3]
    found = of_function(monitoring, metrics.QUERY_LATENCIES, "restarted")
    assert [len({point.start for point in one.points(0, 2**40)}) for one in found] == [1, 1]
    instances = {one.identity.metric_labels[0][1]: one[-1].value for one in monitoring.of(metrics.FLEET_INSTANCES)}
    assert instances == {"test": 1, "restarted": 0}


async def test_failed_and_slow_runs_of_retention_are_told(
    publisher: FleetPublisher, monitoring: Monitoring, postgres: Postgres, database: str, clock: Clock
) -> None:
    rows = [
        ("success", "10 days", "10 minutes", False),
        ("failed", "9 days", "10 minutes", False),
        ("partial", "8 days", "10 minutes", False),
        ("failed", "7 days", "10 minutes", False),
        (None, "6 days", None, False),
        ("failed", "5 days", "26 minutes", False),
        ("success", "4 days", "1 minute", True),
    ]
    with postgres.connect(database=database) as connection:
        connection.run("DELETE FROM retention_runs")
        for status, ago, took, dry_run in rows:
            connection.run(
                "INSERT INTO retention_runs (caller, dry_run, started_at, ended_at, status) VALUES ('test', :dry_run, "
                "now() - :ago::interval, now() - :ago::interval + :took::interval, :status)",
                dry_run=dry_run,
                ago=ago,
                took=took,
                status=status,
            )
        await publisher.publish()
        assert monitoring.value(metrics.RETENTION_CONSECUTIVE_FAILURES) == 3
        assert monitoring.value(metrics.RETENTION_DURATION) == 26 * 60

        connection.run("INSERT INTO retention_runs (caller, dry_run) VALUES ('test', false)")
        clock.now += SECONDS
        await publisher.publish()
        assert monitoring.value(metrics.RETENTION_CONSECUTIVE_FAILURES) == 3
        assert 0 < monitoring.value(metrics.RETENTION_DURATION) < 60

        connection.run("UPDATE retention_runs SET status = 'success', ended_at = now() WHERE ended_at IS NULL")
        clock.now += SECONDS
        await publisher.publish()
        assert monitoring.value(metrics.RETENTION_CONSECUTIVE_FAILURES) == 0
        connection.run("DELETE FROM retention_runs")


async def test_how_long_ago_each_schedule_succeeded_is_published_but_for_its_own(
    publisher: FleetPublisher, store: Store, monitoring: Monitoring, postgres: Postgres, database: str
) -> None:
    """Its own age is told by the watch of backups: this call would always say that it was just now."""
    with postgres.connect(database=database) as connection:
        connection.run("UPDATE schedule_successes SET succeeded_at = now() - interval '1 hour'")
    await store.schedules.note_success(schedules.RETENTION)
    await publisher.publish()
    published = {dict(one.identity.metric_labels)["schedule"] for one in monitoring.of(metrics.SCHEDULE_AGE)}
    assert published == set(schedules.SCHEDULES) - {schedules.PUBLISH_METRICS}
    assert 0 <= monitoring.value(metrics.SCHEDULE_AGE, schedules.RETENTION) < 600
    assert 3600 <= monitoring.value(metrics.SCHEDULE_AGE, schedules.PARTITIONS) < 4200


async def test_a_month_that_is_missing_ends_those_ahead(
    publisher: FleetPublisher, store: Store, monitoring: Monitoring, postgres: Postgres, database: str
) -> None:
    today = datetime.now(UTC).date()
    months = [today.month - 1 + ahead for ahead in range(4)]
    names = [f"metric_points_{today.year + month // 12}_{month % 12 + 1:02}" for month in months]
    with postgres.connect(database=database) as connection:
        connection.run("SELECT system_metrics_ensure_ahead()")
        connection.run(f"DROP TABLE {names[2]}")
        await publisher.publish()
        assert monitoring.value(metrics.PARTITIONS_MONTHS_AHEAD) == 1
        connection.run("SELECT system_metrics_ensure_ahead()")


async def test_without_redis_that_is_what_is_told(
    settings: Settings, monitoring: Monitoring, clock: Clock, valkey: Valkey
) -> None:
    away = replace(settings, redis=replace(settings.redis, auth="wrong"))
    async with Store.opened(away) as store:
        publisher = FleetPublisher(monitoring.settings(SECONDS), store, clock)
        for _ in range(2):
            assert (await publisher.publish()).endswith("of 1 instances")
    assert monitoring.value(metrics.REDIS_UP) == 0
    assert monitoring.value(metrics.POOL_UTILIZATION) >= 0
    assert set(monitoring.lengths().values()) == {1}


async def test_without_the_database_the_rest_is_published_and_the_next_try_goes_on(
    publisher: FleetPublisher, store: Store, monitoring: Monitoring, postgres: Postgres
) -> None:
    postgres.stop()
    try:
        with pytest.raises(DatabaseUnavailable):
            await publisher.publish()
    finally:
        postgres.start()
    assert monitoring.value(metrics.REDIS_UP) == 1
    assert monitoring.of(metrics.PARTITIONS_MONTHS_AHEAD) == []
    await publisher.publish()
    assert monitoring.value(metrics.PARTITIONS_MONTHS_AHEAD) >= 3
    assert set(monitoring.lengths().values()) == {1}


async def test_a_database_that_hangs_keeps_nothing_else_from_being_published(
    settings: Settings,
    monitoring: Monitoring,
    clock: Clock,
    postgres: Postgres,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publishing, "PATIENCE_SECONDS", 0.5)
    patient = replace(settings, database=replace(settings.database, statement_timeout_ms=60_000))
    async with Store.opened(patient) as store:
        with postgres.connect(database=database) as connection, locked(connection, "retention_runs"):
            with pytest.raises(DatabaseUnavailable, match="in time"):
                await FleetPublisher(monitoring.settings(SECONDS), store, clock).publish()
            assert monitoring.value(metrics.REDIS_UP) == 1
            assert monitoring.of(metrics.RETENTION_DURATION) == []


async def test_a_try_that_failed_half_way_is_gone_on_with(
    publisher: FleetPublisher, store: Store, monitoring: Monitoring
) -> None:
    monitoring.calls.refusals.append(grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(NotPublished):
        await publisher.publish()
    rows = len(await recorded(store))
    await publisher.publish()
    assert monitoring.value(metrics.REDIS_UP) == 1
    assert len(await recorded(store)) == rows > 0
