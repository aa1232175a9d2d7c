"""What a run of retention takes, what it leaves, and what it says of that."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.integration.retention.world import World, ago, month_start

from utxoiq_persistence.archive.expiry import Tally
from utxoiq_persistence.errors import NotFound
from utxoiq_persistence.records import AggregateQuery, CommentsQuery, NewMetric
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio


async def test_expired_rows_move_to_the_archive_and_are_the_same_there(world: World, store: Store) -> None:
    world.jobs(200, 5)
    world.feedback(800, 30)
    world.metrics(month_start(5, 3), 40)
    before = world.everything()
    report = await world.service(store).run("test")
    assert report.status == "success"
    assert (report.results.backfill_jobs, report.results.feedback) == (Tally(5, 5), Tally(30, 30))
    assert report.results.metrics == Tally(40, 40)
    assert [sum(world.live(table).values()) for table in before] == [0, 0, 0]
    assert world.everything() == before
    assert world.is_tidy()


async def test_what_has_not_expired_stays(world: World, store: Store) -> None:
    world.jobs(170, 2)
    world.jobs(900, 2, status="running")
    world.jobs(900, 2, status="paused")
    world.feedback(700, 3)
    world.metrics(ago(80), 4)
    before = {table: world.live(table) for table in world.everything()}
    report = await world.service(store).run("test")
    assert report.message == "0 rows archived, 0 rows deleted"
    assert {table: world.live(table) for table in before} == before


async def test_a_failed_job_expires_too(world: World, store: Store) -> None:
    world.jobs(200, 3, status="failed")
    assert (await world.service(store).run("test")).results.backfill_jobs == Tally(3, 3)


async def test_periods_are_the_environment_s(world: World, store: Store) -> None:
    world.jobs(20, 1)
    world.feedback(20, 1)
    service = world.service(store, backfill_days=10, feedback_days=10)
    report = await service.run("test")
    assert (report.results.backfill_jobs, report.results.feedback) == (Tally(1, 1), Tally(1, 1))


async def test_a_dry_run_only_says_what_would_go(world: World, store: Store) -> None:
    world.jobs(200, 2)
    world.feedback(800, 3)
    world.metrics(month_start(5), 4)
    world.metrics(month_start(30), 5, month=False)
    report = await world.service(store).run("test", dry_run=True)
    assert report.message == "dry run: 14 rows would be archived and deleted"
    assert world.objects() == []
    assert sum(world.live("system_metrics").values()) == 9


async def test_a_metric_s_month_is_dropped_as_a_whole_and_another_one_is_not_touched(
    world: World, store: Store
) -> None:
    world.metrics(month_start(5), 10)
    world.metrics(month_start(1), 10)
    await world.service(store).run("test")
    ((gone, there),) = world.sql.run(
        "SELECT to_regclass(:gone) IS NULL, to_regclass(:there) IS NOT NULL",
        gone=f"metric_points_{month_start(5):%Y_%m}",
        there=f"metric_points_{month_start(1):%Y_%m}",
    )
    assert (gone, there) == (True, True)
    assert sum(world.live("system_metrics").values()) == 10


async def test_strays_of_months_long_gone_are_archived_under_their_days(world: World, store: Store) -> None:
    world.metrics(month_start(60, 7), 6, month=False)
    before = world.everything()
    report = await world.service(store).run("test")
    assert report.results.metrics == Tally(6, 6)
    assert world.everything() == before
    at = month_start(60, 7)
    assert any(name.startswith(f"system_metrics/year={at:%Y}/month={at:%m}/day=07/") for name in world.objects())


async def test_a_stray_of_the_first_day_that_there_is_can_be_archived(world: World, store: Store) -> None:
    world.metrics(datetime(1, 1, 1, tzinfo=UTC), 2, month=False)
    assert (await world.service(store).run("test")).results.metrics == Tally(2, 2)


async def test_a_late_metric_of_a_dropped_month_is_archived_by_the_next_run(world: World, store: Store) -> None:
    world.metrics(month_start(5), 10)
    await world.service(store).run("test")
    world.metrics(month_start(5) + timedelta(minutes=10), 3, month=False)
    before = world.everything()
    assert (await world.service(store).run("test")).results.metrics == Tally(3, 3)
    assert world.everything() == before
    assert sum(before["system_metrics"].values()) == 13


async def test_a_day_larger_than_a_part_is_archived_in_several(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utxoiq_persistence.archive.exports.PART_ROWS", 7)
    monkeypatch.setattr("utxoiq_persistence.archive.exports.PART_BYTES", 300)
    world.feedback(800, 40)
    world.metrics(month_start(5), 40)
    before = world.everything()
    assert (await world.service(store).run("test")).status == "success"
    assert world.everything() == before
    assert world.is_tidy()


async def test_a_run_without_time_is_continued_by_the_next(world: World, store: Store) -> None:
    for age in (800, 801, 802):
        world.feedback(age, 5)
    before = world.everything()
    report = await world.service(store, budget=0).run("test")
    assert report.status == "partial"
    assert report.results.feedback.details == ["the time was up; the next run continues"]
    assert (await world.service(store).run("test")).status == "success"
    assert world.everything() == before
    assert world.is_tidy()


async def test_statistics_of_an_insight_do_not_change_when_its_feedback_is_archived(world: World, store: Store) -> None:
    world.feedback(800, 50)
    before = world.stats()
    await world.service(store).run("test")
    assert sum(world.live("insight_feedback").values()) == 0
    assert world.stats() == before


async def test_the_total_of_comments_counts_those_that_can_be_read(world: World, store: Store) -> None:
    world.feedback(800, 50)
    world.feedback(10, 50)
    await world.service(store).run("test")
    page = await store.feedback.comments(CommentsQuery("insight-2", limit=100))
    assert page.body.count(b'"comment"') == 5
    assert b'"total" : 5' in page.body


async def test_aggregates_over_the_archived_range_still_answer(world: World, store: Store) -> None:
    at = month_start(5, 10)
    world.sql.run("SELECT system_metrics_ensure_month(:at)", at=at)
    moments = [at + timedelta(minutes=30), at + timedelta(hours=7)]
    await store.metrics.record_batch([NewMetric("api", "latency", 10.0, "ms", None, moment) for moment in moments])
    query = AggregateQuery("api", "latency", at, at + timedelta(days=1), "day")
    before = await store.metrics.aggregate(query)
    assert b'"count":2' in before.body.replace(b" ", b"")
    await world.service(store).run("test")
    async with store.cache.changing(["metrics:3:api:latency"]):
        pass
    assert (await store.metrics.aggregate(query)).body == before.body


async def test_a_job_that_was_archived_is_not_found_any_more(world: World, store: Store) -> None:
    world.jobs(200, 1)
    ((job_id,),) = world.sql.run("SELECT id FROM backfill_jobs")
    await store.jobs.get(UUID(str(job_id)))
    await world.service(store).run("test")
    with pytest.raises(NotFound):
        await store.jobs.get(UUID(str(job_id)))


async def test_each_run_is_on_record(world: World, store: Store) -> None:
    world.jobs(200, 2)
    await world.service(store).run("operator:root@example.org")
    ((caller, status, archived),) = world.sql.run(
        "SELECT caller, status, results -> 'backfill_jobs' ->> 'archived' FROM retention_runs"
    )
    assert (caller, status, archived) == ("operator:root@example.org", "success", "2")
