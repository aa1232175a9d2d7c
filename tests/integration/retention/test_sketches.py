"""Percentiles outlive the rows they are of, and stay right while rows come late, leave, and come back."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.retention.world import World, month_start

from utxoiq_persistence.records import AggregateQuery, Interval, NewMetric
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio
ALWAYS = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
MINUTE = timedelta(minutes=1)
# An hour of a month of its own, and one whose rows no month holds.
MONTH = month_start(5, 10) + timedelta(hours=7)
STRAY = month_start(40, 10) + timedelta(hours=7)
MADE = pytest.mark.parametrize("at", [pytest.param(MONTH, id="month"), pytest.param(STRAY, id="stray")])


async def record(store: Store, at: datetime, values: Sequence[float]) -> None:
    """A value a minute."""
    batch = [NewMetric("api", "latency", value, "ms", None, at + n * MINUTE) for n, value in enumerate(values)]
    await store.metrics.record_batch(batch)


async def told(store: Store, at: datetime, interval: Interval = "day") -> list[tuple[Any, ...]]:
    """Of the two days around it, from the database."""
    async with store.cache.changing(["metrics:3:api:latency"]):
        pass
    start = at.replace(hour=0)
    query = AggregateQuery("api", "latency", start, start + timedelta(days=2), interval, percentiles="true")
    answer = json.loads((await store.metrics.aggregate(query)).body)
    return [(row["count"], row["p50"], row["p95"], row["p99"]) for row in answer["data"]]


def near(*buckets: tuple[int, float, float, float]) -> list[tuple[Any, ...]]:
    return [(count, *(pytest.approx(value, rel=0.01) for value in percentiles)) for count, *percentiles in buckets]


def make_month(world: World, at: datetime) -> None:
    if at is MONTH:
        world.sql.run("SELECT system_metrics_ensure_month(:at)", at=at)


@MADE
@pytest.mark.parametrize("interval", ["hour", "day", "week"])
async def test_they_are_the_same_before_and_after_the_rows_have_left(
    world: World, store: Store, at: datetime, interval: Interval
) -> None:
    make_month(world, at)
    await record(store, at, range(1, 41))
    before = await told(store, at, interval)
    assert before == near((40, 20, 38, 40))
    await world.service(store).run("test")
    assert world.live("system_metrics").total() == 0
    assert await told(store, at, interval) == before


@MADE
async def test_what_comes_late_for_archived_hours_counts_as_well(world: World, store: Store, at: datetime) -> None:
    make_month(world, at)
    await record(store, at, range(1, 41))
    await world.service(store).run("test")
    for late, median in ((20, 30), (40, 40), (60, 1000)):
        for _ in range(2):
            await record(store, at, [1000.0] * 10)
            await world.service(store).upkeep()
        assert await told(store, at) == near((40 + late, median, 1000, 1000))
        if late > 20:
            await world.service(store).run("test")
            assert world.live("system_metrics").total() == 0
            assert await told(store, at) == near((40 + late, median, 1000, 1000))


@MADE
@pytest.mark.parametrize("minutes", [20, 600])
async def test_rows_that_come_back_and_go_again_are_counted_once(
    world: World, store: Store, at: datetime, minutes: int
) -> None:
    """A part of the hour, or all of it."""
    make_month(world, at)
    await record(store, at, range(1, 41))
    service = world.service(store)
    await service.run("test")
    before = await told(store, at)
    await service.restore("system_metrics", at, at + minutes * MINUTE, keep_days=30)
    assert world.live("system_metrics").total() == min(40, minutes)
    assert await told(store, at) == before
    await service.upkeep()
    world.sql.run("UPDATE archive_objects SET keep_until = now() - interval '1 s' WHERE keep_until IS NOT NULL")
    await service.run("test")
    assert world.live("system_metrics").total() == 0
    assert await told(store, at) == before


@MADE
async def test_late_rows_beside_restored_ones_are_told_of_when_those_have_gone(
    world: World, store: Store, at: datetime
) -> None:
    make_month(world, at)
    await record(store, at, range(1, 41))
    service = world.service(store)
    await service.run("test")
    await service.restore("system_metrics", at, at + 20 * MINUTE, keep_days=30)
    await record(store, at, [1000.0] * 40)
    assert await told(store, at) == [(80, None, None, None)]
    world.sql.run("UPDATE archive_objects SET keep_until = now() - interval '1 s' WHERE keep_until IS NOT NULL")
    await service.run("test")
    assert await told(store, at) == near((80, 40, 1000, 1000))


@MADE
async def test_of_rows_that_left_before_there_were_sketches_they_are_known_after_a_restore(
    world: World, store: Store, at: datetime
) -> None:
    make_month(world, at)
    await record(store, at, range(1, 41))
    await record(store, at + timedelta(days=1), [5.0])
    service = world.service(store)
    await service.run("test")
    world.sql.run("DELETE FROM metric_sketches WHERE bucket < :day", day=at.replace(hour=0) + timedelta(days=1))
    unknown = [(40, None, None, None), *near((1, 5, 5, 5))]
    assert await told(store, at) == unknown
    await service.upkeep()
    assert await told(store, at) == unknown
    await service.restore("system_metrics", *ALWAYS, keep_days=30)
    known = near((40, 20, 38, 40), (1, 5, 5, 5))
    assert await told(store, at) == known
    world.sql.run("UPDATE archive_objects SET keep_until = now() - interval '1 s' WHERE keep_until IS NOT NULL")
    await service.run("test")
    assert world.live("system_metrics").total() == 0
    assert await told(store, at) == known


async def test_strays_that_move_home_are_counted_once(world: World, store: Store) -> None:
    at = month_start(0)
    world.sql.run(f"DROP TABLE metric_points_{at:%Y_%m}")
    await record(store, at, range(1, 41))
    before = await told(store, at)
    service = world.service(store)
    await service.upkeep()
    assert world.sql.run("SELECT count(*) FROM metric_points_default") == [[0]]
    await store.metrics.sketch()
    assert await told(store, at) == before == near((40, 20, 38, 40))


async def test_an_hour_that_is_archived_in_parts_while_more_comes_is_told_whole(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part is deleted before the next one is read."""
    monkeypatch.setattr("utxoiq_persistence.archive.exports.PART_ROWS", 7)
    monkeypatch.setattr("utxoiq_persistence.archive.removal.BATCH_ROWS", 3)
    await record(store, STRAY, range(1, 41))
    await world.service(store).upkeep()
    with world.postgres.connect(database=world.settings.database.name) as session:
        session.run("BEGIN")
        session.run("SELECT pg_advisory_xact_lock(hashtextextended('metric_sketches', 0))")
        running = asyncio.create_task(world.service(store).run("test"))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
        while await asyncio.to_thread(session.run, waiting) == [[0]]:
            continue
        await record(store, STRAY + 30 * MINUTE, [1000.0] * 10)
        session.run("COMMIT")
        await running
    assert world.live("system_metrics").total() == 0
    assert await told(store, STRAY) == near((50, 25, 1000, 1000))
