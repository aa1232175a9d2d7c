"""The archive holds what tells of a person encrypted by a key of that person alone, and nothing of who is erased."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from google.cloud import storage
from pyarrow import parquet as pq
from tests.integration.retention.test_columns import keep, rows_of
from tests.integration.retention.test_failures import interrupted
from tests.integration.retention.test_restoring import ALWAYS
from tests.integration.retention.world import PROJECT, World

from commands.archive import query
from local_cloud.processes.storage import StorageServer
from utxoiq_persistence.archive import archiving, expunging
from utxoiq_persistence.archive.bucket import ArchiveBucket, ArchiveUnavailable
from utxoiq_persistence.archive.expunging import Expunged, ExpungingSettings
from utxoiq_persistence.feedback import Feedback
from utxoiq_persistence.privacy import erasure, exports
from utxoiq_persistence.privacy.exports import Exports
from utxoiq_persistence.records import Clearing, Comment, Rating
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio
USERS = "SELECT user_id FROM insight_feedback ORDER BY user_id"
ERASE = "SELECT * FROM person_erase(:user_id, 'operator:o@example.org', NULL, NULL, NULL)"


def users(world: World) -> list[str]:
    return [user_id for (user_id,) in world.sql.run(USERS)]


def stored(world: World, server: StorageServer) -> bytes:
    """Every byte of the bucket, and every value of its Parquet objects, which are compressed."""
    found = b""
    for path in sorted((server.folder / world.bucket.name).rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found += content
            if content.startswith(b"PAR1"):
                found += repr(pq.read_table(pa.BufferReader(content)).to_pylist()).encode()
    return found


def count(world: World, table: str) -> int:
    ((rows,),) = world.sql.run(f"SELECT count(*) FROM {table}")  # noqa: S608
    return int(rows)


def expunge(world: World) -> Expunged:
    """What the keeper does with objects, as if their week were over."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(expunging, "WITHDRAWN_FOR", -timedelta(days=1))
        return expunging.expunge(ExpungingSettings(PROJECT, world.bucket.name))


async def everything_of(store: Store, world: World, user_id: str) -> dict[str, list[Any]]:
    """All pages of an export together."""
    exporting = Exports(store.database, lambda: world.archive)
    found: dict[str, list[Any]] = {stage: [] for stage in exports.STAGES}
    cursor = None
    while True:
        page = await exporting.export(user_id, cursor)
        body = json.loads(page.body)
        for stage in exports.STAGES:
            found[stage] += body[stage]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_objects_name_no_person_and_show_no_text(
    world: World, store: Store, bucket_server: StorageServer
) -> None:
    world.feedback(800, 6)
    world.sql.run("UPDATE insight_feedback SET flag_reason = 'a reason'")
    written = world.live("insight_feedback")
    before = users(world)
    await world.service(store).run("test")
    content = stored(world, bucket_server)
    assert b"insight-1" in content
    for secret in [*before, "Says", "a reason"]:
        assert secret.encode() not in content
    assert world.archived("insight_feedback") == written
    # Who has no keys sees what is nobody's, and that there are persons.
    answer = query.run(
        world.bucket, "SELECT count(DISTINCT person), count(rating), count(user_id) FROM insight_feedback"
    )
    assert answer is not None
    assert query.rows(answer) == [(6, 6, 0)]


async def test_whom_the_database_forgets_no_archive_remembers(
    world: World, store: Store, bucket_server: StorageServer
) -> None:
    world.feedback(800, 5)
    world.sql.run(
        "INSERT INTO audit_log (actor, action, subject, address, request_id)"
        " SELECT 'user:' || user_id, 'feedback.rate', insight_id, '203.0.113.7', 'r' FROM insight_feedback"
    )
    erased, *others = users(world)
    stats = world.stats()
    service = world.service(store)
    await service.run("test")
    assert len((await everything_of(store, world, erased))["archived"]) == 1

    done = await erasure.erase(store.database, store.feedback, erased)
    assert done == erasure.Erased(feedback=0, audit_entries=1, archived_days=1, objects_in_clear=0)
    assert await everything_of(store, world, erased) == {"feedback": [], "archived": [], "audit": []}
    restored = await service.restore("insight_feedback", *ALWAYS, keep_days=30)
    assert restored.restored == 4
    assert users(world) == others
    # What others read of the insights counts on.
    assert world.stats() == stats
    assert await erasure.erase(store.database, store.feedback, erased) == erasure.Erased(0, 0, 0, 0)
    # What was restored goes again, and the object with it that nobody can read.
    world.sql.run("UPDATE archive_objects SET keep_until = now() - interval '1 s'")
    assert (await service.run("test")).status == "success"
    assert world.archived("insight_feedback").total() == 5


async def test_an_erasure_while_rows_are_archived_leaves_no_key_and_no_row(world: World, store: Store) -> None:
    world.feedback(800, 4)
    erased, *others = users(world)

    def erase(name: str) -> None:
        if name.startswith("insight_feedback"):
            world.sql.run(ERASE, user_id=erased)

    report = await world.service(store, interrupted(world, erase)).run("test")
    assert (report.status, report.results.feedback.deleted) == ("success", 3)
    assert count(world, "person_keys") == 3
    await world.service(store).restore("insight_feedback", *ALWAYS, keep_days=30)
    assert users(world) == others


