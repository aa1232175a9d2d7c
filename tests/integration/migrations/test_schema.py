"""The schema's way up and back, alone, against another run, against traffic, and through a crash."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from alembic.script import ScriptDirectory
from tests.integration.conftest import TEMPLATE, database_settings

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.postgres_wheel import binaries
from utxoiq_persistence.errors import ConfigurationError, DatabaseUnavailable
from utxoiq_persistence.packaged_folders import find_folder
from utxoiq_persistence.postgres import connection as connection_module
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.postgres.statements import load

VERSIONS = [script.revision for script in ScriptDirectory(str(find_folder("migrations"))).walk_revisions()][::-1]
NUMBERS = count(1)

FILL = """
INSERT INTO backfill_jobs (id, job_type, start_block, end_block, current_block)
    VALUES (gen_random_uuid(), 'x', 0, 9, 0);
INSERT INTO insight_feedback (id, insight_id, user_id, rating) VALUES (gen_random_uuid(), 'i', 'u', 5);
INSERT INTO system_metrics SELECT gen_random_uuid(), 's', 't', 1, 'u', at FROM unnest(ARRAY[now(), 'epoch']) AS at;
INSERT INTO idempotency_keys VALUES ('c', 'k', '', 'answer', now());
INSERT INTO audit_log (actor, action, at)
    SELECT 'a', 'x', at FROM unnest(ARRAY[now(), 'epoch', now() + interval '6 months']) AS at;
"""
# Runs an upgrade in a process of its own, and prints what it applied.
UPGRADE = """
import sys
from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.postgres.schema import upgrade
print(*upgrade(DatabaseSettings("p:r:i", sys.argv[1], "postgres", sys.argv[2]), {}).applied)
"""


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    """A database of its own, without anything."""
    name = f"empty_{next(NUMBERS)}"
    with postgres.connect() as connection:
        connection.run(f"CREATE DATABASE {name}")
        yield name
        connection.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def dump(postgres: Postgres) -> Callable[[str], str]:
    """Everything in a database but its rows, as SQL."""

    def dump(database: str) -> str:
        command = client(postgres, "pg_dump", "--schema-only", database)
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return "\n".join(line for line in output.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))

    return dump


def client(postgres: Postgres, program: str, *arguments: str) -> list[str]:
    return [f"{binaries()}/{program}", f"--host={postgres.socket_dir}", "--username=postgres", *arguments]


def upgrading(postgres: Postgres, database: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", UPGRADE, database, str(postgres.socket_dir)]
    path = ":".join(sys.path)
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": path})


def until_waiting(postgres: Postgres, database: str, kind: str) -> None:
    """Until somebody waits for a lock of that kind."""
    waiting = """
        SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database
        WHERE datname = :name AND NOT granted AND locktype = :kind"""
    with postgres.connect() as connection:
        deadline = time.monotonic() + 120
        while connection.run(waiting, name=database, kind=kind) == [[0]]:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def tables(postgres: Postgres, database: str) -> list[str]:
    with postgres.connect(database=database) as connection:
        return [name for (name,) in connection.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


def version(postgres: Postgres, database: str) -> str:
    with postgres.connect(database=database) as connection:
        ((version,),) = connection.run("SELECT version_num FROM alembic_version")
        return str(version)


def test_an_upgrade_applies_what_is_missing_and_then_nothing(postgres: Postgres, empty: str) -> None:
    settings = database_settings(postgres, empty)
    assert schema.upgrade(settings, {}) == schema.Upgrade(VERSIONS[-1], VERSIONS)
    assert schema.upgrade(settings, {}) == schema.Upgrade(VERSIONS[-1], [])


def test_the_proof_of_a_backup_finds_no_constraint_or_index_that_was_left_unfinished(postgres: Postgres) -> None:
    """NOT VALID is for the moment of adding: whoever proves a backup takes such a constraint for damage."""
    with postgres.connect(database=TEMPLATE) as connection:
        assert connection.run(load("backup_facts")["unusable"].text) == []


def without_bound(schema: str) -> str:
    """How far the first partition of the audit log reaches is told by its newest entry."""
    bound = r"(ATTACH PARTITION public\.audit_log_before FOR VALUES FROM \(MINVALUE\) TO) \('[^']+'\)"
    bare, number = re.subn(bound, r"\1", schema)
    assert number == 1
    return bare


@pytest.mark.parametrize("filled", [False, True])
def test_every_version_goes_back_and_up_again(
    postgres: Postgres, empty: str, dump: Callable[[str], str], filled: bool
) -> None:
    settings = database_settings(postgres, empty)
    schema.upgrade(settings, {})
    whole = dump(empty)
    if filled:
        with postgres.connect(database=empty) as connection:
            connection.run(FILL)
    for target in ("base", *VERSIONS[:-1])[::-1]:
        undone = [one for one in reversed(VERSIONS) if one > target or target == "base"]
        assert schema.downgrade(settings, target) == schema.Upgrade(target, undone)
        assert schema.upgrade(settings, {}) == schema.Upgrade(VERSIONS[-1], undone[::-1])
        assert without_bound(dump(empty)) == without_bound(whole)
        with postgres.connect(database=empty) as connection:
            entries = 3 if filled and target != "base" and target >= "0003" else 0  # the version that makes the table
            assert connection.run("SELECT count(*), count(DISTINCT id) FROM audit_log") == [[entries, entries]]
    schema.downgrade(settings, "base")
    assert tables(postgres, empty) == ["alembic_version"]


def test_two_runs_at_once_apply_each_version_once(postgres: Postgres, empty: str) -> None:
    runs = [upgrading(postgres, empty) for _ in range(2)]
    applied = [run.communicate(timeout=300)[0].split() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted(applied, key=len) == [[], VERSIONS]


def test_two_databases_of_one_server_are_migrated_at_once(postgres: Postgres) -> None:
    """Roles are the server's: both runs want to make them."""
    names = [f"pair_{next(NUMBERS)}" for _ in range(2)]
    with postgres.connect() as connection:
        for name in names:
            connection.run(f"CREATE DATABASE {name}")
    runs = [upgrading(postgres, name) for name in names]
    assert [run.communicate(timeout=300)[0].split() for run in runs] == [VERSIONS] * len(names)
    for name in names:
        schema.downgrade(database_settings(postgres, name), "base")


