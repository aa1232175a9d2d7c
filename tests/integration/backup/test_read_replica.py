"""A read replica follows its primary, finds it again after whatever happened to either, and takes no writes."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pg8000.native
import pytest
from googleapiclient.errors import HttpError
from tests.integration.backup.conftest import PRIMARY, PROJECT, REGION, SETTINGS, AdminClient
from tests.system.running import until

from commands.errors import CommandFailed
from commands.output import Output
from commands.recover.admin import Admin
from commands.recover.point_in_time import recover_to
from commands.recover.target import Target
from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.google.cloud_sql.service import CloudSqlService
from local_cloud.google.cloud_sql.standby import Standby

REPLICA = f"{PRIMARY}-replica"
REPLICA_REGION = "us-west1"
CATCH_UP_SECONDS = 120
FAST = {"fsync": "off"}
Declare = Callable[[], Standby]


@pytest.fixture
def declare(cloud_sql: CloudSqlService, primary: ManagedPostgres) -> Iterator[Declare]:
    """Starts the replica, as each deployment does."""
    made: list[Standby] = []

    def declared() -> Standby:
        server = cloud_sql.replica(REPLICA, REPLICA_REGION, PRIMARY, settings=FAST, supervised=False)
        made.append(server)
        server.start()
        cloud_sql.adopt(REPLICA, server, REPLICA_REGION, "POSTGRES_17", {"tier": "small"})
        return server

    yield declared
    for server in made:
        server.stop()


def write(server: ManagedPostgres, number: int) -> None:
    with server.connect() as connection:
        connection.run("CREATE TABLE IF NOT EXISTS numbers (n int PRIMARY KEY)")
        connection.run("INSERT INTO numbers VALUES (:n)", n=number)


def await_number(server: ManagedPostgres, number: int) -> None:
    def is_there() -> bool:
        with server.connect() as connection:
            if connection.run("SELECT to_regclass('numbers')") == [[None]]:
                return False
            return bool(connection.run("SELECT FROM numbers WHERE n = :n", n=number))

    until(is_there, CATCH_UP_SECONDS)


def numbers(server: ManagedPostgres) -> list[int]:
    with server.connect() as connection:
        return [number for (number,) in connection.run("SELECT n FROM numbers ORDER BY n")]


def mark(server: Standby) -> Path:
    """Goes with the copy that it is put into."""
    marker = server.folder / "marker"
    marker.touch()
    return marker


def switch_segments(server: ManagedPostgres) -> str:
    """So that what was written up to now is in the archive only; answers the file that holds it."""
    with server.connect() as connection:
        ((name,),) = connection.run("SELECT pg_walfile_name(pg_current_wal_lsn())")
        server.archive_all()

        def is_gone() -> bool:
            """PostgreSQL may not have noted yet that the file is archived."""
            connection.run("CHECKPOINT")
            return not (server.folder / "pg_wal" / name).exists()

        until(is_gone, CATCH_UP_SECONDS)
    return str(name)


def test_it_follows_and_is_read_only_and_the_admin_api_shows_both(
    cloud_sql: CloudSqlService, primary: ManagedPostgres, declare: Declare, admin: AdminClient
) -> None:
    write(primary, 1)
    standby = declare()
    await_number(standby, 1)
    write(primary, 2)
    await_number(standby, 2)
    with pytest.raises(pg8000.native.DatabaseError, match="read-only transaction"):
        write(standby, 3)
    with primary.connect() as connection:
        until(lambda: connection.run("SELECT state FROM pg_stat_replication") == [["streaming"]], CATCH_UP_SECONDS)

    of_primary, of_replica = (
        admin.api.instances().get(project=PROJECT, instance=name).execute() for name in (PRIMARY, REPLICA)
    )
    assert (of_primary["instanceType"], of_primary["replicaNames"]) == ("CLOUD_SQL_INSTANCE", [REPLICA])
    assert (of_replica["instanceType"], of_replica["masterInstanceName"], of_replica["connectionName"]) == (
        "READ_REPLICA_INSTANCE",
        f"{PROJECT}:{PRIMARY}",
        f"{PROJECT}:{REPLICA_REGION}:{REPLICA}",
    )
    assert (cloud_sql.sockets / of_replica["connectionName"] / ".s.PGSQL.5432").exists()
    assert "error" not in admin.clone("copy")
    assert numbers(cloud_sql.server("copy")) == [1, 2]
    for refused in (lambda: admin.back_up(REPLICA), lambda: admin.clone("another", source=REPLICA)):
        with pytest.raises(HttpError, match="is a read replica"):
            refused()


def test_it_goes_on_with_its_copy_after_either_has_stopped_or_crashed(
    primary: ManagedPostgres, declare: Declare
) -> None:
    standby = declare()
    marker = mark(standby)
    primary.kill()
    primary.start()
    write(primary, 1)
    await_number(standby, 1)

    standby.kill()
    standby.start()
    await_number(standby, 1)

    standby.stop()
    write(primary, 2)
    switch_segments(primary)
    again = declare()
    await_number(again, 2)
    assert marker.exists()


def test_what_the_archive_lacks_makes_a_new_copy(primary: ManagedPostgres, declare: Declare) -> None:
    standby = declare()
    marker = mark(standby)
    write(primary, 1)
    await_number(standby, 1)
    standby.stop()
    write(primary, 2)
    (primary.wal / f"{switch_segments(primary)}.z").unlink()
    await_number(declare(), 2)
    assert not marker.exists()


def test_a_limit_that_was_lowered_makes_a_new_copy(primary: ManagedPostgres, declare: Declare) -> None:
    standby = declare()
    marker = mark(standby)
    standby.stop()
    primary.stop()
    primary.settings["max_connections"] = "50"
    primary.start()
    write(primary, 1)
    again = declare()
    await_number(again, 1)
    assert not marker.exists()


def test_a_primary_whose_data_are_lost_makes_a_new_copy(
    cloud_sql: CloudSqlService, primary: ManagedPostgres, declare: Declare
) -> None:
    standby = declare()
    marker = mark(standby)
    standby.stop()
    primary.stop()
    for folder in (primary.folder, primary.wal):
        shutil.rmtree(folder)
    primary.start()
    write(primary, 7)
    await_number(declare(), 7)
    assert not marker.exists()


def test_a_copy_that_was_not_finished_is_made_again(primary: ManagedPostgres, declare: Declare) -> None:
    standby = declare()
    standby.stop()
    standby.folder.rename(standby.folder.with_name("data.fresh"))
    write(primary, 1)
    await_number(declare(), 1)
    assert not standby.folder.with_name("data.fresh").exists()


def test_a_primary_is_restored_without_its_replica_which_then_is_made_anew(
    cloud_sql: CloudSqlService, primary: ManagedPostgres, declare: Declare, admin: AdminClient
) -> None:
    write(primary, 1)
    backup = admin.back_up()
    standby = declare()
    marker = mark(standby)
    write(primary, 2)
    await_number(standby, 2)

    with pytest.raises(HttpError, match="delete them first"):
        admin.restore(backup, PRIMARY)
    system = Target(PROJECT, PRIMARY, "postgres", "postgres", endpoint=admin.url, sockets=str(cloud_sql.sockets))
    with pytest.raises(CommandFailed, match=f"read replica \\({REPLICA}\\)"):
        recover_to(system, Admin(PROJECT, admin.url), Output(), moment=datetime.now(UTC), into=None, replace=True)

    standby.stop()
    primary.stop()
    admin.stop()
    cloud_sql.stop()
    again = CloudSqlService(cloud_sql.folder, PROJECT)
    again.start()
    with again.declared(PRIMARY, REGION, password="secret", settings=FAST, supervised=False) as restored:
        again.adopt(PRIMARY, restored, REGION, "POSTGRES_17", SETTINGS)
        operation = again.restore(PRIMARY, {"restoreBackupContext": {"backupRunId": backup}})
        until(lambda: again.operations.get(operation["name"])["status"] == "DONE", CATCH_UP_SECONDS)
        assert "error" not in again.operations.get(operation["name"])
        with again.replica(REPLICA, REPLICA_REGION, PRIMARY, settings=FAST, supervised=False) as anew:
            await_number(anew, 1)
            assert numbers(anew) == [1]
            write(restored, 3)
            await_number(anew, 3)
        again.stop()
    assert not marker.exists()
