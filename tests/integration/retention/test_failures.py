"""What retention does when the bucket, the database or a row's owner does something else meanwhile."""

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.integration.retention.world import World, ids, month_start

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.storage import StorageServer
from utxoiq_persistence.archive.bucket import ArchiveBucket
from utxoiq_persistence.archive.expiry import Tally
from utxoiq_persistence.archive.retention import RetentionReport
from utxoiq_persistence.records import Rating
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio


class Interrupting:
    """An archive that lets something happen before each object is read back."""

    def __init__(self, archive: ArchiveBucket, meanwhile: Callable[[str], None]) -> None:
        self._archive = archive
        self._meanwhile = meanwhile

    def put(self, name: str, day: date, content: bytes, content_type: str) -> int:
        return self._archive.put(name, day, content, content_type)

    def get(self, name: str) -> bytes:
        self._meanwhile(name)
        return self._archive.get(name)

    def has(self, name: str) -> bool:
        return self._archive.has(name)

    def withdraw(self, name: str) -> None:
        self._archive.withdraw(name)


def interrupted(world: World, meanwhile: Callable[[str], None]) -> Any:
    return Interrupting(world.archive, meanwhile)


async def test_an_upload_that_was_corrupted_costs_no_row(
    world: World, store: Store, bucket_server: StorageServer
) -> None:
    world.feedback(800, 5)
    world.jobs(200, 2)
    before = world.live("insight_feedback")

    def corrupt(name: str) -> None:
        if name.startswith("insight_feedback"):
            stored = Path(bucket_server.folder, world.bucket.name, name)
            content = bytearray(stored.read_bytes())
            content[len(content) // 2] ^= 1
            stored.write_bytes(content)

    report = await world.service(store, interrupted(world, corrupt)).run("test")
    assert report.status == "failed"
    assert report.results.feedback.errors == 1
    assert report.results.backfill_jobs == Tally(2, 2)
    assert world.live("insight_feedback") == before
    assert (await world.service(store).run("test")).results.feedback == Tally(5, 5)
    assert world.archived("insight_feedback") == before
    assert world.is_tidy()


async def test_an_object_that_vanished_before_its_rows_went_is_noticed(world: World, store: Store) -> None:
    world.feedback(800, 5)
    before = world.live("insight_feedback")
    report = await world.service(store, interrupted(world, world.lose)).run("test")
    assert report.results.feedback.errors == 1
    assert world.live("insight_feedback") == before


async def test_a_bucket_that_is_away_costs_no_row(world: World, store: Store, tmp_path: Path) -> None:
    world.feedback(800, 5)
    world.metrics(month_start(5), 5)
    before = world.everything()
    with pytest.MonkeyPatch.context() as environment, StorageServer(tmp_path / "buckets") as other:
        environment.setenv("STORAGE_EMULATOR_HOST", other.url)
        away = world.archive
    with pytest.MonkeyPatch.context() as impatient:
        impatient.setattr("utxoiq_persistence.archive.bucket.PATIENCE_SECONDS", 0.2)
        report = await world.service(store, away).run("test")
    assert (report.status, report.results.feedback.errors, report.results.metrics.errors) == ("failed", 1, 1)
    assert world.everything() == before
    assert (await world.service(store).run("test")).status == "success"
    assert world.everything() == before
    assert world.is_tidy()


async def test_the_database_restarting_costs_no_row(world: World, store: Store, postgres: Postgres) -> None:
    world.feedback(800, 5)
    world.metrics(month_start(5), 5)
    before = world.everything()
    restarts: list[str] = []

    def disconnect(name: str) -> None:
        if len(restarts) < 2:
            restarts.append(name)
            with postgres.connect() as connection:
                connection.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> :own",
                    name=world.settings.database.name,
                    own=world.sql.run("SELECT pg_backend_pid()")[0][0],
                )

    report = await world.service(store, interrupted(world, disconnect)).run("test")
    assert len(restarts) == 2
    assert report.status == "success"
    assert world.everything() == before
    assert world.is_tidy()


async def test_a_rating_changed_after_its_export_stays_and_leaves_the_archive(world: World, store: Store) -> None:
    world.feedback(800, 5)
    ((user_id,),) = world.sql.run("SELECT user_id FROM insight_feedback WHERE insight_id = 'insight-3'")
    before = ids(world.live("insight_feedback"))
    done: list[str] = []

    def rate(name: str) -> None:
        if not done:
            done.append(name)
            rating = store.feedback.rate(Rating("insight-3", 1), user_id)
            asyncio.run_coroutine_threadsafe(rating, loop).result()

    loop = asyncio.get_running_loop()
    report = await world.service(store, interrupted(world, rate)).run("test")
    assert (report.results.feedback.archived, report.results.feedback.deleted) == (5, 4)
    assert ids(world.live("insight_feedback")).total() == 1
    assert ids(world.live("insight_feedback")) + ids(world.archived("insight_feedback")) == before
    assert world.is_tidy()


async def test_metrics_that_come_for_a_month_while_it_is_archived_are_not_lost(world: World, store: Store) -> None:
    world.metrics(month_start(5), 5)
    late: list[str] = []

    def record(name: str) -> None:
        if not late:
            late.append(name)
            world.metrics(month_start(5), 3)

    await world.service(store, interrupted(world, record)).run("test")
    await world.service(store).run("test")
    everything = ids(world.live("system_metrics") + world.archived("system_metrics"))
    assert (everything.total(), max(everything.values())) == (8, 1)
    assert world.is_tidy()


async def test_of_two_runs_at_once_the_second_says_that_one_is_under_way(world: World, store: Store) -> None:
    world.feedback(800, 5)
    before = world.everything()
    loop = asyncio.get_running_loop()
    seconds: list[RetentionReport] = []

    def second(name: str) -> None:
        if not seconds:
            seconds.append(asyncio.run_coroutine_threadsafe(world.service(store).run("second"), loop).result())

    first = await world.service(store, interrupted(world, second)).run("first")
    assert first.results.feedback == Tally(5, 5)
    assert seconds[0].results.feedback.details == ["another run is at work on insight_feedback"]
    assert seconds[0].status == "partial"
    assert world.everything() == before


async def test_many_runs_at_once_neither_lose_nor_double(world: World, store: Store) -> None:
    world.jobs(200, 5)
    world.feedback(800, 20)
    world.metrics(month_start(5), 20)
    before = world.everything()
    reports = await asyncio.gather(*(world.service(store).run("test") for _ in range(6)))
    assert sum(report.results.metrics.deleted for report in reports) == 20
    assert all(report.status != "failed" for report in reports)
    assert world.everything() == before
    assert world.is_tidy()


async def test_one_table_s_failure_does_not_stop_the_others(world: World, store: Store) -> None:
    world.jobs(200, 2)
    world.feedback(800, 3)
    world.sql.run("ALTER TABLE backfill_jobs ADD COLUMN surprise text NOT NULL DEFAULT ''")
    world.sql.run("ALTER TABLE backfill_jobs DROP COLUMN error_message")
    report = await world.service(store).run("test")
    assert report.results.backfill_jobs.errors == 1
    assert report.results.feedback == Tally(3, 3)
    assert report.status == "failed"
