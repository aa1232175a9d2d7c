"""Nothing that was acknowledged before a disaster is missing after the recovery by the runbook's commands."""

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.backup.conftest import DATABASE, PRIMARY, PROJECT, AdminClient, Standing

from commands.errors import CommandFailed
from commands.output import Output
from commands.recover.admin import Admin
from commands.recover.point_in_time import recover_to
from commands.recover.region import recover_region
from commands.recover.single_table import recover_table
from commands.recover.table_check import TABLES, declared_tables
from commands.recover.target import Target
from commands.recover.tidy import clone_name, remove
from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.google.cloud_sql.service import CloudSqlService
from local_cloud.processes.valkey import Valkey

SECOND = timedelta(seconds=1)


class Writer:
    """Writes ratings one after the other, and keeps what was acknowledged, with the moment of its answer."""

    def __init__(self, server: ManagedPostgres) -> None:
        self.acknowledged: list[tuple[datetime, str]] = []
        self._server = server
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def before(self, moment: datetime) -> set[str]:
        return {user for answered, user in list(self.acknowledged) if answered < moment}

    def _write(self) -> None:
        number = 0
        with self._server.connect(database=DATABASE) as connection:
            while not self._end.is_set():
                user = f"writer-{number}"
                number += 1
                try:
                    connection.run(
                        "INSERT INTO insight_feedback (id, insight_id, user_id, rating) "
                        "VALUES (gen_random_uuid(), 'written', :user, 4)",
                        user=user,
                    )
                except Exception:  # noqa: S112 - the table is gone: nothing is acknowledged
                    continue
                self.acknowledged.append((datetime.now(UTC), user))


Strike = Callable[[str], tuple[datetime, Writer]]


def users(server: ManagedPostgres) -> set[str]:
    with server.connect(database=DATABASE) as connection:
        return {user for (user,) in connection.run("SELECT user_id FROM insight_feedback WHERE insight_id = 'written'")}


def ratings(server: ManagedPostgres) -> int:
    with server.connect(database=DATABASE) as connection:
        return int(
            connection.run(
                "SELECT coalesce(sum(rating_1 + rating_2 + rating_3 + rating_4 + rating_5), 0) FROM insight_stats "
                "WHERE insight_id = 'written'"
            )[0][0]
        )


def target(cloud_sql: CloudSqlService, source: ManagedPostgres, admin: AdminClient, valkey: Valkey) -> Target:
    return Target(
        PROJECT, PRIMARY, DATABASE, source.user, valkey.url, endpoint=admin.url, sockets=str(cloud_sql.sockets)
    )


@pytest.fixture
def system(cloud_sql: CloudSqlService, source: ManagedPostgres, admin: AdminClient, valkey: Valkey) -> Target:
    return target(cloud_sql, source, admin, valkey)


@pytest.fixture
def untouched(standing: Standing, valkey: Valkey) -> Target:
    """For tests that recover nothing."""
    return target(standing.cloud_sql, standing.source, standing.admin, valkey)


@pytest.fixture
def disaster(source: ManagedPostgres) -> Strike:
    """Strikes while somebody writes; tells its moment, and the writer."""

    def strike(statement: str) -> tuple[datetime, Writer]:
        with Writer(source) as writer:
            while len(writer.acknowledged) < 200:
                time.sleep(0.01)
            time.sleep(1.2)  # so that there is a second before
            moment = datetime.now(UTC)
            with source.connect(database=DATABASE) as connection:
                connection.run(statement)
        return moment, writer

    return strike


def test_a_dropped_table_comes_back_with_all_that_was_acknowledged_a_second_before(
    system: Target, source: ManagedPostgres, disaster: Strike
) -> None:
    struck, writer = disaster("DROP TABLE insight_feedback")
    moment = struck - SECOND
    expected = writer.before(moment)
    assert len(expected) > 100

    recover_table(system, *tools(system), moment=moment, table="insight_feedback", where="true", keep=False)

    restored = users(source)
    assert expected <= restored
    assert ratings(source) == len(restored)
    with Writer(source) as again:  # and it can be written to again
        while not again.acknowledged:
            time.sleep(0.01)


def test_to_the_second_before_means_that_nothing_from_before_is_missing(
    system: Target, cloud_sql: CloudSqlService, source: ManagedPostgres, disaster: Strike
) -> None:
    struck, writer = disaster("DROP TABLE insight_feedback")
    moment = struck - SECOND
    expected = writer.before(moment)
    assert len(expected) > 100

    recover_to(system, *tools(system), moment=moment, into=None, replace=True)

    restored = users(source)
    assert expected <= restored
    assert restored - expected <= {user for _, user in writer.acknowledged}
    assert not (restored & {user for answered, user in writer.acknowledged if answered > moment + SECOND})
    assert [item["name"] for item in cloud_sql.instances()] == [PRIMARY]


