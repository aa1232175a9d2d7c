"""An old database moves in: what fits is here as it was there, what does not is told, and again changes nothing."""

import io
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from pg8000.exceptions import InterfaceError
from rich.console import Console
from tests.integration.moving.conftest import NewSystem
from tests.integration.moving.old_system import EXPECTED, FILLS, HERE, NOW, OldSystem, rows

from commands.errors import CommandFailed, ExitCode
from commands.moving import blocks, importing
from commands.moving.arriving import CHANGED_HERE, HERE_ALREADY, Arriving, Tally
from commands.moving.importing import bring_in
from commands.moving.old_keys import show_keys
from commands.moving.old_system import snapshot
from commands.output import Output
from commands.recover.database import Database
from local_cloud.processes.postgres import Postgres

# MOVING_ROWS=100000 for the number that the system before has.
ROWS = int(os.environ.get("MOVING_ROWS", "4000"))

ROLLUPS_OF_ROWS = """
    SELECT service_name, metric_type, resolution, date_trunc(resolution, "timestamp", 'UTC') AS bucket, count(*),
           sum(metric_value)::numeric(30, 4), min(metric_value), max(metric_value), min("timestamp"), max("timestamp")
    FROM system_metrics CROSS JOIN (VALUES ('hour'), ('day')) AS resolutions (resolution)
    WHERE date_trunc(resolution, "timestamp", 'UTC')
        < (SELECT date_trunc(resolution, folded, 'UTC') FROM metric_watermark)
    GROUP BY 1, 2, 3, 4"""
ROLLUPS = """
    SELECT service_name, metric_type, resolution, bucket, sum(value_count),
           (sum(value_sum) * 2::float8 ^ 64)::numeric(30, 4), min(value_min), max(value_max), min(first_at),
           max(last_at)
    FROM metric_parts GROUP BY 1, 2, 3, 4"""
STATS_OF_ROWS = """
    SELECT insight_id, count(*) FILTER (WHERE rating = 1), count(*) FILTER (WHERE rating = 5), count(rating),
           count(comment), count(*) FILTER (WHERE flag_type = 'spam') FROM insight_feedback GROUP BY 1"""
STATS = """
    SELECT insight_id, rating_1, rating_5, rating_1 + rating_2 + rating_3 + rating_4 + rating_5, comments, flags_spam
    FROM insight_stats"""
JOB_1 = "UPDATE backfill_jobs SET {} WHERE id = md5('job 1')::uuid"
FEEDBACK_1 = "UPDATE insight_feedback SET {} WHERE id = md5('feedback 1')::uuid"


def quiet() -> Output:
    return Output(result=Console(file=io.StringIO()), progress=Console(file=io.StringIO()))


def move_into(url: str, live: Database) -> dict[str, Any]:
    return bring_in(url, live, quiet())


def move(old: OldSystem, new: NewSystem) -> dict[str, Any]:
    return move_into(old.url, new.database)


def check(old: OldSystem, new: NewSystem) -> None:
    """The new database holds exactly what fits of the old one, and what follows from it."""
    for table in FILLS:
        assert rows(new.sql, HERE[table]) == rows(old.sql, EXPECTED[table]), table
    assert rows(new.sql, ROLLUPS) == rows(new.sql, ROLLUPS_OF_ROWS)
    assert rows(new.sql, STATS) == rows(new.sql, STATS_OF_ROWS)


def reported(new: NewSystem) -> Mapping[str, int]:
    return dict(new.sql.run("SELECT table_name, count(*) FROM moving.report GROUP BY 1"))


def written(new: NewSystem) -> Counter[tuple[Any, ...]]:
    """Each row with the transaction that wrote it last."""
    tables = [*(FILLS.keys() - {"system_metrics"}), "metric_points"]
    return sum((rows(new.sql, f"SELECT xmin::text, t::text FROM {table} AS t") for table in tables), Counter())  # noqa: S608


