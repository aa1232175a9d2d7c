"""Whoever has taken over one function, and logs in to PostgreSQL as it, reads and forges nothing of another's."""

from collections.abc import Callable, Iterator

import pytest
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection
from tests.integration.access.conftest import Rows

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence import schedules

FUNCTIONS = ("backfill", "feedback", "metrics", "database", "keys", "retention", "backup")
WITH_KEYS = ("backfill", "metrics", "database", "backup")
Attacker = Callable[[str], Connection]
ANSWER = "INSERT INTO idempotency_keys (caller, key, request_hash, expires_at) VALUES ({}, '\\x00', now() + '1 day')"
OWN = "UPDATE idempotency_keys SET owner = {}"
RATED = "INSERT INTO insight_feedback (id, insight_id, user_id, rating) VALUES (gen_random_uuid(), 'one', {}, 1)"


@pytest.fixture(scope="module", autouse=True)
def users(postgres: Postgres) -> Iterator[None]:
    """A database user of each function, as the deployment makes them."""
    with postgres.connect() as connection:
        for function in FUNCTIONS:
            connection.run(f"CREATE ROLE taken_{function} LOGIN IN ROLE utxoiq_{function}")
    yield
    with postgres.connect() as connection:
        for function in FUNCTIONS:
            connection.run(f"DROP ROLE taken_{function}")


@pytest.fixture
def attacker(postgres: Postgres, database: str) -> Iterator[Attacker]:
    """A connection of a function's own user, not one that only plays its role."""
    opened: list[Connection] = []

    def log_in(function: str) -> Connection:
        opened.append(postgres.connect(user=f"taken_{function}", database=database))
        return opened[-1]

    yield log_in
    for connection in opened:
        connection.close()


def is_refused(connection: Connection, statement: str) -> bool:
    try:
        connection.run(statement)
    except DatabaseError as error:
        return bool(error.args[0]["C"] == "42501")
    return False


def test_feedback_cannot_pass_for_the_archive(attacker: Attacker, rows: Rows) -> None:
    feedback = attacker("feedback")
    for statement in ("SET utxoiq.archiving = 'on'", "SELECT set_config('utxoiq.archiving', 'on', false)"):
        feedback.run(statement)
        assert is_refused(feedback, RATED.format("'someone'"))
    assert rows("SELECT * FROM archived_insight_stats") == []
    feedback.run("RESET utxoiq.archiving")
    feedback.run(RATED.format("'someone'"))
    assert rows("SELECT rating_1 FROM insight_stats") == [[1]]


def test_feedback_deletes_rows_with_their_figures_or_not_at_all(attacker: Attacker, rows: Rows) -> None:
    feedback = attacker("feedback")
    feedback.run(RATED.format("'someone'"))
    feedback.run(RATED.format("'another'"))
    feedback.run("SET utxoiq.archiving = 'on'")
    for statement in ("DELETE FROM insight_feedback", "SELECT person_erase('someone', 'x', NULL, NULL, NULL)"):
        assert is_refused(feedback, statement)
    assert rows("SELECT rating_1 FROM insight_stats") == [[2]]
    feedback.run("RESET utxoiq.archiving")
    feedback.run("SELECT person_erase('someone', 'x', NULL, NULL, NULL)")
    feedback.run("DELETE FROM insight_feedback")
    assert rows("SELECT * FROM archived_insight_stats") == []
    assert rows("SELECT coalesce(sum(rating_1), 0) FROM insight_stats") == [[0]]
    # The erasure says who did it, whatever it was told.
    assert rows("SELECT actor, written_by FROM audit_log WHERE action = 'feedback.erase'") == [["x", "taken_feedback"]]


def test_retention_still_can(attacker: Attacker, rows: Rows) -> None:
    attacker("feedback").run(RATED.format("'someone'"))
    retention = attacker("retention")
    retention.run("SET utxoiq.archiving = 'on'")
    retention.run("DELETE FROM insight_feedback")
    assert rows("SELECT s.rating_1, a.rating_1 FROM insight_stats s, archived_insight_stats a") == [[1, 1]]


@pytest.mark.parametrize("function", sorted(set(FUNCTIONS) - {"retention"}))
def test_months_of_ones_choice_are_retentions(attacker: Attacker, function: str, rows: Rows) -> None:
    assert is_refused(attacker(function), "SELECT system_metrics_ensure_month('1999-01-01')")
    assert is_refused(attacker(function), "CREATE TABLE system_metrics_1999_01 ()")
    assert rows("SELECT count(*) FROM pg_class WHERE relname = 'system_metrics_1999_01'") == [[0]]


@pytest.mark.parametrize("function", WITH_KEYS)
def test_answers_that_another_function_keeps_are_not_seen(attacker: Attacker, function: str, rows: Rows) -> None:
    (other, *_) = (name for name in WITH_KEYS if name != function)
    attacker(other).run(ANSWER.format("'indexer', 'one'"))
    taken = attacker(function)
    assert taken.run("SELECT * FROM idempotency_keys") == []
    taken.run("UPDATE idempotency_keys SET answer = '{}'")
    taken.run("DELETE FROM idempotency_keys")
    assert rows("SELECT owner, answer FROM idempotency_keys") == [[f"taken_{other}", None]]


