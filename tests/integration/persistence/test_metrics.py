"""Metrics, their ranges and aggregates: an aggregate must say what a count over the rows would."""

import asyncio
import json
import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.errors import RuleBroken
from utxoiq_persistence.metrics import pages
from utxoiq_persistence.postgres import cursors
from utxoiq_persistence.postgres.columns import TABLES
from utxoiq_persistence.records import AggregateQuery, Document, Interval, MetricsQuery, NewMetric, Page
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

FIELDS = [column.name for column in TABLES["system_metrics"].columns]
NOON = datetime(2026, 5, 13, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def service() -> str:
    return f"service-{uuid4()}"


def shown(answer: Document | Page) -> Any:
    return json.loads(answer.body)


def metric(service: str, value: float = 1.0, at: datetime | None = None, kind: str = "cpu") -> NewMetric:
    return NewMetric(service, kind, value, "percent", timestamp=at)


async def found(store: Store, service: str | None, start: datetime, end: datetime, **more: Any) -> list[Any]:
    answer: list[Any] = shown(await store.metrics.find(MetricsQuery(start, end, service, **more)))
    return answer


async def test_a_metric_is_answered_and_found_as_it_was_sent(store: Store, service: str) -> None:
    metadata = {"host": "a", "nested": {"list": [1, None, "\u20bf"]}}
    sent = NewMetric(service, "cpu", 0.1, "percent", metadata, NOON)
    answer = shown(await store.metrics.record(sent))
    assert list(answer) == FIELDS
    (row,) = await found(store, service, NOON, NOON)
    assert list(row) == FIELDS
    assert datetime.fromisoformat(row.pop("timestamp")) == datetime.fromisoformat(answer.pop("timestamp")) == NOON
    assert row == answer
    assert row["metric_metadata"] == metadata


async def test_a_metric_without_a_time_is_of_now(store: Store, service: str) -> None:
    before = datetime.now(UTC)
    at = datetime.fromisoformat(shown(await store.metrics.record(metric(service)))["timestamp"])
    assert before <= at <= datetime.now(UTC)


async def test_a_time_of_another_zone_is_the_same_moment(store: Store, service: str) -> None:
    await store.metrics.record(metric(service, at=NOON.astimezone(timezone(timedelta(hours=9, minutes=30)))))
    (row,) = await found(store, service, NOON, NOON)
    assert row["timestamp"] == "2026-05-13T12:00:00.000000+00:00"


async def test_a_batch_is_recorded_whole_or_not_at_all(store: Store, service: str) -> None:
    good = [metric(service, value, NOON) for value in range(50)]
    with pytest.raises(RuleBroken):
        await store.metrics.record_batch([*good, NewMetric("x" * 101, "cpu", 1.0, "percent", timestamp=NOON)])
    assert await found(store, service, NOON - DAY, NOON + DAY) == []
    assert await aggregate(store, service, NOON - DAY, NOON + DAY, "day") == []
    assert len(shown(await store.metrics.record_batch(good))) == 50
    assert len(await found(store, service, NOON - DAY, NOON + DAY)) == 50


async def test_texts_that_look_like_array_syntax_are_stored_as_they_are(store: Store) -> None:
    names = ['"', "\\", "{a,b}", "NULL", " ", "a\nb", "''", '\\"', "\u20bf"]
    batch = [NewMetric(name, name, 1.0, name, {name: name}, NOON) for name in names]
    await store.metrics.record_batch(batch)
    for name in names:
        (row,) = await found(store, name, NOON, NOON)
        assert (row["service_name"], row["metric_type"], row["unit"]) == (name, name, name)
        assert row["metric_metadata"] == {name: name}


@pytest.mark.parametrize("year", [1, 1999, 2035, 9999])
async def test_a_row_outside_every_month_is_kept(store: Store, service: str, year: int) -> None:
    at = datetime(year, 7, 1, tzinfo=UTC)
    await store.metrics.record(metric(service, 3.0, at))
    assert [row["metric_value"] for row in await found(store, service, at, at)] == [3]
    assert await aggregate(store, service, at, at + HOUR, "day") == [(at, 3, 3, 3, 1)]


async def test_metrics_are_found_by_service_type_both_or_neither(store: Store, service: str) -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    kinds = [f"{service[:20]}-{kind}" for kind in "ab"]
    for name in (service, f"{service}2"):
        await store.metrics.record_batch([metric(name, 1.0, at, kind) for kind in kinds])
    assert len(await found(store, None, at, at)) == 4
    assert len(await found(store, service, at, at)) == 2
    assert len(await found(store, None, at, at, metric_type=kinds[0])) == 2
    (row,) = await found(store, service, at, at, metric_type=kinds[1])
    assert (row["service_name"], row["metric_type"]) == (service, kinds[1])
    assert await found(store, service, at, at, metric_type="none") == []


async def test_ranges_include_both_ends_and_come_newest_first(store: Store, service: str) -> None:
    await store.metrics.record_batch([metric(service, n, NOON + n * HOUR) for n in range(5)])
    rows = await found(store, service, NOON + HOUR, NOON + 3 * HOUR)
    assert [row["metric_value"] for row in rows] == [3, 2, 1]
    assert [row["metric_value"] for row in await found(store, service, NOON, NOON + DAY, limit=2, offset=1)] == [3, 2]


async def test_a_range_that_ends_before_it_starts_is_refused(store: Store, service: str) -> None:
    with pytest.raises(RuleBroken, match="end_time is before start_time"):
        await store.metrics.find(MetricsQuery(NOON, NOON - HOUR))
    with pytest.raises(RuleBroken, match="end_time is before start_time"):
        await store.metrics.aggregate(AggregateQuery(service, "cpu", NOON, NOON - HOUR, "day"))


@pytest.mark.parametrize("recent", [True, False])
async def test_pages_by_cursor_stay_stable_while_metrics_are_added(store: Store, service: str, recent: bool) -> None:
    start = datetime.now(UTC) - timedelta(minutes=30) if recent else NOON
    await store.metrics.record_batch([metric(service, n, start + timedelta(seconds=n // 3)) for n in range(20)])
    seen: list[float] = []
    cursor = None
    while True:
        query = MetricsQuery(start, start + HOUR, service, "cpu", limit=6, cursor=cursor)
        page = await store.metrics.find(query)
        seen += [row["metric_value"] for row in shown(page)]
        await store.metrics.record(metric(service, -1, start + HOUR))
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == list(range(20))


Bucket = tuple[datetime, float, float, float, int]


async def aggregate(store: Store, service: str, start: datetime, end: datetime, interval: Interval) -> list[Bucket]:
    answer = shown(await store.metrics.aggregate(AggregateQuery(service, "cpu", start, end, interval)))
    return [
        (datetime.fromisoformat(row["timestamp"]), row["avg_value"], row["min_value"], row["max_value"], row["count"])
        for row in answer["data"]
    ]


def floor(moment: datetime, interval: Interval) -> datetime:
    if interval == "hour":
        return moment.replace(minute=0, second=0, microsecond=0)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day if interval == "day" else day - day.weekday() * DAY


def by_hand(
    metrics: Sequence[NewMetric], start: datetime, end: datetime, floor: Callable[[datetime], datetime]
) -> list[Bucket]:
    buckets: dict[datetime, list[float]] = defaultdict(list)
    for one in metrics:
        assert one.timestamp is not None
        if start <= one.timestamp <= end:
            buckets[floor(one.timestamp)].append(one.metric_value)
    return [
        (at, pytest.approx(math.fsum(values) / len(values)), min(values), max(values), len(values))  # type: ignore[misc]
        for at, values in sorted(buckets.items())
    ]


@pytest.mark.parametrize("interval", ["hour", "day", "week"])
async def test_aggregates_equal_a_count_over_the_rows(store: Store, service: str, interval: Interval) -> None:
    """Recorded by many at once, over a turn of the year; asked for ranges that cut buckets anywhere."""
    chance = random.Random(11)  # noqa: S311
    begin = datetime(2026, 12, 10, tzinfo=UTC)
    metrics = [
        metric(service, chance.uniform(-50, 50), begin + chance.choice([1, 60, 3600]) * chance.random() * DAY * 0.01)
        for _ in range(1500)
    ]
    await asyncio.gather(*(store.metrics.record_batch(metrics[n::30]) for n in range(30)))
    edges = [begin, begin + 36 * DAY, NOON]
    for one in chance.sample(metrics, 12):
        assert one.timestamp is not None
        edges += [one.timestamp, floor(one.timestamp, "hour"), floor(one.timestamp, "day")]
    for _ in range(60):
        start, end = sorted(chance.sample(edges, 2))
        assert await aggregate(store, service, start, end, interval) == by_hand(
            metrics, start, end, lambda moment: floor(moment, interval)
        )


async def test_an_aggregate_repeats_its_question(store: Store, service: str) -> None:
    answer = shown(await store.metrics.aggregate(AggregateQuery(service, "cpu", NOON, NOON + DAY, "hour")))
    assert answer == {
        "service_name": service,
        "metric_type": "cpu",
        "interval": "hour",
        "start_time": "2026-05-13T12:00:00.000000+00:00",
        "end_time": "2026-05-14T12:00:00.000000+00:00",
        "data": [],
    }


async def test_the_largest_values_average_without_overflow(store: Store, service: str) -> None:
    largest = 1.7976931348623157e308
    await store.metrics.record_batch([metric(service, largest, NOON) for _ in range(50)])
    assert await aggregate(store, service, NOON, NOON + HOUR, "day") == [
        (NOON - 12 * HOUR, largest, largest, largest, 50)
    ]
    await store.metrics.record_batch([metric(service, -largest, NOON) for _ in range(50)])
    ((_, average, low, high, count),) = await aggregate(store, service, NOON, NOON + HOUR, "week")
    assert (average, low, high, count) == (0, -largest, largest, 100)


async def test_the_smallest_values_average_within_their_bounds(store: Store, service: str) -> None:
    await store.metrics.record_batch([metric(service, 5e-324, NOON) for _ in range(3)])
    ((_, average, low, high, _),) = await aggregate(store, service, NOON, NOON + HOUR, "hour")
    assert average == low == high == 5e-324


async def test_rollups_equal_a_recount(store: Store, service: str, postgres: Postgres, database: str) -> None:
    await asyncio.gather(
        *(store.metrics.record_batch([metric(service, n, NOON + n * HOUR) for n in range(60)]) for _ in range(8))
    )
    with postgres.connect(database=database) as connection:
        assert connection.run(ROLLUPS_DIFFER, service=service) == []


ROLLUPS_DIFFER = """
WITH kept AS (
    SELECT resolution, bucket, sum(value_count), min(value_min), max(value_max), min(first_at), max(last_at),
           round((sum(value_sum) * 2 ^ 64)::numeric, 6) AS value_sum
    FROM metric_parts WHERE service_name = :service GROUP BY 1, 2
), recounted AS (
    SELECT resolution, date_trunc(resolution, "timestamp", 'UTC'), count(*), min(metric_value), max(metric_value),
           min("timestamp"), max("timestamp"), round(sum(metric_value)::numeric, 6)
    FROM system_metrics CROSS JOIN (VALUES ('hour'), ('day')) AS resolutions (resolution)
    WHERE service_name = :service GROUP BY 1, 2
)
(TABLE kept EXCEPT TABLE recounted) UNION ALL (TABLE recounted EXCEPT TABLE kept)
"""


async def test_many_series_are_paged_like_one_whatever_lies_in_a_span(store: Store, service: str) -> None:
    """Dense and sparse ones, of now and long ago, with the same times among them; by service and by type alone."""
    now = datetime.now(UTC).replace(microsecond=0)
    moments = [(f"dense-{n % 2}", timedelta(seconds=n // 3)) for n in range(60)]
    moments += [(f"sparse-{n}", timedelta(hours=30 * (n % 4), seconds=n)) for n in range(25)]
    batch = [NewMetric(service, kind, float(n), "", None, now - back) for n, (kind, back) in enumerate(moments)]
    await store.metrics.record_batch([*batch, NewMetric(f"{service}-b", "dense-0", 99.0, "", None, now)])

    async def read(limit: int, **names: Any) -> list[tuple[str, str]]:
        shown: list[tuple[str, str]] = []
        cursor = None
        while True:
            query = MetricsQuery(now - timedelta(days=40), now, limit=limit, cursor=cursor, **names)
            page = await store.metrics.find(query)
            shown += [(row["timestamp"], row["id"]) for row in json.loads(page.body)]
            if (cursor := page.next_cursor) is None:
                return shown

    everything = await read(10_000, service_name=service)
    assert len(everything) == len(batch)
    assert everything == sorted(everything, reverse=True)
    for limit in (1, 7, 60, 84, 85):
        assert await read(limit, service_name=service) == everything
    offset = MetricsQuery(now - timedelta(days=40), now, service, None, 10, 70)
    assert [row["id"] for row in json.loads((await store.metrics.find(offset)).body)] == [
        row_id for _, row_id in everything[70:80]
    ]
    assert len(await read(3, metric_type="dense-0")) == 31


@pytest.mark.parametrize("kinds", [1, 3])
async def test_pages_hold_what_fits_and_miss_nothing(
    store: Store, service: str, kinds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of any size, of names with what JSON escapes, of one series (its names are sent apart) and of several."""
    monkeypatch.setattr(pages, "MAX_PAGE_BYTES", 4000)
    names = f'{service} "\\\x01\n,\u20bf'
    between = f"\x01{pages.BETWEEN}"  # 20 bytes of JSON
    sizes = [0, 10, 3000, 0, 0, 5000, 10, 10, 900, 900, 900, 900, 900, 0, 0, 4500, 0, 300, 300, 10]
    sent = [
        NewMetric(names, f"k\x01{n % kinds}", float(n), '"\t', {"text": between * (size // 20)} if size else None, at)
        for n, size in enumerate(sizes)
        for at in [NOON + timedelta(microseconds=n // 2)]
    ]
    recorded = shown(await store.metrics.record_batch(sent))
    rows = sorted(recorded, key=lambda row: (row["timestamp"], row["id"]), reverse=True)

    async def read(limit: int) -> list[Page]:
        read_pages: list[Page] = []
        cursor = None
        while not read_pages or cursor is not None:
            query = MetricsQuery(NOON, NOON + HOUR, names, limit=limit, cursor=cursor)
            read_pages.append(await store.metrics.find(query))
            cursor = read_pages[-1].next_cursor
        return read_pages

    for limit in (1, 2, 7, 19, 20, 21):
        read_pages = await read(limit)
        assert [row for page in read_pages for row in shown(page)] == rows
        for page in read_pages:
            assert len(page.body) <= 4000 or len(shown(page)) == 1
            assert 1 <= len(shown(page)) <= limit
    assert len(await read(5000)) < len(rows)  # pages are filled


async def test_names_count_in_what_fits_on_a_page(store: Store, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_PAGE_BYTES", 6000)
    await store.metrics.record_batch([metric(service, n, NOON + timedelta(seconds=n), "k" * 50) for n in range(30)])
    first = await store.metrics.find(MetricsQuery(NOON, NOON + HOUR, service, limit=30))
    assert len(first.body) <= 6000
    second = await store.metrics.find(MetricsQuery(NOON, NOON + HOUR, service, limit=30, cursor=first.next_cursor))
    assert [row["metric_value"] for row in [*shown(first), *shown(second)]] == [*range(29, -1, -1)]


@pytest.mark.parametrize("place", ["2026-01-01", "2026-01-01 00:00:00-05", "2026-01-01 00:00:00.5+00"])
async def test_a_cursor_that_is_written_otherwise_is_read_as_a_time(store: Store, service: str, place: str) -> None:
    now = datetime.now(UTC)
    await store.metrics.record(metric(service, 1.0, datetime(2025, 12, 31, tzinfo=UTC)))
    cursor = cursors.encode(f"{place} {uuid4()}")
    page = await store.metrics.find(MetricsQuery(now - timedelta(days=500), now, service, cursor=cursor))
    assert len(json.loads(page.body)) == 1


async def test_a_month_takes_over_the_rows_that_came_before_it(
    store: Store, service: str, postgres: Postgres, database: str
) -> None:
    moments = [
        datetime(2031, month, 1, tzinfo=UTC) - timedelta(microseconds=before) for month in (3, 4) for before in (0, 1)
    ]
    await store.metrics.record_batch([metric(service, n, at) for n, at in enumerate(moments)])
    with postgres.connect(database=database) as connection:
        make = "SELECT system_metrics_ensure_month('2031-03-15 00:00+02')"
        assert connection.run(make) == [[True]]
        assert connection.run(make) == [[False]]
        where = (
            "SELECT p.tableoid::regclass::text FROM metric_points AS p JOIN metric_series USING (series) "
            "WHERE service_name = :service ORDER BY metric_value"
        )
        tables = [name for (name,) in connection.run(where, service=service)]
    assert tables == [
        "metric_points_2031_03",
        "metric_points_default",
        "metric_points_default",
        "metric_points_2031_03",
    ]
    assert len(await found(store, service, moments[1], moments[2])) == 4


async def test_a_row_on_its_way_when_its_month_is_made_is_kept(
    store: Store, service: str, postgres: Postgres, database: str
) -> None:
    """It set out for the default partition, and finds that its month is not there any more."""
    at = datetime(2040, 5, 5, tzinfo=UTC)
    with postgres.connect(database=database) as connection:
        connection.run("BEGIN")
        connection.run("LOCK TABLE metric_points_default IN ACCESS EXCLUSIVE MODE")
        recording = asyncio.create_task(store.metrics.record(metric(service, 1.0, at)))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'metric_points_default'::regclass"
        while await asyncio.to_thread(connection.run, waiting) == [[0]]:
            continue
        connection.run("SELECT system_metrics_ensure_month(:at)", at=at)
        connection.run("COMMIT")
        await recording
        assert connection.run("SELECT count(*) FROM metric_points_2040_05") == [[1]]


async def test_a_month_is_made_once_by_all_who_want_it(postgres: Postgres, database: str) -> None:
    def make() -> bool:
        with postgres.connect(database=database) as connection:
            ((made,),) = connection.run("SELECT system_metrics_ensure_month('2041-01-01')")
            return bool(made)

    assert sorted(await asyncio.gather(*(asyncio.to_thread(make) for _ in range(6)))) == [False] * 5 + [True]
