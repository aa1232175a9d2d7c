"""Aggregates count every metric once, at every moment: while metrics come late, are folded, leave and come back."""

import asyncio
import json
import math
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pg8000.exceptions import DatabaseError
from tests.integration.retention.world import World, month_start

from utxoiq_persistence.errors import TooManySeries
from utxoiq_persistence.metrics import folding, slices, trends
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import AggregateQuery, Interval, NewMetric
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)
ALWAYS = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
UNITS = ("ms", "s")
FOLD = load("metric_rollups")
VIEW = """
INSERT INTO system_metrics (id, service_name, metric_type, metric_value, unit, "timestamp")
VALUES (:id, 'api', 'latency', :value, :unit, :at)
"""
EMPTY = """
TRUNCATE metric_points, metric_deltas, metric_rollups, metric_sketches, metric_slices, archive_objects;
UPDATE metric_watermark SET folded = '{at}', closing = '{at}'
"""
# Hours from the watermark of the beginning, which is eight hours ago, most of them near it; of a month, and of strays.
PLACES = st.one_of(
    *[st.integers(0, 2).map(lambda hours: ("recent", hours))] * 4,
    st.integers(-30, 9).map(lambda hours: ("recent", hours)),
    st.integers(0, 30).map(lambda hours: ("month", hours)),
    st.integers(0, 30).map(lambda hours: ("stray", hours)),
)
WRITES = st.lists(
    st.tuples(PLACES, st.integers(0, 3599), st.integers(-50, 1000), st.sampled_from(UNITS)), min_size=1, max_size=6
)
DENSE = [(("recent", 1), second, 1, "ms") for second in range(0, 3600, 100)]
# A fold that is killed after its first transaction is what most can go wrong after.
SIMPLE = ("close", "close", "close", "fold", "fold", "killed", "sketch", "retention", "forget")
STEPS = st.lists(
    st.one_of(
        *[st.tuples(st.just("record"), WRITES)] * 3,
        st.tuples(st.just("insert"), WRITES),
        *[st.sampled_from(SIMPLE).map(lambda name: (name, None))] * 4,
        st.tuples(st.just("restore"), st.integers(0, 60)),
    ),
    min_size=4,
    max_size=14,
)


@pytest.fixture(autouse=True)
def _every_hour_has_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "MANY", 1)


