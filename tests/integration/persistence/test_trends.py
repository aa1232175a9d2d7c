"""Percentiles and comparisons of aggregates: near what the rows say, and from rollups and sketches alone."""

import asyncio
import json
import math
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.errors import RuleBroken
from utxoiq_persistence.metrics import folding, sketches
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.records import AggregateQuery, Earlier, Interval, NewMetric
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

MIDNIGHT = datetime(2026, 5, 11, tzinfo=UTC)  # of a Monday
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ALWAYS = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
FIGURES = ("avg_value", "min_value", "max_value", "count")
PERCENTILES = {"p50": 50, "p95": 95, "p99": 99}
MILLION = (
    "CREATE TABLE million (LIKE metric_points INCLUDING CONSTRAINTS)",
    """
    INSERT INTO million (series, "timestamp", id, metric_value)
    SELECT series, timestamptz '2025-02-03 00:00Z' + i * interval '0.25 s', gen_random_uuid(),
           (random() - 0.2) * exp(10 * random())
    FROM metric_series_ids(ARRAY['million'], ARRAY['cpu'], ARRAY['ms'], NULL) AS series,
         generate_series(0, 999999) AS i""",
    """
    ALTER TABLE metric_points ATTACH PARTITION million
    FOR VALUES FROM ('2025-02-01 00:00Z') TO ('2025-03-01 00:00Z')""",
    """
    INSERT INTO metric_rollups
    SELECT 'million', 'cpu', resolution, date_trunc(resolution, "timestamp", 'UTC'), count(*),
           sum(metric_value * 2::float8 ^ -64), min(metric_value), max(metric_value), min("timestamp"), max("timestamp")
    FROM million CROSS JOIN (VALUES ('hour'), ('day')) AS resolutions (resolution) GROUP BY 1, 2, 3, 4""",
)
EXACT = """
SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY metric_value) FROM million
GROUP BY GROUPING SETS ((date_trunc('day', "timestamp", 'UTC')), ())
ORDER BY date_trunc('day', "timestamp", 'UTC') NULLS LAST
"""


@pytest.fixture
def service() -> str:
    return f"service-{uuid4()}"


async def record(store: Store, service: str, values: dict[datetime, float]) -> None:
    await store.metrics.record_batch(
        [NewMetric(service, "cpu", value, "percent", None, at) for at, value in values.items()]
    )


async def fill(store: Store) -> int:
    def work(session: Session) -> int:
        folding.fold(session, math.inf)
        return sketches.fill(session, *ALWAYS, math.inf)

    return await store.database.work("fill", work)


async def told(
    store: Store,
    service: str,
    start: datetime,
    end: datetime,
    interval: Interval,
    compare: Earlier | None = None,
    *,
    percentiles: bool = True,
) -> Any:
    """As the database tells it, not the cache."""
    async with store.cache.changing([f"metrics:{len(service)}:{service}:cpu"]):
        pass
    query = AggregateQuery(service, "cpu", start, end, interval, "true" if percentiles else "false", compare)
    return json.loads((await store.metrics.aggregate(query)).body)