def test_what_fits_is_here_and_what_does_not_is_told(old_system: OldSystem, new_system: NewSystem) -> None:
    old_system.fill(1, ROWS)
    done = move(old_system, new_system)
    check(old_system, new_system)
    counts = old_system.counts()
    for table, row in done["tables"].items():
        assert row["old"] == row["read"] == counts[table] == row["added"] + row["reported"]
        assert row["reported"] == reported(new_system)[table] > 0
        assert row["here"] == row["added"]
    told = {(row["table"], row["reason"]) for row in done["reasons"]}
    assert ("backfill_jobs", "current_block is beyond end_block") in told
    assert ("backfill_jobs", "error_message has more than 2000 characters") in told
    assert ("insight_feedback", "user_id is the id of no user") in told
    assert ("insight_feedback", "the firebase_uid of its user has more than 100 characters") in told
    assert ("system_metrics", "metric_value is not a finite number") in told
    assert new_system.sql.run("SELECT actor, action FROM audit_log") == [["mover@example.com", "import.tables"]]


def test_again_changes_nothing(old_system: OldSystem, new_system: NewSystem) -> None:
    old_system.fill(1, 2000)
    move(old_system, new_system)
    before, told = written(new_system), reported(new_system)
    again = move(old_system, new_system)
    assert written(new_system) == before
    assert reported(new_system) == told
    for row in again["tables"].values():
        assert (row["added"], row["changed"]) == (0, 0)
        assert row["as_before"] + row["reported"] == row["old"]


