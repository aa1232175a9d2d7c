"""The local Cloud SQL keeps what Google's promises: backups restore, clones are exact, what is wrong is refused."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from googleapiclient.errors import HttpError
from tests.integration.backup.conftest import PRIMARY, PROJECT, AdminClient, Standing

from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.google.cloud_sql.service import CloudSqlService

COPY = "utxoiq-test-copy"


def numbers(server: ManagedPostgres) -> list[int]:
    connection = server.connect()
    try:
        return [number for (number,) in connection.run("SELECT n FROM numbers ORDER BY n")]
    finally:
        connection.close()


def write(server: ManagedPostgres, *values: int) -> None:
    connection = server.connect()
    try:
        connection.run("CREATE TABLE IF NOT EXISTS numbers (n int PRIMARY KEY)")
        for value in values:
            connection.run("INSERT INTO numbers VALUES (:n)", n=value)
    finally:
        connection.close()


def corrupt(folder: Path) -> None:
    """One byte of the largest file that holds rows."""
    largest = max((folder / "base").rglob("[0-9]*"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    largest.write_bytes(content)


def test_a_backup_restores_into_another_instance(
    cloud_sql: CloudSqlService, primary: ManagedPostgres, admin: AdminClient
) -> None:
    write(primary, 1, 2)
    backup = admin.back_up()
    write(primary, 3)
    admin.insert(COPY)

    assert "error" not in admin.restore(backup, COPY)

    assert numbers(cloud_sql.server(COPY)) == [1, 2]
    assert numbers(primary) == [1, 2, 3]
    body = admin.api.instances().get(project=PROJECT, instance=COPY).execute()
    assert body["state"] == "RUNNABLE"
    assert (cloud_sql.sockets / body["connectionName"] / ".s.PGSQL.5432").exists()


def test_a_backup_restores_over_its_own_instance_and_recovery_goes_on_from_there(
    cloud_sql: CloudSqlService, primary: ManagedPostgres, admin: AdminClient
) -> None:
    write(primary, 1)
    backup = admin.back_up()
    write(primary, 2)

    assert "error" not in admin.restore(backup, PRIMARY)

    assert numbers(primary) == [1]
    write(primary, 3)
    moment = datetime.now(UTC).isoformat()
    write(primary, 4)
    assert "error" not in admin.clone(COPY, moment)
    assert numbers(cloud_sql.server(COPY)) == [1, 3]


def test_a_clone_holds_everything_up_to_the_moment_and_nothing_after(
    cloud_sql: CloudSqlService, primary: ManagedPostgres, admin: AdminClient
) -> None:
    write(primary, 1)
    time.sleep(0.5)  # a base backup has ended by the moment that is asked for
    write(primary, 2)
    moment = datetime.now(UTC).isoformat()
    write(primary, 3)

    assert "error" not in admin.clone(COPY, moment)

    assert numbers(cloud_sql.server(COPY)) == [1, 2]


def test_a_clone_of_now_holds_everything(
    cloud_sql: CloudSqlService, primary: ManagedPostgres, admin: AdminClient
) -> None:
    write(primary, 1, 2)
    assert "error" not in admin.clone(COPY)
    assert numbers(cloud_sql.server(COPY)) == [1, 2]


def test_a_corrupt_backup_is_refused_and_leaves_the_target_as_it_was(
    cloud_sql: CloudSqlService, primary: ManagedPostgres, admin: AdminClient
) -> None:
    write(primary, 1)
    backup = admin.back_up()
    corrupt(cloud_sql.backup_folder(PRIMARY, backup))

    operation = admin.restore(backup, PRIMARY)

    assert "checksum mismatch" in operation["error"]["errors"][0]["message"]
    assert numbers(primary) == [1]


def test_a_deleted_instance_leaves_nothing(
    cloud_sql: CloudSqlService, primary: ManagedPostgres, admin: AdminClient
) -> None:
    admin.insert(COPY)
    server = cloud_sql.server(COPY)

    admin.done(admin.api.instances().delete(project=PROJECT, instance=COPY).execute())

    assert not server.folder.exists()
    assert server.process is None
    with pytest.raises(HttpError, match="does not exist"):
        admin.api.instances().get(project=PROJECT, instance=COPY).execute()


@pytest.mark.parametrize(
    ("status", "call"),
    [
        (404, lambda api: api.instances().get(project=PROJECT, instance="none")),
        (404, lambda api: api.backupRuns().list(project=PROJECT, instance="none")),
        (404, lambda api: api.backupRuns().get(project=PROJECT, instance=PRIMARY, id="1")),
        (404, lambda api: api.operations().get(project=PROJECT, operation="none")),
        (400, lambda api: api.instances().insert(project=PROJECT, body={"name": COPY})),
        (400, lambda api: api.instances().delete(project=PROJECT, instance=PRIMARY)),
        (
            400,
            lambda api: api.instances().clone(
                project=PROJECT,
                instance=PRIMARY,
                body={"cloneContext": {"destinationInstanceName": COPY, "pointInTime": "2020-01-01T00:00:00Z"}},
            ),
        ),
        (403, lambda api: api.instances().list(project="another")),
    ],
)
def test_what_is_wrong_is_refused(standing: Standing, status: int, call: Any) -> None:
    with pytest.raises(HttpError) as refused:
        call(standing.admin.api).execute()
    assert refused.value.status_code == status


@pytest.fixture(scope="module")
def deletable(standing: Standing) -> str:
    """An instance that whoever may delete it could."""
    assert "error" not in standing.admin.clone(COPY)
    return COPY


@pytest.mark.parametrize("headers", [{"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}])
def test_a_page_in_a_browser_deletes_no_instance(standing: Standing, deletable: str, headers: dict[str, str]) -> None:
    instance = f"{standing.admin.url}/v1/projects/{PROJECT}/instances/{deletable}"
    refused = httpx.delete(instance, headers=headers, timeout=120)
    assert refused.status_code == 403
    assert [operation["operationType"] for operation in standing.cloud_sql.operations.all()].count("DELETE") == 0


def test_an_instance_that_was_made_runs_again_after_a_restart(tmp_path: Path) -> None:
    processes: dict[str, int] = {}
    first = CloudSqlService(
        tmp_path / "sql", PROJECT, settings={"fsync": "off"}, remember=lambda name, pid: processes.update({name: pid})
    )
    first.start()
    body = {"name": COPY, "region": "us-central1", "databaseVersion": "POSTGRES_17", "settings": {"tier": "small"}}
    first.insert(body)
    first.operations.close()  # waits for what is under way
    process = first.server(COPY).process
    # By which `make down` finds it, if its deployer was killed.
    assert process is not None
    assert processes == {f"cloudsql/{COPY}": process.pid}
    first.stop()

    second = CloudSqlService(tmp_path / "sql", PROJECT, settings={"fsync": "off"})
    second.start()
    try:
        assert second.instance(COPY)["state"] == "RUNNABLE"
        write(second.server(COPY), 1)
        assert numbers(second.server(COPY)) == [1]
    finally:
        second.stop()