def shown(figures: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(figures[name] for name in PERCENTILES)


def near(values: Sequence[float]) -> tuple[Any, ...]:
    """Their percentiles, each give or take a hundredth of itself."""
    ranked = sorted(values)
    return tuple(
        pytest.approx(ranked[-(-len(ranked) * hundredths // 100) - 1], rel=0.01) for hundredths in PERCENTILES.values()
    )


async def test_who_asks_for_nothing_more_is_told_nothing_more(store: Store, service: str) -> None:
    await record(store, service, {MIDNIGHT: 1.0})
    answer = await told(store, service, MIDNIGHT, MIDNIGHT + DAY, "day", percentiles=False)
    assert set(answer) == {"service_name", "metric_type", "interval", "start_time", "end_time", "data"}
    assert [set(bucket) for bucket in answer["data"]] == [{"timestamp", *FIGURES}]


async def test_percentiles_of_a_million_values_are_within_two_hundredths(
    store: Store, postgres: Postgres, database: str
) -> None:
    """Of many sizes and either sign, over three days, from their sketches alone: the rows are gone."""
    with postgres.connect(database=database) as connection:
        for statement in MILLION:
            connection.run(statement)
        *days, whole = [row for (row,) in connection.run(EXACT)]
        await fill(store)
        connection.run("DROP TABLE million")
    start = datetime(2025, 2, 3, tzinfo=UTC)
    answer = await told(store, "million", start, start + 3 * DAY, "day", "previous_year")
    assert sum(bucket["count"] for bucket in answer["data"]) == 1_000_000
    assert [shown(bucket) for bucket in answer["data"]] == [pytest.approx(day, rel=0.02) for day in days]
    assert shown(answer["comparison"]["current"]) == pytest.approx(whole, rel=0.02)


@pytest.mark.parametrize("interval", ["hour", "day", "week"])
async def test_percentiles_are_near_those_of_the_rows_whatever_is_sketched(
    store: Store, service: str, interval: Interval
) -> None:
    """While more is recorded and sketched, for ranges that cut intervals anywhere."""
    chance = random.Random(12)  # noqa: S311
    lengths = {"hour": HOUR, "day": DAY, "week": 7 * DAY}
    values: dict[datetime, float] = {}
    for _ in range(6):
        new = {
            MIDNIGHT + timedelta(microseconds=chance.randrange(10 * 86_400_000_000)): chance.choice(
                [0.0, -1e300, chance.gauss(), chance.lognormvariate(0, 5)]
            )
            for _ in range(300)
        }
        values |= new
        await record(store, service, new)
        edges = [MIDNIGHT, MIDNIGHT + 10 * DAY, *chance.sample(list(values), 6)]
        edges += [edge.replace(minute=0, second=0, microsecond=0) for edge in edges]
        for _ in range(6):
            start, end = sorted(chance.sample(edges, 2))
            expected: dict[datetime, list[float]] = defaultdict(list)
            for at, value in values.items():
                if start <= at <= end:
                    expected[MIDNIGHT + (at - MIDNIGHT) // lengths[interval] * lengths[interval]].append(value)
            answer = await told(store, service, start, end, interval)
            assert {datetime.fromisoformat(bucket["timestamp"]): shown(bucket) for bucket in answer["data"]} == {
                at: near(ranked) for at, ranked in expected.items()
            }
        if chance.random() < 0.7:
            await fill(store)


@pytest.mark.parametrize("sketched", [False, True])
@pytest.mark.parametrize("value", [0.0, 5e-324, -1e-300, 1e-279, 1.7976931348623157e308, -1.7976931348623157e308])
async def test_any_value_is_its_own_percentile(store: Store, service: str, value: float, sketched: bool) -> None:
    await record(store, service, {MIDNIGHT + n * MINUTE: value for n in range(3)})
    if sketched:
        await fill(store)
    (bucket,) = (await told(store, service, MIDNIGHT, MIDNIGHT + DAY, "week"))["data"]
    assert shown(bucket) == (value, value, value)


async def test_a_sketch_is_made_once_and_again_when_something_comes_late(store: Store, service: str) -> None:
    await fill(store)
    await record(store, service, {MIDNIGHT + hour * HOUR: 1.0 for hour in range(30)})
    assert (await fill(store), await fill(store)) == (30 + 2, 0)
    await record(store, service, {MIDNIGHT + MINUTE: 1.0})
    assert (await fill(store), await fill(store)) == (1 + 1, 0)


async def test_more_hours_than_one_statement_takes_are_all_sketched(
    store: Store, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketches, "SKETCHES", 4)
    monkeypatch.setattr(sketches, "VALUES", {"hour": 5, "day": math.inf})
    await fill(store)
    for name in (service, f"{service}2"):
        await record(store, name, {MIDNIGHT + n * 5 * MINUTE: float(n) for n in range(200)})
    assert await fill(store) == 2 * (17 + 1)


async def test_hours_are_sketched_by_any_number_at_once_and_while_metrics_come(store: Store, service: str) -> None:
    """Each recording has a few more for the same hours."""
    rounds = 40
    done = asyncio.Event()

    async def keep_filling() -> None:
        while not done.is_set():
            await fill(store)

    fillers = [asyncio.create_task(keep_filling()) for _ in range(3)]
    for n in range(rounds):
        await record(store, service, {MIDNIGHT + hour * HOUR + n * MINUTE: float(n + 1) for hour in range(5)})
        (bucket,) = (await told(store, service, MIDNIGHT, MIDNIGHT + DAY, "day"))["data"]
        assert bucket["count"] == 5 * (n + 1)
        assert shown(bucket) == near([float(value + 1) for value in range(n + 1)] * 5)
    done.set()
    await asyncio.gather(*fillers)
    await fill(store)
    assert await fill(store) == 0


async def test_the_present_hour_is_left_to_its_rows(store: Store, postgres: Postgres, database: str) -> None:
    while True:
        now, service = datetime.now(UTC), f"service-{uuid4()}"
        await record(store, service, {now - 2 * HOUR: 1.0, now: 2.0})
        await store.metrics.sketch()
        if datetime.now(UTC).hour == now.hour:  # else it may have been over when it was sketched
            break
    with postgres.connect(database=database) as connection:
        counted = connection.run(
            "SELECT resolution, count(*) FROM metric_sketches WHERE service_name = :service GROUP BY 1", service=service
        )
    assert counted[0] == ["hour", 1] or counted == [["day", 1], ["hour", 1]]
    answer = await told(store, service, now - 3 * HOUR, now, "week", "previous_period")
    assert shown(answer["comparison"]["current"]) == near([1, 2])


@pytest.mark.parametrize(
    ("compare", "interval", "days", "earlier"),
    [
        ("previous_week", "hour", 1, 7),
        ("previous_week", "week", 21, 7),
        ("previous_year", "day", 3, 364),
        ("previous_period", "day", 3, 3),
        ("previous_period", "hour", 0.5, 0.5),
        ("previous_period", "hour", 0.51, 13 / 24),
        ("previous_period", "day", 1.5, 2),
        ("previous_period", "week", 10, 14),
        ("previous_period", "day", 0, 1),
    ],
)
async def test_each_interval_meets_the_one_that_lies_so_far_back(
    store: Store, service: str, compare: Earlier, interval: Interval, days: float, earlier: float
) -> None:
    start, end, shift = MIDNIGHT + HOUR, MIDNIGHT + HOUR + days * DAY, timedelta(days=earlier)
    moments = [start + n * (end - start) / 20 for n in range(21)] if days else [start]
    await record(store, service, dict.fromkeys(moments, 3.0) | {at - shift: 2.0 for at in moments})
    answer = await told(store, service, start, end, interval, compare)
    comparison = answer["comparison"]
    assert datetime.fromisoformat(comparison["start_time"]) == start - shift
    assert datetime.fromisoformat(comparison["end_time"]) == end - shift
    # Where the two overlap each holds values of both.
    if shift > end - start:
        whole = dict.fromkeys(("avg_value", "min_value", "max_value", *PERCENTILES), pytest.approx(2, rel=0.01))
        assert comparison["previous"] == {**whole, "count": len(moments)}
        assert comparison["change"] == {"absolute": 1, "percent": 50}
        for bucket in answer["data"]:
            assert bucket["previous"] == {**whole, "count": bucket["count"]}
            assert bucket["change"] == {"absolute": 1, "percent": 50}


async def test_where_there_was_nothing_before_there_is_no_change(store: Store, service: str) -> None:
    await record(store, service, {MIDNIGHT: 1.0, MIDNIGHT + DAY: 2.0})
    answer = await told(store, service, MIDNIGHT, MIDNIGHT + DAY, "day", "previous_period", percentiles=False)
    first, second = answer["data"]
    assert (first["previous"], first["change"]) == (None, None)
    assert second["change"] == {"absolute": 1, "percent": 100}
    await record(store, service, {MIDNIGHT - DAY: 0.0})
    answer = await told(store, service, MIDNIGHT, MIDNIGHT, "day", "previous_period")
    assert answer["data"][0]["change"] == {"absolute": 1, "percent": None}
    answer = await told(store, service, MIDNIGHT, MIDNIGHT + DAY, "day", "previous_year")
    assert (answer["comparison"]["previous"], answer["comparison"]["change"]) == (None, None)
    nothing = await told(store, service, MIDNIGHT + 9 * DAY, MIDNIGHT + 10 * DAY, "day", "previous_week")
    assert (nothing["data"], nothing["comparison"]["current"], nothing["comparison"]["change"]) == ([], None, None)


async def test_a_comparison_of_the_largest_numbers_is_none_that_json_cannot_hold(store: Store, service: str) -> None:
    largest = 1.7976931348623157e308
    await record(store, service, {MIDNIGHT + n * HOUR: largest for n in range(3)})
    await record(store, service, {MIDNIGHT - DAY + n * HOUR: -largest for n in range(3)})
    answer = await told(store, service, MIDNIGHT, MIDNIGHT + 23 * HOUR, "hour", "previous_period")
    assert answer["comparison"]["current"] == dict.fromkeys(
        ("avg_value", "min_value", "max_value", *PERCENTILES), largest
    ) | {"count": 3}
    assert answer["comparison"]["change"] == answer["data"][0]["change"] == {"absolute": None, "percent": None}


@pytest.mark.parametrize("compare", ["previous_period", "previous_week", "previous_year"])
async def test_before_the_first_year_there_is_nothing_to_compare_with(
    store: Store, service: str, compare: Earlier
) -> None:
    with pytest.raises(RuleBroken, match="no time so long before"):
        await told(store, service, ALWAYS[0], ALWAYS[0] + DAY, "day", compare)


async def test_weeks_are_iso_weeks_over_the_turn_of_a_year(store: Store, service: str) -> None:
    """2026 has 53 of them, the last of which is the last of its year before 2027 has begun, and after."""
    first = datetime(2026, 12, 28, tzinfo=UTC)
    await record(store, service, {first + n * DAY: float(n) for n in range(-1, 8)})
    await fill(store)
    answer = await told(store, service, first - 7 * DAY, first + 14 * DAY, "week", "previous_week")
    assert [(bucket["timestamp"][:10], bucket["count"]) for bucket in answer["data"]] == [
        ("2026-12-21", 1),
        ("2026-12-28", 7),
        ("2027-01-04", 1),
    ]
    assert [bucket["previous"] and bucket["previous"]["count"] for bucket in answer["data"]] == [None, 1, 7]
