"""A migration that fails or is ended half-way: what was whole stays, the release before goes on, a retry ends it."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from pg8000.exceptions import DatabaseError
from sqlalchemy.exc import DBAPIError
from tests.integration.conftest import database_settings
from tests.integration.migrations.test_schema import VERSIONS, empty, until_waiting, upgrading, version

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.packaged_folders import find_folder
from utxoiq_persistence.postgres import schema

__all__ = ["empty"]  # a fixture

# The statement by which every release before appends to the audit log, as one of its functions.
APPEND = "INSERT INTO audit_log (actor, action) VALUES ('before', 'x')"
NAMES = {
    Path(script.path).stem.partition("_")[2]: script.revision
    for script in ScriptDirectory(str(find_folder("migrations"))).walk_revisions()
}
FIRST, LAST = (VERSIONS.index(NAMES[name]) for name in ("upkeep", "audit_months"))
BEFORE = VERSIONS[FIRST - 1]


def at(postgres: Postgres, database: str, target: str) -> None:
    schema.upgrade(database_settings(postgres, database), {})
    schema.downgrade(database_settings(postgres, database), target)


@pytest.mark.parametrize(("place", "table"), [(FIRST, "schedule_successes"), (LAST, "audit_log_before")])
def test_a_version_that_fails_leaves_those_before_it_and_a_retry_goes_on(
    postgres: Postgres, empty: str, place: int, table: str
) -> None:
    """A table of that name is in the way."""
    at(postgres, empty, BEFORE)
    settings = database_settings(postgres, empty)
    with postgres.connect(database=empty) as connection:
        connection.run(f"CREATE TABLE {table} ()")
        with pytest.raises(DBAPIError, match="already exists"):
            schema.upgrade(settings, {})
        assert version(postgres, empty) == VERSIONS[place - 1]
        connection.run("SET ROLE utxoiq_backfill")
        connection.run(APPEND)
        connection.run("RESET ROLE")
        connection.run(f"DROP TABLE {table}")
        assert schema.upgrade(settings, {}).applied == VERSIONS[place:]
        assert connection.run("SELECT actor FROM audit_log") == [["before"]]


@pytest.mark.parametrize("reached", VERSIONS[FIRST - 1 : LAST + 1])
def test_the_release_before_appends_to_the_trail_at_every_version(postgres: Postgres, empty: str, reached: str) -> None:
    at(postgres, empty, reached)
    with postgres.connect(database=empty) as connection:
        for role in ("backfill", "feedback", "metrics", "database", "retention", "keys", "backup"):
            connection.run(f"SET ROLE utxoiq_{role}")
            connection.run(APPEND)
            with pytest.raises(DatabaseError, match="permission denied"):
                connection.run("DELETE FROM audit_log")
            connection.run("RESET ROLE")
        schema.upgrade(database_settings(postgres, empty), {})
        assert connection.run("SELECT count(*), count(DISTINCT id) FROM audit_log") == [[7, 7]]


def test_of_two_deployments_the_second_ends_what_the_first_was_killed_at(postgres: Postgres, empty: str) -> None:
    at(postgres, empty, BEFORE)
    with postgres.connect(database=empty) as traffic:
        traffic.run("BEGIN")
        traffic.run("LOCK TABLE audit_log IN ROW EXCLUSIVE MODE")
        first = upgrading(postgres, empty)
        until_waiting(postgres, empty, "relation")
        second = upgrading(postgres, empty)
        until_waiting(postgres, empty, "advisory")
        first.kill()
        first.wait()
        traffic.run("ROLLBACK")
    applied, _ = second.communicate(timeout=300)
    assert (second.returncode, applied.split()) == (0, VERSIONS[FIRST:])
    assert version(postgres, empty) == VERSIONS[-1]


def test_a_connection_that_is_ended_half_way_is_said_to_be_and_a_retry_goes_on(postgres: Postgres, empty: str) -> None:
    at(postgres, empty, BEFORE)
    with postgres.connect(database=empty) as traffic:
        traffic.run("BEGIN")
        traffic.run("LOCK TABLE audit_log IN ROW EXCLUSIVE MODE")
        run = upgrading(postgres, empty)
        until_waiting(postgres, empty, "relation")
        traffic.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        run.communicate(timeout=300)
        assert run.returncode != 0
        traffic.run("ROLLBACK")
    assert version(postgres, empty) == BEFORE
    assert schema.upgrade(database_settings(postgres, empty), {}).applied == VERSIONS[FIRST:]