async def test_a_person_who_is_erased_before_rows_are_stored_gets_no_key(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.feedback(800, 3)
    erased, *others = users(world)
    begin: Callable[..., Any] = archiving.begin

    def erase_first(*arguments: Any) -> Any:
        world.sql.run(ERASE, user_id=erased)
        return begin(*arguments)

    monkeypatch.setattr(archiving, "begin", erase_first)
    assert (await world.service(store).run("test")).status == "success"
    assert [user for (user,) in world.sql.run("SELECT user_id FROM person_keys ORDER BY 1")] == others


async def test_objects_of_a_release_that_encrypted_nothing_are_replaced(
    world: World, store: Store, bucket_server: StorageServer
) -> None:
    keep(world, "insight_feedback")
    held = sorted(row["user_id"] for row in rows_of("insight_feedback"))
    erased = held[0]
    others = [user_id for user_id in held if user_id != erased]
    assert others
    assert len((await everything_of(store, world, erased))["archived"]) == held.count(erased)
    done = await erasure.erase(store.database, store.feedback, erased)
    assert done.objects_in_clear == 1
    # At once for whoever asks us, although the bytes are there until retention has run.
    assert (await everything_of(store, world, erased))["archived"] == []
    await world.service(store).restore("insight_feedback", *ALWAYS, keep_days=30)
    assert users(world) == others

    assert (await world.service(store).run("test")).status == "success"
    assert expunge(world) == Expunged(1, 0)
    content = stored(world, bucket_server)
    assert all(user_id.encode() not in content for user_id in held)
    assert (count(world, "pending_erasures"), count(world, "person_keys")) == (0, len(set(others)))
    assert len((await everything_of(store, world, others[0]))["archived"]) == others.count(others[0])
    states = world.sql.run("SELECT state, sealed FROM archive_objects WHERE state <> 'abandoned'")
    assert states == [["archived", True]]  # with the restored rows in the table until their time is up
    world.sql.run("DELETE FROM insight_feedback")
    await world.service(store).restore("insight_feedback", *ALWAYS, keep_days=30)
    assert users(world) == others


async def test_nothing_is_removed_but_what_was_withdrawn_a_week_ago_and_lies_in_clear(
    world: World, store: Store
) -> None:
    keep(world, "insight_feedback")
    world.feedback(800, 3)
    (clear,) = [name for name in world.objects() if not name.startswith("manifests/")]
    assert expunge(world) == Expunged(0, 0)  # it is part of the archive
    assert (await world.service(store).run("test")).status == "success"
    sealed = [name for name in world.objects() if not name.startswith("manifests/") and name != clear]
    assert len(sealed) == 2
    for name in sealed:
        world.archive.withdraw(name)  # as whoever has taken over retention may
    assert expunging.expunge(ExpungingSettings(PROJECT, world.bucket.name)) == Expunged(0, 0)
    assert clear in world.objects()
    assert expunge(world) == Expunged(1, 0)
    assert [name for name in world.objects() if not name.startswith("manifests/")] == sealed
    assert expunge(world) == Expunged(0, 0)


async def test_an_erasure_counts_what_was_withdrawn_and_is_not_removed_yet(world: World, store: Store) -> None:
    keep(world, "insight_feedback")
    await world.service(store).run("test")
    world.sql.run("UPDATE archive_objects SET ended_at = now() - interval '2 days' WHERE state = 'abandoned'")
    await world.service(store).run("test")
    assert (await erasure.erase(store.database, store.feedback, "nobody")).objects_in_clear == 1
    assert expunge(world) == Expunged(1, 0)
    await world.service(store).run("test")
    assert (await erasure.erase(store.database, store.feedback, "nobody")).objects_in_clear == 0


async def test_keys_of_whom_the_archive_has_nothing_left_go(world: World, store: Store) -> None:
    world.feedback(800, 2)
    await world.service(store).run("test")
    assert count(world, "person_keys") == 2
    world.sql.run("DELETE FROM archive_objects")
    await world.service(store).run("test")
    assert count(world, "person_keys") == 0


async def test_an_export_has_everything_once_whatever_its_pages(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback: Feedback = store.feedback
    for number in range(7):
        await feedback.rate(Rating(f"i-{number}", 3, f"comment {number}"), "ann")
    await feedback.comment(Comment("i-1", "not hers"), "bob")
    world.sql.run("UPDATE insight_feedback SET updated_at = now() - interval '800 days' WHERE insight_id < 'i-4'")
    world.sql.run("UPDATE audit_log SET actor = 'user:ann' WHERE details->>'user_id' = 'ann'")
    await world.service(store).run("test")
    whole = await everything_of(store, world, "ann")
    assert [row["comment"] for row in whole["feedback"]] == [f"comment {number}" for number in range(4, 7)]
    assert sorted(row["comment"] for row in whole["archived"]) == [f"comment {number}" for number in range(4)]
    assert [entry["action"] for entry in whole["audit"]] == ["feedback.rate"] * 7
    monkeypatch.setattr(exports, "PAGE_BYTES", 1)
    monkeypatch.setattr(exports, "BATCH_ROWS", 2)
    assert await everything_of(store, world, "ann") == whole


async def test_a_part_of_feedback_is_cleared_and_counts_no_more(world: World, store: Store) -> None:
    feedback: Feedback = store.feedback
    await feedback.rate(Rating("i", 4, "text"), "ann")
    await feedback.rate(Rating("i", 2), "bob")
    assert json.loads((await feedback.stats("i")).body)["total_comments"] == 1

    left = await feedback.clear(Clearing("i", "comment"), "ann")
    assert left is not None
    row = json.loads(left.body)
    assert (row["rating"], row["comment"]) == (4, None)
    assert json.loads((await feedback.stats("i")).body)["total_comments"] == 0
    again = await feedback.clear(Clearing("i", "comment"), "ann")
    assert again == left  # not even updated_at
    assert await feedback.clear(Clearing("i", "rating"), "ann") is None
    assert await feedback.clear(Clearing("i"), "ann") is None
    assert json.loads((await feedback.stats("i")).body)["total_ratings"] == 1
    cleared = world.sql.run("SELECT details->>'part' FROM audit_log WHERE action = 'feedback.clear' ORDER BY id")
    assert cleared == [["comment"], ["rating"]]


async def test_an_erasure_is_audited_without_whom_it_erased(world: World, store: Store) -> None:
    await store.feedback.rate(Rating("i", 4, "text"), "ann")
    assert json.loads((await store.feedback.stats("i")).body)["total_ratings"] == 1
    await erasure.erase(store.database, store.feedback, "ann")
    assert json.loads((await store.feedback.stats("i")).body)["total_ratings"] == 0
    entries = world.sql.run("SELECT action, subject, details FROM audit_log ORDER BY id")
    assert entries == [
        ["feedback.rate", "i", None],
        ["feedback.erase", None, {"feedback": 1, "archived_days": 0, "audit_entries": 1}],
    ]
    assert world.live("insight_feedback").total() == 0


async def test_an_erasure_that_told_no_cache_would_be_seen(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the cache holds of the person's feedback goes with it, or its figures are served for an hour."""

    async def ratings() -> int:
        return int(json.loads((await store.feedback.stats("i")).body)["total_ratings"])

    for tells_the_cache, left in ((False, 1), (True, 0)):
        await store.feedback.rate(Rating("i", 4), "ann")
        assert await ratings() == 1
        with monkeypatch.context() as patched:
            if not tells_the_cache:
                patched.setattr(Feedback, "changing", lambda *_: iter(()))
            await erasure.erase(store.database, store.feedback, "ann")
        assert await ratings() == left


async def test_a_run_that_was_killed_before_it_withdrew_an_object_in_clear_is_made_good(
    world: World, store: Store, bucket_server: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(world, "insight_feedback")

    def end(*_: Any) -> None:
        raise ArchiveUnavailable("the run ends here")

    with monkeypatch.context() as patched:
        patched.setattr(ArchiveBucket, "withdraw", end)
        assert (await world.service(store).run("test")).status == "failed"
    assert expunge(world) == Expunged(0, 0)
    assert b"user-1" in stored(world, bucket_server)
    assert (await world.service(store).run("test")).status == "success"
    assert expunge(world) == Expunged(1, 0)
    assert b"user-1" not in stored(world, bucket_server)
    assert world.archived("insight_feedback").total() == len(rows_of("insight_feedback"))


async def test_an_object_in_clear_that_was_gone_is_replaced_when_it_is_brought_back(
    world: World, store: Store, bucket_server: StorageServer
) -> None:
    """It stays in the ledger while it is gone, and its successor is one whose rows are in the archive only."""
    keep(world, "insight_feedback")
    (name,) = [one for one in world.objects() if not one.startswith("manifests/")]
    content = world.archive.get(name)
    ((ended_at,),) = world.sql.run("SELECT ended_at FROM archive_objects")
    await world.service(store).restore("insight_feedback", *ALWAYS, keep_days=30)
    world.sql.run("DELETE FROM insight_feedback")
    world.sql.run("UPDATE archive_objects SET state = 'gone', ended_at = :at, keep_until = NULL", at=ended_at)
    world.lose(name)
    assert (await world.service(store).run("test")).status == "success"
    assert world.sql.run("SELECT state, sealed FROM archive_objects") == [["gone", False]]

    client = storage.Client(project=PROJECT)
    client.bucket(world.bucket.name).blob(name).upload_from_string(content)
    assert (await world.service(store).run("test")).status == "success"
    states = world.sql.run("SELECT state, sealed, ended_at FROM archive_objects WHERE state <> 'abandoned'")
    assert states == [["removed", True, ended_at]]
    assert expunge(world) == Expunged(1, 0)
    held = sorted(row["user_id"] for row in rows_of("insight_feedback"))
    assert all(user_id.encode() not in stored(world, bucket_server) for user_id in held)
    await world.service(store).restore("insight_feedback", *ALWAYS, keep_days=30)
    assert users(world) == held
