"""Objects that are gone from the bucket, or damaged there: each is a matter of its own, and no row goes without one."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.cloud import storage
from tests.integration.retention.world import PROJECT, World, month_start

from utxoiq_persistence.archive.bucket import ArchiveBucket, ArchiveUnavailable
from utxoiq_persistence.archive.expiry import Tally
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio
ALWAYS = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


@pytest.fixture
def fill(world: World) -> Callable[[], Mapping[str, object]]:
    """Two days of each table, which have expired."""

    def fill() -> Mapping[str, object]:
        for days in (0, 1):
            world.jobs(200 + days, 3)
            world.feedback(800 + days, 5)
            world.metrics(month_start(5) + timedelta(days=days), 20)
        return {table: world.live(table) for table in ("backfill_jobs", "insight_feedback", "system_metrics")}

    return fill


def objects_of(world: World, table: str) -> list[str]:
    return sorted(name for name in world.objects() if name.startswith(f"{table}/"))


def lose(world: World, name: str) -> None:
    """As the lifecycle, or somebody with a shell, would."""
    storage.Client(project=PROJECT).bucket(world.bucket.name).delete_blob(name)


def damage(world: World, name: str) -> None:
    blob = storage.Client(project=PROJECT).bucket(world.bucket.name).blob(name)
    content = bytearray(blob.download_as_bytes())
    content[len(content) // 2] ^= 1
    blob.upload_from_string(bytes(content))


async def restored(world: World, store: Store, table: str) -> None:
    """Bring everything back, for a time that is over."""
    await world.service(store).restore(table, *ALWAYS, keep_days=1)  # type: ignore[arg-type]
    world.sql.run("UPDATE archive_objects SET keep_until = now() - interval '1 s' WHERE keep_until IS NOT NULL")


@pytest.mark.parametrize("table", ["backfill_jobs", "insight_feedback", "system_metrics"])
async def test_restored_rows_whose_object_is_gone_are_archived_anew(
    world: World, store: Store, fill: Callable[[], Mapping[str, object]], table: str
) -> None:
    written = fill()
    service = world.service(store)
    await service.run("test")
    await restored(world, store, table)
    first = objects_of(world, table)[0]
    lose(world, first)
    report = await service.run("test")
    assert report.status == "partial"
    assert f"{first} is gone from the bucket" in report.message
    assert world.everything() == written
    assert world.live(table).total() == 0
    assert world.is_tidy()
    assert (await service.run("test")).status == "success"


async def test_a_month_whose_object_is_gone_is_not_dropped_by_what_the_ledger_has(
    world: World, store: Store, fill: Callable[[], Mapping[str, object]]
) -> None:
    written = fill()
    service = world.service(store)
    await service.run("test")
    await restored(world, store, "system_metrics")
    lose(world, objects_of(world, "system_metrics")[0])
    upkeep = await service.upkeep()
    assert upkeep.dropped == []
    assert world.live("system_metrics") == written["system_metrics"]


async def test_a_detached_month_whose_object_is_gone_goes_back_to_the_table(
    world: World, store: Store, fill: Callable[[], Mapping[str, object]]
) -> None:
    """A run was killed between taking the month out of the table and dropping it."""
    written = fill()
    service = world.service(store)
    await service.run("test")
    await restored(world, store, "system_metrics")
    world.sql.run("SELECT system_metrics_detach_month(:month::date)", month=f"{month_start(5):%Y-%m-01}")
    lose(world, objects_of(world, "system_metrics")[1])
    await service.run("test")
    await service.run("test")
    assert world.everything() == written
    assert world.live("system_metrics").total() == 0
    assert world.is_tidy()


@pytest.mark.parametrize("table", ["backfill_jobs", "insight_feedback", "system_metrics"])
async def test_a_damaged_object_is_followed_by_the_runbook_s_remedy(
    world: World, store: Store, fill: Callable[[], Mapping[str, object]], table: str
) -> None:
    """docs/operations/alerts/retention-failing.md: leave it, move it away, and run again."""
    written = fill()
    service = world.service(store)
    await service.run("test")
    await restored(world, store, table)
    first = objects_of(world, table)[0]
    damage(world, first)
    failed = await service.run("test")
    tally = getattr(failed.results, {"backfill_jobs": table, "insight_feedback": "feedback"}.get(table, "metrics"))
    assert (failed.status, tally.errors) == ("failed", 1)
    assert f"the checksum of {first} is wrong" in failed.message
    # What is whole went its way, and the rows of the damaged one are where they were.
    kept = world.live(table)
    assert kept.total() > 0
    assert not kept - written[table]  # type: ignore[operator]

    bucket = storage.Client(project=PROJECT).bucket(world.bucket.name)
    bucket.rename_blob(bucket.blob(first), f"damaged/{Path(first).name}")
    await service.run("test")
    assert world.everything() == written
    assert (await service.run("test")).status == "success"
    lose(world, f"damaged/{Path(first).name}")
    assert world.is_tidy()


async def test_a_restore_leaves_out_what_is_gone_and_says_so(
    world: World, store: Store, fill: Callable[[], Mapping[str, object]]
) -> None:
    fill()
    service = world.service(store)
    await service.run("test")
    first, second = objects_of(world, "insight_feedback")
    lose(world, first)
    for _ in range(2):
        result = await service.restore("insight_feedback", *ALWAYS, keep_days=5)
        assert (result.objects, result.gone, result.damaged) == (1, [first], [])
    assert world.live("insight_feedback").total() == 5
    assert world.sql.run("SELECT state FROM archive_objects WHERE name = :name", name=first) == [["gone"]]
    damage(world, second)
    result = await service.restore("insight_feedback", *ALWAYS, keep_days=5)
    assert (result.objects, result.gone, result.damaged) == (0, [first], [second])
    assert (await service.run("test")).results.feedback == Tally()


async def test_an_object_that_was_brought_back_is_restored_as_the_one_that_it_is(
    world: World, store: Store, fill: Callable[[], Mapping[str, object]]
) -> None:
    """Another generation has the same content, as one that soft deletion gave back."""
    fill()
    service = world.service(store)
    await service.run("test")
    bucket = storage.Client(project=PROJECT).bucket(world.bucket.name)
    first = objects_of(world, "insight_feedback")[0]
    content = bucket.blob(first).download_as_bytes()
    lose(world, first)
    assert (await service.restore("insight_feedback", *ALWAYS, keep_days=5)).gone == [first]
    bucket.blob(first).upload_from_string(content)
    result = await service.restore("insight_feedback", *ALWAYS, keep_days=5)
    assert (result.objects, result.gone, result.restored) == (2, [], 5)


async def test_the_archive_is_asked_without_what_is_gone(
    world: World, store: Store, fill: Callable[[], Mapping[str, object]]
) -> None:
    fill()
    await world.service(store).run("test")
    lose(world, objects_of(world, "insight_feedback")[0])
    assert world.archived("insight_feedback").total() == 5


async def test_a_bucket_that_is_not_there_is_not_taken_for_objects_that_are_gone(
    world: World, store: Store, fill: Callable[[], Mapping[str, object]]
) -> None:
    written = fill()
    service = world.service(store)
    await service.run("test")
    await restored(world, store, "insight_feedback")
    absent = ArchiveBucket(PROJECT, "another-bucket")
    with pytest.raises(ArchiveUnavailable):
        absent.get(objects_of(world, "insight_feedback")[0])
    report = await world.service(store, absent).run("test")
    assert report.results.feedback.errors == 1
    assert (await service.run("test")).status == "success"
    assert world.everything() == written


async def test_records_of_objects_end_when_the_bucket_has_removed_them(
    world: World, store: Store, fill: Callable[[], Mapping[str, object]]
) -> None:
    fill()
    service = world.service(store)
    await service.run("test")
    assert (await service.upkeep()).forgotten == 0
    world.sql.run("UPDATE archive_objects SET archived_at = archived_at - interval '1900 days'")
    lost = objects_of(world, "insight_feedback")[0]
    lose(world, lost)
    assert (await service.upkeep()).forgotten == 1
    known = {name for (name,) in world.sql.run("SELECT name FROM archive_objects")}
    assert known == {name for name in world.objects() if not name.startswith("manifests/")}