@pytest.mark.parametrize("function", WITH_KEYS)
def test_an_answer_cannot_be_left_for_another_function(attacker: Attacker, function: str, rows: Rows) -> None:
    (other, *_) = (name for name in WITH_KEYS if name != function)
    taken = attacker(function)
    owned = (
        "INSERT INTO idempotency_keys (caller, key, request_hash, expires_at, owner) VALUES ('a', 'b', '', now(), {})"
    )
    assert is_refused(taken, owned.format(f"'taken_{other}'"))
    assert is_refused(taken, owned.format("NULL"))
    taken.run(ANSWER.format("'indexer', 'one'"))
    for value in (f"'taken_{other}'", "NULL"):
        assert is_refused(taken, OWN.format(value))
    taken.run("UPDATE idempotency_keys SET answer = '{}'")
    assert attacker(other).run("SELECT answer FROM idempotency_keys") == []
    assert rows("SELECT owner FROM idempotency_keys") == [[f"taken_{function}"]]


NOTED = (
    "INSERT INTO schedule_successes (schedule) VALUES ('{}') ON CONFLICT (schedule) DO UPDATE SET succeeded_at = now()"
)
# Which function does the work of which schedule.
NOTES = {
    "database": {"publish-metrics"},
    "metrics": {"sketch-metrics"},
    "retention": {"partitions", "retention"},
    "backup": {"backup", "export", "watch-backups", "verify-backup", "continue-verification"},
}


@pytest.mark.parametrize("function", NOTES)
def test_that_a_schedule_did_its_work_is_noted_by_the_function_that_does_it(
    attacker: Attacker, function: str, rows: Rows
) -> None:
    assert set().union(*NOTES.values()) == set(schedules.SCHEDULES)
    taken = attacker(function)
    before = dict(rows("SELECT schedule, succeeded_at FROM schedule_successes"))
    for schedule in schedules.SCHEDULES:
        assert is_refused(taken, NOTED.format(schedule)) == (schedule not in NOTES[function]), schedule
    # Neither for a time to come, nor of what is not there.
    later = "UPDATE schedule_successes SET succeeded_at = now() + interval '9 years' WHERE schedule = '{}'"
    assert all(is_refused(taken, later.format(own)) for own in NOTES[function])
    assert is_refused(taken, NOTED.format("none-of-ours"))
    taken.run("UPDATE schedule_successes SET succeeded_at = now() - interval '1 hour'")
    after = dict(rows("SELECT schedule, succeeded_at FROM schedule_successes"))
    assert {schedule for schedule, at in after.items() if at != before[schedule]} == NOTES[function]


@pytest.mark.parametrize("function", ["metrics", "database", "backup"])
def test_nobody_records_metrics_that_aggregates_leave_out(attacker: Attacker, function: str, rows: Rows) -> None:
    """Late ones, as if they came back from the archive."""
    taken = attacker(function)
    taken.run("SELECT system_metrics_ensure_ahead()")
    taken.run("SET utxoiq.archiving = 'on'")
    ((late,),) = rows("SELECT closing - interval '1 s' FROM metric_watermark")
    taken.run("INSERT INTO system_metrics VALUES (gen_random_uuid(), 'x', 'x', 1, '', :late, NULL)", late=late)
    assert rows("SELECT value_count FROM metric_deltas") == [[1]]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_entry_of_the_audit_log_names_who_wrote_it(attacker: Attacker, function: str, rows: Rows) -> None:
    taken = attacker(function)
    taken.run("INSERT INTO audit_log (actor, action) VALUES ('operator:boss@example.com', 'key.revoke')")
    assert is_refused(taken, "INSERT INTO audit_log (actor, action, written_by) VALUES ('x', 'y', 'taken_keys')")
    assert rows("SELECT written_by FROM audit_log") == [[f"taken_{function}"]]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nobody_becomes_somebody_else(attacker: Attacker, function: str) -> None:
    taken = attacker(function)
    others = [f"{kind}_{name}" for name in FUNCTIONS if name != function for kind in ("taken", "utxoiq")]
    for role in [*others, "postgres"]:
        assert is_refused(taken, f"SET ROLE {role}")
        assert is_refused(taken, f"SET SESSION AUTHORIZATION {role}")
    assert is_refused(taken, "SET session_replication_role = replica")
    assert is_refused(taken, "ALTER TABLE insight_feedback DISABLE TRIGGER ALL")
    assert is_refused(taken, "ALTER TABLE idempotency_keys DISABLE ROW LEVEL SECURITY")
    assert is_refused(taken, "CREATE FUNCTION public.pg_has_role(name, text, text) RETURNS bool RETURN true")
    assert is_refused(taken, "COPY audit_log TO PROGRAM 'true'")
