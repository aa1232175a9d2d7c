"""A range that ends within an hour of many points reads few of them, and counts each that it should."""

import json
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.integration.retention.world import World, month_start

from utxoiq_persistence.metrics import sketches, slices, trends
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import AggregateQuery, NewMetric
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio
AGGREGATE = load("system_metrics")["aggregate"]
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
# Hours of a month of its own, and of what no month holds.
MONTH = month_start(5, 10) + 7 * HOUR
STRAY = month_start(40, 10) + 7 * HOUR
MADE = pytest.mark.parametrize("at", [pytest.param(MONTH, id="month"), pytest.param(STRAY, id="stray")])
# One each four seconds, but for ten minutes without any.
SECONDS = [second for second in range(0, 3600, 4) if not 1195 < second < 1805]
TOUCHED = """
SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname LIKE 'metric_points%'
"""


@pytest.fixture
async def sliced(world: World, store: Store, at: datetime) -> list[tuple[datetime, float]]:
    """Record an hour of many values and an hour of few after it, and return their moments and values."""
    if at is MONTH:
        world.sql.run("SELECT system_metrics_ensure_month(:at)", at=at)
    values = await record(store, at, SECONDS) + await record(store, at + HOUR, range(0, 3600, 600))
    await sketch(world, store, at)
    assert slice_counts(world) == [len(SECONDS)]
    return values


async def record(store: Store, at: datetime, seconds: Sequence[int]) -> list[tuple[datetime, float]]:
    values = [(at + second * SECOND, float(second % 997)) for second in seconds]
    for first in range(0, len(values), 500):
        part = values[first : first + 500]
        await store.metrics.record_batch([NewMetric("api", "latency", value, "ms", None, when) for when, value in part])
    return values


async def sketch(world: World, store: Store, at: datetime) -> None:
    """As the schedule does while the hours are new."""
    world.fold()
    await store.database.work("sketch", lambda session: sketches.fill(session, at, at + 2 * HOUR, math.inf))


def slice_counts(world: World) -> list[int]:
    """Return how many values the slices of each hour count."""
    return [count for (count,) in world.sql.run("SELECT value_count FROM metric_slices ORDER BY bucket")]


async def told(store: Store, start: datetime, end: datetime) -> list[Any]:
    """Return count, average and bounds of each hour of a range."""
    query = AggregateQuery("api", "latency", start, end, "hour")
    answer = json.loads((await trends.aggregate(store.database, query)).body)
    return [[bucket[name] for name in ("count", "avg_value", "min_value", "max_value")] for bucket in answer["data"]]


def recounted(values: Sequence[tuple[datetime, float]], start: datetime, end: datetime) -> list[Any]:
    hours: dict[datetime, list[float]] = {}
    for when, value in sorted(values):
        if start <= when <= end:
            hours.setdefault(when.replace(minute=0, second=0), []).append(value)
    return [[len(hour), pytest.approx(math.fsum(hour) / len(hour)), min(hour), max(hour)] for hour in hours.values()]


def looked_at(world: World, start: datetime, end: datetime) -> int:
    """Return how many points are read for an aggregate."""
    asked = {"service_name": "api", "metric_type": "latency", "start_time": start, "end_time": end, "interval": "day"}
    world.sql.run("BEGIN")
    try:
        ((before,),) = world.sql.run(TOUCHED)
        world.sql.run(AGGREGATE.inline(**asked))
        ((after,),) = world.sql.run(TOUCHED)
    finally:
        world.sql.run("ROLLBACK")
    return int(after) - int(before)


@pytest.mark.parametrize("at", [MONTH], ids=["month"])
@pytest.mark.parametrize(
    ("first", "last"),
    [
        *[(0, 3599), (0, 3598), (1, 3599), (4, 300), (300, 599), (300, 600), (299, 899), (301, 899), (298, 302)],
        *[(301, 304), (300, 300), (290, 910), (900, 1500), (1200, 1800), (1300, 1700), (3299, 3600), (3301, 4000)],
        *[(-4000, 200), (-4000, 300), (-1, 7300), (2000, 9000)],
    ],
)
async def test_a_range_counts_what_lies_in_it_wherever_it_begins_and_ends(
    store: Store, at: datetime, sliced: list[tuple[datetime, float]], first: int, last: int
) -> None:
    start, end = at + first * SECOND, at + last * SECOND
    assert await told(store, start, end) == recounted(sliced, start, end)
    end -= timedelta(microseconds=1)
    assert await told(store, start, end) == recounted(sliced, start, end)


