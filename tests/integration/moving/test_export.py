"""The way back: what was written here after the switch is in the old tables, and nothing else is changed there."""

import pytest
from tests.integration.moving.conftest import NewSystem
from tests.integration.moving.old_system import FILLS, OldSystem, rows
from tests.integration.moving.test_import import move, quiet

from commands.errors import CommandFailed
from commands.moving.exporting import bring_back

WRITES = (
    "UPDATE backfill_jobs SET current_block = 200, status = 'failed', error_message = 'x', version = version + 1 "
    "WHERE id = md5('job 1')::uuid",
    "INSERT INTO backfill_jobs (id, job_type, start_block, end_block, current_block, started_at) VALUES "
    "(md5('new')::uuid, 'new', 0, 10, 5, '2026-01-31 12:00:00.000001+00')",
    "INSERT INTO backfill_jobs (id, job_type, start_block, end_block, current_block) VALUES "
    "(md5('far')::uuid, 'far', 0, 3000000000, 5)",
    "UPDATE insight_feedback SET rating = 1, comment = NULL, updated_at = now() WHERE id = md5('feedback 1')::uuid",
    "INSERT INTO insight_feedback (id, insight_id, user_id, rating, comment) VALUES "
    "(md5('new')::uuid, 'new', 'subject-5', 5, E'a\\tb'), (md5('lost')::uuid, 'new', 'nobody there', 5, NULL)",
    "INSERT INTO system_metrics VALUES (md5('new')::uuid, 's', 't', 1.5, 'ms', '2026-01-31 12:00:00.000001+00', "
    "'{\"a\": 1}')",
)


def everything(old: OldSystem) -> dict[str, object]:
    return {table: rows(old.sql, f"SELECT id::text, t::text FROM {table} AS t") for table in FILLS}  # noqa: S608


def test_what_was_written_here_goes_back_and_again(old_system: OldSystem, new_system: NewSystem) -> None:
    old_system.fill(1, 300)
    move(old_system, new_system)
    before = everything(old_system)
    for statement in WRITES:
        new_system.sql.run(statement)
    for _ in range(2):
        done = bring_back(old_system.url, new_system.database, new_system.session(), quiet())
        assert done["tables"] == {
            "backfill_jobs": {"since": 3, "written": 2, "reported": 1},
            "insight_feedback": {"since": 3, "written": 2, "reported": 1},
            "system_metrics": {"since": 1, "written": done["tables"]["system_metrics"]["written"], "reported": 0},
        }
        told = {row["reason"]: row["example"] for row in done["reasons"] if "way back" in row["table"]}
        assert len(told) == 2
    sql = old_system.sql
    assert sql.run("SELECT current_block, status, error_message FROM backfill_jobs WHERE id = md5('job 1')::uuid") == [
        [200, "failed", "x"]
    ]
    assert sql.run("SELECT started_at::text, start_block FROM backfill_jobs WHERE job_type = 'new'") == [
        ["2026-01-31 12:00:00.000001", 0]
    ]
    assert sql.run(
        "SELECT u.firebase_uid, rating, comment FROM insight_feedback AS f JOIN users AS u ON u.id::text = f.user_id "
        "WHERE insight_id = 'new'"
    ) == [["subject-5", 5, "a\tb"]]
    assert sql.run("SELECT rating, comment FROM insight_feedback WHERE id = md5('feedback 1')::uuid") == [[1, None]]
    assert sql.run("SELECT \"timestamp\"::text, metric_metadata FROM system_metrics WHERE service_name = 's'") == [
        ["2026-01-31 12:00:00.000001", {"a": 1}]
    ]
    for statement in (
        "id = md5('job 1')::uuid OR job_type = 'new'",
        "id = md5('feedback 1')::uuid OR insight_id = 'new'",
    ):
        table = "backfill_jobs" if "job" in statement else "insight_feedback"
        sql.run(f"DELETE FROM {table} WHERE {statement}")  # noqa: S608
    sql.run("DELETE FROM system_metrics WHERE service_name = 's'")
    for table, now in everything(old_system).items():
        assert not now - before[table]  # type: ignore[operator]
        assert len(before[table] - now) <= 1  # type: ignore[operator]


def test_what_was_only_brought_here_does_not_go_back(old_system: OldSystem, new_system: NewSystem) -> None:
    old_system.fill(1, 100)
    move(old_system, new_system)
    done = bring_back(old_system.url, new_system.database, new_system.session(), quiet())
    assert {row["since"] for row in done["tables"].values()} == {0}


def test_an_old_database_that_takes_no_writes_is_said(old_system: OldSystem, new_system: NewSystem) -> None:
    old_system.sql.run(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', "
        "current_database()); END $$"
    )
    new_system.sql.run(WRITES[-1])
    with pytest.raises(CommandFailed, match="the old database refused, and has what went before: cannot execute"):
        bring_back(old_system.url, new_system.database, new_system.session(), quiet())
