"""Archived rows come back, as often as asked, and retention leaves them for as long as was said."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.retention.world import World, ago, month_start

from utxoiq_persistence.archive.expiry import Tally
from utxoiq_persistence.errors import RuleBroken
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio
ALWAYS = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("table", ["backfill_jobs", "insight_feedback", "system_metrics"])
async def test_what_is_restored_is_what_was_there_once_and_twice(world: World, store: Store, table: str) -> None:
    world.jobs(200, 5)
    world.feedback(800, 20)
    world.metrics(month_start(5), 30)
    written, stats = world.live(table), world.stats()
    service = world.service(store)
    await service.run("test")
    first = await service.restore(table, *ALWAYS, keep_days=30)  # type: ignore[arg-type]
    second = await service.restore(table, *ALWAYS, keep_days=30)  # type: ignore[arg-type]
    assert (first.restored, second.restored) == (written.total(), 0)
    assert world.live(table) == written
    assert world.stats() == stats


async def test_only_the_range_is_restored(world: World, store: Store) -> None:
    world.metrics(month_start(5), 100)
    service = world.service(store)
    await service.run("test")
    start = month_start(5) + timedelta(minutes=2)
    await service.restore("system_metrics", start, start + timedelta(minutes=1), keep_days=30)
    ((count, first, last),) = world.sql.run('SELECT count(*), min("timestamp"), max("timestamp") FROM system_metrics')
    assert count == 9
    assert start <= first <= last < start + timedelta(minutes=1)


async def test_restored_rows_stay_until_their_time_is_up_and_then_go_without_a_double(
    world: World, store: Store
) -> None:
    world.feedback(800, 10)
    world.metrics(month_start(5), 50)
    written = world.everything()
    service = world.service(store)
    await service.run("test")
    start = month_start(5) + timedelta(minutes=2)
    await service.restore("system_metrics", start, start + timedelta(minutes=1), keep_days=30)
    await service.restore("insight_feedback", *ALWAYS, keep_days=30)
    world.metrics(month_start(5) + timedelta(hours=3), 4)
    kept = await service.run("test")
    assert (kept.results.feedback, kept.results.metrics) == (Tally(), Tally())
    assert world.live("insight_feedback").total() == 10

    world.sql.run("UPDATE archive_objects SET keep_until = now() - interval '1 s' WHERE keep_until IS NOT NULL")
    gone = await service.run("test")
    assert (gone.results.feedback, gone.results.metrics) == (Tally(0, 10), Tally(4, 13))
    assert world.archived("insight_feedback") == written["insight_feedback"]
    metrics = world.archived("system_metrics")
    assert (metrics.total(), max(metrics.values())) == (54, 1)
    assert world.live("system_metrics").total() == 0
    assert world.is_tidy()


async def test_feedback_given_anew_is_not_overwritten_by_a_restore(world: World, store: Store) -> None:
    world.feedback(800, 4)
    ((insight_id, user_id),) = world.sql.run("SELECT insight_id, user_id FROM insight_feedback LIMIT 1")
    service = world.service(store)
    await service.run("test")
    world.sql.run(
        "INSERT INTO insight_feedback (id, insight_id, user_id, rating)"
        " VALUES (gen_random_uuid(), :insight, :user_id, 1)",
        insight=insight_id,
        user_id=user_id,
    )
    assert (await service.restore("insight_feedback", *ALWAYS, keep_days=30)).restored == 3


async def test_a_range_that_ends_before_it_starts_is_refused(world: World, store: Store) -> None:
    with pytest.raises(RuleBroken):
        await world.service(store).restore("system_metrics", ago(1), ago(2), keep_days=30)