@MADE
@pytest.mark.usefixtures("sliced")
async def test_it_reads_the_points_of_five_minutes_at_either_end(world: World, at: datetime) -> None:
    assert looked_at(world, at + 30 * SECOND, at + 3570 * SECOND) <= 2 * 300 / 4
    assert looked_at(world, at + 30 * SECOND, at + 2 * HOUR) <= 300 / 4
    assert looked_at(world, at + 300 * SECOND, at + 3300 * SECOND) <= 1


@pytest.mark.usefixtures("sliced")
@pytest.mark.parametrize("at", [MONTH], ids=["month"])
def test_hours_of_few_values_have_no_slices(world: World, at: datetime) -> None:
    assert world.sql.run("SELECT bucket FROM metric_slices") == [[at]]
    assert len(SECONDS) >= slices.MANY > 3600 / 600


@MADE
async def test_what_comes_later_is_counted_and_in_the_slices_after_the_next_sketch(
    world: World, store: Store, at: datetime, sliced: list[tuple[datetime, float]]
) -> None:
    start, end = at + 30 * SECOND, at + 3570 * SECOND
    late = sliced + await record(store, at, [1, 31, 1500, 3569, 3571])
    assert await told(store, start, end) == recounted(late, start, end)
    assert looked_at(world, start, end) > 300
    await sketch(world, store, at)
    assert slice_counts(world) == [len(SECONDS) + 5]
    assert await told(store, start, end) == recounted(late, start, end)
    assert looked_at(world, start, end) <= 2 * 305 / 4


@MADE
@pytest.mark.usefixtures("sliced")
async def test_slices_go_with_the_points_and_the_hours_that_a_range_cuts_are_left_out(
    world: World, store: Store, at: datetime
) -> None:
    assert (await world.service(store).run("test")).status == "success"
    assert world.live("system_metrics").total() == 0
    assert slice_counts(world) == []
    assert await told(store, at + 30 * SECOND, at + 3570 * SECOND) == []
    assert [count for count, *_ in await told(store, at, at + 2 * HOUR)] == [len(SECONDS), 6]


@MADE
async def test_restored_points_are_counted_and_late_ones_beside_them(
    world: World, store: Store, at: datetime, sliced: list[tuple[datetime, float]]
) -> None:
    start, end = at + 30 * SECOND, at + 3570 * SECOND
    await world.service(store).run("test")
    await world.service(store).restore("system_metrics", at, at + HOUR, keep_days=30)
    assert await told(store, start, end) == recounted(sliced, start, end)
    late = sliced + await record(store, at, [41, 1501])
    await sketch(world, store, at)
    assert await told(store, start, end) == recounted(late, start, end)
    # What was restored leaves row by row.
    world.sql.run("UPDATE archive_objects SET keep_until = now() - interval '1 s' WHERE keep_until IS NOT NULL")
    await world.service(store).run("test")
    assert world.live("system_metrics").total() == 0
    assert slice_counts(world) == []
    assert await told(store, start, end) == []


@MADE
async def test_of_an_hour_that_is_restored_in_part_no_slices_are_made(
    world: World, store: Store, at: datetime, sliced: list[tuple[datetime, float]]
) -> None:
    await world.service(store).run("test")
    await world.service(store).restore("system_metrics", at, at + 3200 * SECOND, keep_days=30)
    late = await record(store, at, [41, 1501])
    await sketch(world, store, at)
    assert slice_counts(world) == []
    there = [(when, value) for when, value in sliced if when < at + 3200 * SECOND] + late
    start, end = at + 30 * SECOND, at + 3570 * SECOND
    assert await told(store, start, end) == recounted(there, start, end)