class History:
    """Plays steps, and knows all values that were ever recorded."""

    def __init__(self, world: World, store: Store) -> None:
        self.world, self.store = world, store
        self.values: list[tuple[datetime, float]] = []
        begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 8 * HOUR
        self.bases = {"recent": begin, "month": month_start(5, 10), "stray": month_start(40, 10)}
        world.sql.run(EMPTY.format(at=begin.isoformat()))
        world.sql.run("SELECT system_metrics_ensure_month(:at)", at=self.bases["month"])

    async def take(self, step: tuple[str, Any]) -> None:
        name, order = step
        steps: dict[str, Callable[[Any], Awaitable[None]]] = {
            "record": self._record,
            "insert": self._insert,
            "close": self._close,
            "fold": self._fold,
            "killed": self._killed,
            "sketch": self._sketch,
            "retention": self._retention,
            "restore": self._restore,
            "forget": self._forget,
        }
        await steps[name](order)

    def _metrics(self, order: Sequence[Any]) -> list[NewMetric]:
        return [
            NewMetric("api", "latency", float(value), unit, None, at)
            for (base, hours), second, value, unit in order
            for at in [self.bases[base] + hours * HOUR + timedelta(seconds=second)]
        ]

    def _recorded(self, metrics: Sequence[NewMetric]) -> None:
        self.values += [(metric.timestamp, metric.metric_value) for metric in metrics if metric.timestamp]

    async def _record(self, order: Sequence[Any]) -> None:
        metrics = self._metrics(order)
        await self.store.metrics.record_batch(metrics)
        self._recorded(metrics)

    async def _insert(self, order: Sequence[Any]) -> None:
        """As the release before does, and SQL users."""
        for metric in (metrics := self._metrics(order)):
            self.world.sql.run(
                VIEW, id=uuid4(), value=metric.metric_value, unit=metric.unit, at=metric.timestamp
            )  # fmt: skip
        self._recorded(metrics)

    async def _close(self, _: None) -> None:
        """A fold that is killed between its two transactions."""
        await self.store.database.fetch(FOLD["close_hour"])

    async def _fold(self, _: None) -> None:
        await self.store.database.work("fold", lambda session: folding.fold(session, 0))

    async def _killed(self, _: None) -> None:
        """In the middle of its second one."""
        self.world.sql.run("BEGIN")
        self.world.sql.run("SELECT metric_points_fold()")
        self.world.sql.run("ROLLBACK")

    async def _sketch(self, _: None) -> None:
        await self.store.metrics.sketch()

    async def _retention(self, _: None) -> None:
        assert (await self.world.service(self.store).run("test")).status == "success"

    async def _restore(self, hours: int) -> None:
        for base in ("month", "stray"):
            start = self.bases[base] + (hours - 30) * HOUR
            await self.world.service(self.store).restore("system_metrics", start, start + 30 * HOUR, keep_days=30)

    async def _forget(self, _: None) -> None:
        self.world.sql.run(
            "UPDATE archive_objects SET keep_until = now() - interval '1 s' WHERE keep_until IS NOT NULL"
        )

    async def check(self, start: datetime, end: datetime, interval: Interval) -> None:
        """Compare an aggregate with a recount, and percentiles where they are told."""
        query = AggregateQuery("api", "latency", start, end, interval, percentiles="true")
        answer = json.loads((await trends.aggregate(self.store.database, query)).body)
        expected: dict[datetime, list[float]] = defaultdict(list)
        for at, value in self.values:
            if start <= at <= end:
                hour = at.replace(minute=0, second=0, microsecond=0)
                expected[hour if interval == "hour" else hour.replace(hour=0)].append(value)
        counted = {datetime.fromisoformat(bucket["timestamp"]): bucket for bucket in answer["data"]}
        assert {at: bucket["count"] for at, bucket in counted.items()} == {
            at: len(all_) for at, all_ in expected.items()
        }
        for at, bucket in counted.items():
            values = sorted(expected[at])
            assert (bucket["min_value"], bucket["max_value"]) == (values[0], values[-1])
            assert bucket["avg_value"] == pytest.approx(math.fsum(values) / len(values))
            assert bucket["p50"] in (None, pytest.approx(values[-(-len(values) // 2) - 1], rel=0.01))


# The same histories each time: a change that has nothing to do with it is not to fail by chance.
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS, late=WRITES, cut=st.tuples(st.integers(-9000, 9000), st.integers(0, 9000)))
async def test_aggregates_are_a_recount_after_every_step(
    world: World, store: Store, steps: list[tuple[str, Any]], late: list[Any], cut: tuple[int, int]
) -> None:
    history = History(world, store)
    # Within the hour that most comes for: a range, and what comes late for the middle of it.
    first, seconds = cut[0] % 1800, cut[1] % 1800
    late = [*late, (("recent", 1), first + seconds // 2, 1, "ms")]
    for step in [*steps, ("record", DENSE), ("fold", None), ("sketch", None), ("record", late), ("fold", None)]:
        await history.take(step)
        for interval in ("hour", "day"):
            await history.check(*ALWAYS, interval)
        # Within what never leaves, a range may begin and end anywhere.
        start = history.bases["recent"] + cut[0] * timedelta(seconds=11)
        await history.check(start, start + cut[1] * timedelta(seconds=11), "day")
        start = history.bases["recent"] + HOUR + timedelta(seconds=first)
        await history.check(start, start + timedelta(seconds=seconds), "day")


@pytest.fixture
def history(world: World, store: Store) -> History:
    return History(world, store)


async def test_an_hour_is_not_closed_over_a_writer_that_is_on_its_way(
    world: World, store: Store, history: History
) -> None:
    """It wrote before the hour was closed, and commits after somebody wanted to close it."""
    with world.postgres.connect(database=world.settings.database.name) as writer:
        writer.run("BEGIN")
        at = history.bases["recent"] + HOUR / 2
        writer.run(VIEW, id=uuid4(), value=1.0, unit="ms", at=at)
        closing = asyncio.create_task(history.take(("fold", None)))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'metric_points'::regclass"
        while await asyncio.to_thread(world.sql.run, waiting) == [[0]]:
            continue
        writer.run("COMMIT")
    history.values.append((at, 1.0))
    await closing
    await history.check(*ALWAYS, "hour")
    assert world.sql.run("SELECT folded - :begin FROM metric_watermark", begin=history.bases["recent"]) == [[HOUR]]


async def test_a_late_writer_that_is_on_its_way_while_its_hour_is_folded_is_counted(
    world: World, history: History
) -> None:
    at = history.bases["recent"] + HOUR / 2
    await history.take(("record", [(("recent", 0), 0, 5, "ms")]))
    await history.take(("close", None))
    with world.postgres.connect(database=world.settings.database.name) as writer:
        writer.run("BEGIN")
        writer.run(VIEW, id=uuid4(), value=1.0, unit="ms", at=at)
        await history.take(("fold", None))
        await history.check(*ALWAYS, "hour")
        writer.run("COMMIT")
    history.values.append((at, 1.0))
    await history.check(*ALWAYS, "hour")
    await history.take(("fold", None))
    await history.check(*ALWAYS, "day")


async def test_who_holds_the_points_for_long_holds_the_fold_and_no_reader_or_writer_for_long(
    world: World, store: Store, history: History
) -> None:
    at = history.bases["recent"] + HOUR / 2
    await history.take(("record", [(("recent", 1), 0, 5, "ms")]))
    with world.postgres.connect(database=world.settings.database.name) as writer:
        writer.run("BEGIN")
        writer.run(VIEW, id=uuid4(), value=1.0, unit="ms", at=at)
        writer.run(VIEW, id=uuid4(), value=2.0, unit="new", at=at)
        await history.take(("fold", None))  # gives up after a second
        assert world.sql.run("SELECT folded FROM metric_watermark") == [[history.bases["recent"]]]
        await history.take(("record", [(("recent", 0), 0, 5, "ms"), (("recent", 0), 0, 5, "s")]))
        await history.check(*ALWAYS, "hour")
        writer.run("COMMIT")
    history.values += [(at, 1.0), (at, 2.0)]
    await history.take(("fold", None))
    await history.check(*ALWAYS, "hour")


async def test_two_writers_and_a_fold_at_once(world: World, store: Store, history: History) -> None:
    """What a reader sees at any moment is all that was answered before it asked, and nothing twice."""
    chance = random.Random(5)  # noqa: S311
    sent: list[float] = []
    answered: list[float] = []
    query = AggregateQuery("api", "latency", *ALWAYS, "day")

    async def write() -> None:
        for _ in range(60):
            metrics = history._metrics(
                [(("recent", chance.randrange(-20, 9)), chance.randrange(3600), 1, "ms") for _ in range(5)]
            )
            sent.extend([1.0] * 5)
            await store.metrics.record_batch(metrics)
            answered.extend([1.0] * 5)

    async def fold() -> None:
        while len(answered) < 600:
            await history.take(("fold", None))

    async def read() -> None:
        while len(answered) < 600:
            before = len(answered)
            answer = json.loads((await trends.aggregate(store.database, query)).body)
            assert before <= sum(bucket["count"] for bucket in answer["data"]) <= len(sent)

    await asyncio.gather(write(), write(), fold(), read(), read())
    answer = json.loads((await trends.aggregate(store.database, query)).body)
    assert sum(bucket["count"] for bucket in answer["data"]) == 600


async def test_metrics_are_recorded_by_the_newest_snapshot_only(world: World, history: History) -> None:
    """One that is older than the watermark would not know that a point is late."""
    world.sql.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
    with pytest.raises(DatabaseError, match="READ COMMITTED"):
        world.sql.run(VIEW, id=uuid4(), value=1.0, unit="ms", at=history.bases["recent"])
    world.sql.run("ROLLBACK")


async def test_two_writers_of_a_new_series_have_the_same(world: World, store: Store, history: History) -> None:
    async with Store.opened(world.settings) as other:
        order = [(("recent", 0), 0, 1, "ms"), (("recent", 0), 1, 1, "s")]
        metrics = history._metrics(order)
        await asyncio.gather(*(one.metrics.record_batch(metrics) for one in (store, other) for _ in range(4)))
    assert world.sql.run("SELECT unit FROM metric_series ORDER BY 1") == [["ms"], ["s"]]
    assert world.sql.run("SELECT count(*) FROM system_metrics") == [[16]]


async def test_a_new_series_costs_a_statement_once(store: Store, history: History) -> None:
    for second in range(5):
        await history.take(("record", [(("recent", 0), second, 1, "ms")]))
    # A connection that was opened meanwhile may have led elsewhere.
    assert store.database.queries["find_series"].durations.count <= store.database.opened


async def test_there_are_no_more_series_than_configured(world: World, history: History) -> None:
    async with Store.opened(replace(world.settings, max_series=2)) as store:
        known, new = (
            history._metrics([(("recent", 0), 0, 1, "ms"), (("recent", 0), 0, 1, "s")]),
            NewMetric("api", "new", 1.0, ""),
        )
        await store.metrics.record_batch(known)
        with pytest.raises(TooManySeries, match="no more than 2; put what varies in metric_metadata") as refused:
            await store.metrics.record_batch([known[0], new, known[1], new])
        assert refused.value.fields == ["[1].metric_type", "[3].metric_type"]
        with pytest.raises(TooManySeries) as refused:
            await store.metrics.record(new)
        assert refused.value.fields == ["metric_type"]
        await store.metrics.record_batch(known)
    assert world.sql.run("SELECT count(*) FROM metric_series") == [[2]]
    assert world.sql.run("SELECT count(*) FROM system_metrics") == [[4]]


def test_who_owns_the_rollups_folds_them_whatever_it_is_called(world: World) -> None:
    """The owner is whoever migrates: a service account, whose name is quoted in SQL."""
    sql = world.sql
    owner = '"migrate@project.iam"'
    sql.run(f"DO $$ BEGIN CREATE ROLE {owner} SUPERUSER; EXCEPTION WHEN duplicate_object THEN END $$")
    sql.run(f"ALTER TABLE metric_rollups OWNER TO {owner}")
    sql.run(f"ALTER FUNCTION metric_points_fold() OWNER TO {owner}")
    try:
        world.metrics(month_start(5, 4), 5)
        world.fold()
        assert sql.run("SELECT sum(value_count) FROM metric_rollups WHERE resolution = 'hour'") == [[5]]
    finally:
        sql.run(f"REASSIGN OWNED BY {owner} TO postgres")
        sql.run(f"DROP ROLE {owner}")