def test_a_crash_in_the_middle_leaves_a_whole_version(
    postgres: Postgres, empty: str, dump: Callable[[str], str]
) -> None:
    settings = database_settings(postgres, empty)
    schema.upgrade(settings, {})
    schema.downgrade(settings, VERSIONS[0])
    before = dump(empty)
    with postgres.connect(database=empty) as traffic:
        traffic.run("BEGIN")
        traffic.run("LOCK TABLE insight_feedback IN ROW EXCLUSIVE MODE")
        run = upgrading(postgres, empty)
        until_waiting(postgres, empty, "relation")
        run.kill()
        run.wait()
        traffic.run("ROLLBACK")
    assert (version(postgres, empty), dump(empty)) == (VERSIONS[0], before)
    assert schema.upgrade(settings, {}).applied == VERSIONS[1:]


def test_a_run_does_not_queue_behind_traffic_for_ever(
    postgres: Postgres, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = database_settings(postgres, empty)
    schema.upgrade(settings, {})
    schema.downgrade(settings, VERSIONS[0])
    monkeypatch.setattr(schema, "TRAFFIC_PATIENCE", "50ms")
    with postgres.connect(database=empty) as traffic:
        traffic.run("BEGIN")
        traffic.run("LOCK TABLE insight_feedback IN ROW EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnavailable, match="migrate again when there is less traffic"):
            schema.upgrade(settings, {})
    assert version(postgres, empty) == VERSIONS[0]


def test_a_run_waits_for_another_only_so_long(postgres: Postgres, empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "RUN_PATIENCE", "50ms")
    with postgres.connect(database=empty) as other:
        other.run("SELECT pg_advisory_lock(:lock)", lock=schema.LOCK)
        with pytest.raises(DatabaseUnavailable):
            schema.upgrade(database_settings(postgres, empty), {})


def test_a_run_may_hear_nothing_for_longer_than_a_connection_takes(
    postgres: Postgres, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "CONNECT_SECONDS", 2)
    with postgres.connect(database=empty) as other, ThreadPoolExecutor() as threads:
        other.run("SELECT pg_advisory_lock(:lock)", lock=schema.LOCK)
        run = threads.submit(schema.upgrade, database_settings(postgres, empty), {})
        until_waiting(postgres, empty, "advisory")
        other.run("SELECT pg_sleep(2.1)")
        other.run("SELECT pg_advisory_unlock(:lock)", lock=schema.LOCK)
        assert run.result().applied == VERSIONS


def test_a_database_that_is_away_is_said_to_be(postgres: Postgres) -> None:
    with pytest.raises(DatabaseUnavailable):
        schema.upgrade(database_settings(postgres, "nowhere"), {})


def test_the_sql_for_review_is_what_runs(postgres: Postgres, empty: str, dump: Callable[[str], str]) -> None:
    command = [sys.executable, "-m", "utxoiq_persistence.postgres.schema", "--sql"]
    printed = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    ).stdout
    psql = client(postgres, "psql", "--quiet", "--set=ON_ERROR_STOP=1", empty)
    subprocess.run(psql, check=True, input=printed, text=True, stdout=subprocess.DEVNULL)
    # One that is made now, since it has the months from the present one on.
    name = f"reviewed_{next(NUMBERS)}"
    with postgres.connect() as connection:
        connection.run(f"CREATE DATABASE {name}")
        schema.upgrade(database_settings(postgres, name), {})
        assert dump(empty) == dump(name)
        connection.run(f"DROP DATABASE {name} WITH (FORCE)")
    assert version(postgres, empty) == VERSIONS[-1]


def test_database_users_become_members_whatever_they_are_called(postgres: Postgres, empty: str) -> None:
    user = 'fn@x.iam"; DROP TABLE backfill_jobs; --'
    with postgres.connect() as connection:
        connection.run("CREATE ROLE {}".format('"' + user.replace('"', '""') + '"'))
        schema.upgrade(database_settings(postgres, empty), {"utxoiq_backfill": user})
        assert connection.run("SELECT pg_has_role(:user, 'utxoiq_backfill', 'USAGE')", user=user) == [[True]]
    with pytest.raises(ConfigurationError, match="'nobody-knows'"):
        schema.upgrade(database_settings(postgres, empty), {"utxoiq_backfill": "nobody-knows"})
    with pytest.raises(ConfigurationError, match="'utxoiq_unknown'"):
        schema.upgrade(database_settings(postgres, empty), {"utxoiq_unknown": user})
    schema.downgrade(database_settings(postgres, empty), "base")