def test_again_brings_what_came_since_and_what_changed_there(old_system: OldSystem, new_system: NewSystem) -> None:
    old_system.fill(1, 500)
    move(old_system, new_system)
    old_system.fill(501, 700)
    old_system.sql.run(JOB_1.format("current_block = end_block"))
    old_system.sql.run(FEEDBACK_1.format(f"rating = 5, updated_at = {NOW}"))
    # What was told about and is mended there comes as well, and is told about no more.
    old_system.sql.run("UPDATE system_metrics SET metric_value = 1 WHERE metric_value = 'NaN'")
    old_system.sql.run(
        "INSERT INTO users (id, firebase_uid) SELECT user_id::uuid, 'late' FROM insight_feedback "
        "WHERE id = md5('feedback 97')::uuid"
    )
    done = move(old_system, new_system)
    check(old_system, new_system)
    assert (done["tables"]["backfill_jobs"]["changed"], done["tables"]["insight_feedback"]["changed"]) == (1, 1)
    assert new_system.sql.run("SELECT version FROM backfill_jobs WHERE id = md5('job 1')::uuid") == [[2]]
    assert not [row for row in done["reasons"] if "finite" in row["reason"] and row["rows"] > 700 // 103]


def test_what_was_written_or_erased_here_stays_so(old_system: OldSystem, new_system: NewSystem) -> None:
    old_system.fill(1, 300)
    move(old_system, new_system)
    sql = new_system.sql
    sql.run(JOB_1.format("current_block = 200, version = version + 1"))
    sql.run(FEEDBACK_1.format("rating = 1, updated_at = now()"))
    sql.run("DELETE FROM insight_feedback WHERE user_id = 'subject-3'")
    sql.run("DELETE FROM metric_points WHERE id = md5('metric 1')::uuid")
    stays = written(new_system)
    move(old_system, new_system)
    assert written(new_system) == stays

    old_system.sql.run(JOB_1.format("current_block = 300"))
    old_system.sql.run(FEEDBACK_1.format(f"rating = 2, updated_at = {NOW}"))
    done = move(old_system, new_system)
    assert written(new_system) == stays
    assert {row["rows"] for row in done["reasons"] if row["reason"] == CHANGED_HERE} == {1}
    assert len([row for row in done["reasons"] if row["reason"] == CHANGED_HERE]) == 2


def test_feedback_that_was_given_here_meanwhile_stays(old_system: OldSystem, new_system: NewSystem) -> None:
    old_system.fill(1, 50)
    ((insight, user),) = old_system.sql.run(
        "SELECT insight_id, firebase_uid FROM insight_feedback AS f JOIN users AS u ON u.id::text = f.user_id "
        "WHERE f.id = md5('feedback 1')::uuid"
    )
    new_system.sql.run(
        "INSERT INTO insight_feedback (id, insight_id, user_id, rating) VALUES (gen_random_uuid(), :i, :u, 3)",
        i=insight,
        u=user,
    )
    done = move(old_system, new_system)
    assert new_system.sql.run(
        "SELECT rating FROM insight_feedback WHERE insight_id = :i AND user_id = :u", i=insight, u=user
    ) == [[3]]
    assert [row["rows"] for row in done["reasons"] if row["reason"] == HERE_ALREADY] == [1]
    assert rows(new_system.sql, STATS) == rows(new_system.sql, STATS_OF_ROWS)


def test_while_the_old_system_is_written_to(
    old_system: OldSystem, new_system: NewSystem, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run while it serves, and once more when it has stopped: then all of it is here."""
    monkeypatch.setattr(blocks, "ROWS", 200)
    old_system.fill(1, 1500)
    stop, wrote = threading.Event(), threading.Event()
    name = old_system.url.partition("localhost/")[2].partition("?")[0]

    def write() -> None:
        with postgres.connect(database=name) as sql:
            writer = OldSystem(sql, old_system.url)
            for number in count(10_000):
                writer.fill(number, number)
                sql.run(
                    "UPDATE backfill_jobs SET current_block = end_block WHERE id = md5('job ' || :n)::uuid",
                    n=str(number % 1500),
                )
                sql.run(
                    "UPDATE insight_feedback SET rating = 4, updated_at = clock_timestamp() AT TIME ZONE 'UTC' "
                    "WHERE id = md5('feedback ' || :n)::uuid",
                    n=str(number % 1500),
                )
                sql.run("DELETE FROM system_metrics WHERE id = md5('metric ' || :n)::uuid", n=str(number))
                writer.fill(number + 1_000_000, number + 1_000_000)
                wrote.set()
                if stop.is_set():
                    return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert wrote.wait(30)
        move(old_system, new_system)
    finally:
        stop.set()
        thread.join()
    # A metric that was read and is deleted there afterwards stays: it was recorded.
    move(old_system, new_system)
    for table in ("backfill_jobs", "insight_feedback"):
        assert rows(new_system.sql, HERE[table]) == rows(old_system.sql, EXPECTED[table])
    assert not rows(old_system.sql, EXPECTED["system_metrics"]) - rows(new_system.sql, HERE["system_metrics"])
    assert rows(new_system.sql, ROLLUPS) == rows(new_system.sql, ROLLUPS_OF_ROWS)
    assert rows(new_system.sql, STATS) == rows(new_system.sql, STATS_OF_ROWS)


def _killed(old_url: str, new: tuple[str, str], step: int) -> None:
    """An import that ends itself without a word before its command number `step` to the new database."""
    steps = count()
    run = Database.run

    def stepping(self: Database, statement: str, stream: Any = None) -> int:
        if self is live and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return run(self, statement, stream)

    live = NewSystem.opened(*new)
    Database.run = stepping  # type: ignore[method-assign]  # in a process of its own
    blocks.ROWS = 100
    bring_in(old_url, live, quiet())


@pytest.mark.parametrize("step", [42, 112, 162])
def test_killed_in_the_middle_and_run_again(old_system: OldSystem, new_system: NewSystem, step: int) -> None:
    old_system.fill(1, 600)
    process = multiprocessing.get_context("spawn").Process(
        target=_killed, args=(old_system.url, (new_system.name, new_system.socket), step)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    done = move(old_system, new_system)
    check(old_system, new_system)
    assert sum(row["read"] for row in done["tables"].values()) < sum(old_system.counts().values())
    again = move(old_system, new_system)
    assert [(row["added"], row["changed"]) for row in again["tables"].values()] == [(0, 0)] * 3


def test_an_import_at_the_same_time_is_refused(
    old_system: OldSystem, new_system: NewSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "LOCK_SECONDS", 1)
    other = new_system.session()
    assert other.rows("SELECT pg_try_advisory_lock(hashtextextended('moving', 0))") == [[True]]
    with pytest.raises(CommandFailed, match="another import is running"):
        move(old_system, new_system)
    other.close()


@pytest.mark.parametrize("gone", ["old", "new"])
def test_a_database_that_goes_away_is_said_and_the_next_run_goes_on(
    old_system: OldSystem, new_system: NewSystem, postgres: Postgres, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "ROWS", 100)
    old_system.fill(1, 500)
    take = Arriving.take
    live = new_system.session()
    ((session,),) = live.rows("SELECT pg_backend_pid()")

    def interrupted(self: Arriving, *arguments: Any) -> Tally:
        taken = take(self, *arguments)
        if self.tally.rows == 300:
            with postgres.connect() as connection:
                connection.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'utxoiq import' AND :gone = 'old' "
                    "OR pid = :session AND :gone = 'new'",
                    gone=gone,
                    session=session,
                )
        return taken

    with monkeypatch.context() as patched:
        patched.setattr(Arriving, "take", interrupted)
        with pytest.raises(CommandFailed, match=r"the old database cannot be read|this database refused") as failed:
            bring_in(old_system.url, live, quiet())
    assert "goes on from there" in failed.value.remedy
    with suppress(InterfaceError, OSError):  # it may be gone
        live.close()
    done = bring_in(old_system.url, new_system.session(), quiet())
    if gone == "new":  # what the old database has sent already is read to its end
        assert done["tables"]["backfill_jobs"]["read"] < 500
    check(old_system, new_system)


def test_an_old_database_that_lacks_a_column_is_named(old_system: OldSystem, new_system: NewSystem) -> None:
    old_system.sql.run("ALTER TABLE backfill_jobs DROP COLUMN created_by")
    with pytest.raises(CommandFailed, match='the old database cannot be read: column "created_by" does not exist'):
        move(old_system, new_system)


def test_an_old_database_that_cannot_be_reached_is_said_without_its_password(new_system: NewSystem) -> None:
    with pytest.raises(CommandFailed, match="cannot log in to the old database") as failed:
        bring_in("postgresql://reader:hush@127.0.0.1:1/old", new_system.database, quiet())
    assert failed.value.code is ExitCode.REFUSED
    assert "hush" not in str(failed.value.message) + str(failed.value.remedy)


def test_keys_are_listed_with_commands_that_are_safe_to_paste(old_system: OldSystem) -> None:
    old_system.sql.run("UPDATE users SET subscription_tier = 'power' WHERE email = '1@example.com'")
    for name, scopes, ended in (
        ("indexer $(reboot)", ["monitoring:read", "insights:read"], False),
        ("outside", ["insights:read"], False),
        ("gone", ["monitoring:read"], True),
    ):
        old_system.sql.run(
            "INSERT INTO api_keys SELECT gen_random_uuid(), id, md5(:name), 'p', :name, :scopes, NULL, NULL, "
            "CASE WHEN :ended THEN now() END FROM users WHERE email = '1@example.com'",
            name=name,
            scopes=scopes,
            ended=ended,
        )
    with snapshot(old_system.url) as old:
        indexer, outside = show_keys(old, quiet())
    assert indexer["scopes"] == ["backfill:read", "metrics:read"]
    assert indexer["command"].endswith(
        "keys create 'indexer $(reboot)' --owner 1@example.com "
        "--scope backfill:read --scope metrics:read --requests 10000"
    )
    assert (outside["scopes"], outside["command"]) == ([], None)