def test_a_recovery_that_replaces_can_be_taken_back(
    system: Target, source: ManagedPostgres, admin: AdminClient, disaster: Strike
) -> None:
    moment, _ = disaster("SELECT 1")
    last = users(source)
    recover_to(system, *tools(system), moment=moment - SECOND, into=None, replace=True)
    assert users(source) < last
    safety = next(
        run["id"]
        for run in admin.api.backupRuns().list(project=PROJECT, instance=PRIMARY).execute()["items"]
        if run["description"].startswith("before recovery")
    )
    assert "error" not in admin.restore(safety, PRIMARY)
    assert users(source) == last


def test_without_the_order_to_replace_the_live_one_stays_as_it_is(
    system: Target, cloud_sql: CloudSqlService, source: ManagedPostgres
) -> None:
    time.sleep(1.1)
    moment = datetime.now(UTC)
    with source.connect(database=DATABASE) as connection:
        connection.run("DELETE FROM insight_feedback")
        before = connection.run("SELECT count(*) FROM insight_feedback")
        recover_to(system, *tools(system), moment=moment, into=None, replace=False)
        assert connection.run("SELECT count(*) FROM insight_feedback") == before
    clone = clone_name(system, moment)
    with cloud_sql.server(clone).connect(database=DATABASE) as connection:
        assert connection.run("SELECT count(*) FROM insight_feedback") == [[10000]]

    remove(system, *tools(system), name=clone)
    assert [item["name"] for item in cloud_sql.instances()] == [PRIMARY]


def test_a_lost_region_is_recovered_from_the_other_region_alone(
    system: Target, cloud_sql: CloudSqlService, source: ManagedPostgres, admin: AdminClient
) -> None:
    with Writer(source) as writer:
        while not writer.acknowledged:
            time.sleep(0.01)
        begun = datetime.now(UTC)
        admin.back_up()
        time.sleep(0.3)
    expected = writer.before(begun)
    source.kill()
    (cloud_sql.folder / "us-central1").rename(cloud_sql.folder / "lost")

    recover_region(system, *tools(system), region="us-east1", into=None, backup=None)

    restored = users(cloud_sql.server(f"{PRIMARY}-us-east1"))
    assert expected
    assert expected <= restored
    assert cloud_sql.instance(f"{PRIMARY}-us-east1")["region"] == "us-east1"
    (cloud_sql.folder / "lost").rename(cloud_sql.folder / "us-central1")


@pytest.mark.parametrize("name", [PRIMARY, "another"])
def test_nothing_is_removed_that_recovery_has_not_made(untouched: Target, name: str) -> None:
    with pytest.raises(CommandFailed, match="not an instance that recovery has made"):
        remove(untouched, *tools(untouched), name=name)


def test_a_moment_too_early_is_refused_with_the_first_one(untouched: Target, standing: Standing) -> None:
    runs = standing.admin.api.backupRuns().list(project=PROJECT, instance=PRIMARY).execute()["items"]
    first = min(run["endTime"] for run in runs)
    with pytest.raises(CommandFailed, match=f"before the first moment that {PRIMARY} can be recovered to, {first}"):
        recover_to(untouched, *tools(untouched), moment=datetime(2020, 1, 1, tzinfo=UTC), into=None, replace=False)
    with pytest.raises(CommandFailed, match="is in the future"):
        recover_to(untouched, *tools(untouched), moment=datetime.now(UTC) + SECOND * 60, into=None, replace=False)
    assert [item["name"] for item in standing.cloud_sql.instances()] == [PRIMARY]


@pytest.mark.parametrize(
    ("table", "where", "says", "remedy"),
    [
        ("insight_feedbak", "true", "there is no table insight_feedbak", "Did you mean insight_feedback?"),
        ("x", "true", "there is no table x", "The tables are "),
        ("insight_feedback", "raiting = 1", 'column "raiting" does not exist', ""),
        ("insight_feedback", "true; DROP TABLE insight_feedback", "multiple commands", ""),
    ],
)
def test_a_wrong_table_or_condition_is_refused_before_the_clone(
    untouched: Target, standing: Standing, table: str, where: str, says: str, remedy: str
) -> None:
    with pytest.raises(CommandFailed) as refused:
        recover_table(untouched, *tools(untouched), moment=datetime.now(UTC), table=table, where=where, keep=False)
    assert says in refused.value.message
    assert refused.value.remedy.startswith(remedy)
    assert [item["name"] for item in standing.cloud_sql.instances()] == [PRIMARY]
    with standing.source.connect(database=DATABASE) as connection:
        assert connection.run("SELECT to_regclass('insight_feedback') IS NULL") == [[False]]


def test_the_migrations_know_every_table(standing: Standing) -> None:
    with standing.source.connect(database=DATABASE) as connection:
        tables = {name for (name,) in connection.run(TABLES)}
    assert tables - {"alembic_version"} <= declared_tables()
    assert not any(re.search(r"_default$|_\d{4}_\d{2}$", table) for table in declared_tables())


def tools(system: Target) -> tuple[Admin, Output]:
    return Admin(system.project, system.endpoint), Output()
