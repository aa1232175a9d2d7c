"""A sound backup passes, an unsound one fails, and nothing is left behind whatever happens."""

import asyncio
import json
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.backup.conftest import DATABASE, PRIMARY, PROJECT, USER, AdminClient, Standing
from tests.integration.backup.test_local_cloudsql import corrupt
from tests.system.running import until

import utxoiq_persistence
from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.google.cloud_sql.service import CloudSqlService
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.backup.backups import BackupService
from utxoiq_persistence.backup.facts import ROWS_A_SAMPLE
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.backup.verification import PURPOSE

pytestmark = pytest.mark.anyio

LEFTOVER = f"{PRIMARY}-verify-00000000"
# Seconds: all of a backup or a verification, on a busy machine too.
BUDGET = 600


async def verify(backups: BackupService) -> dict[str, Any]:
    state = msgspec.json.decode((await backups.verify(BUDGET, resume_only=False)).body)
    verification: dict[str, Any] = state["verification"]
    return verification


async def back_up(backups: BackupService) -> dict[str, Any]:
    backup: dict[str, Any] = msgspec.json.decode((await backups.run(BUDGET)).body)["backup"]
    return backup


def published(source: ManagedPostgres) -> dict[str, list[float]]:
    with source.connect(database=DATABASE) as connection:
        rows = connection.run(
            "SELECT metric_type, array_agg(metric_value) FROM system_metrics "
            "WHERE service_name = 'utxoiq-persistence' GROUP BY metric_type"
        )
    return dict(rows)


def instances(admin: AdminClient) -> set[str]:
    return {item["name"] for item in admin.api.instances().list(project=PROJECT).execute()["items"]}


async def test_a_sound_backup_passes_and_its_figures_are_published(
    backups: BackupService, cloud_sql: CloudSqlService, source: ManagedPostgres, admin: AdminClient
) -> None:
    backup = await back_up(backups)
    assert backup["status"] == "success", backup

    verification = await verify(backups)

    assert verification["status"] == "passed", verification
    assert verification["backup_id"] == backup["backup_id"]
    assert {check["name"] for check in verification["checks"]} == {
        "schema", "row_counts", "samples", "newest_rows", "statistics", "validity", "rules", "keys"
    }  # fmt: skip
    figures = published(source)
    assert figures["backup_verification_success"] == [1]
    assert figures["backup_size"] == [backup["bytes"]]
    assert 0 < figures["backup_age"][0] < BUDGET
    assert 0 < figures["backup_verification_duration"][0] < BUDGET
    assert instances(admin) == {PRIMARY}
    assert [path for path in cloud_sql.folder.rglob("*verify*") if path.name.startswith(PRIMARY)] == []


async def test_backups_that_failed_before_spoil_no_verification(
    backups: BackupService, source: ManagedPostgres
) -> None:
    with source.connect(database=DATABASE) as connection:
        for _ in range(2):
            connection.run(
                "INSERT INTO backup_runs (id, instance, facts_before, error, ended_at) "
                "VALUES (gen_random_uuid(), :name, '{}', 'no room', now())",
                name=PRIMARY,
            )
    await back_up(backups)
    verification = await verify(backups)
    assert verification["status"] == "passed", verification


async def test_a_backup_that_nobody_took_note_of_is_followed_by_one_that_can_be_proved(
    backups: BackupService, admin: AdminClient
) -> None:
    automated = admin.api.backupRuns().list(project=PROJECT, instance=PRIMARY).execute()["items"]
    assert [run["type"] for run in automated] == ["AUTOMATED"]

    verification = await verify(backups)

    assert verification["status"] == "passed", verification
    assert verification["backup_id"] not in {run["id"] for run in automated}


async def test_rows_written_while_the_backup_runs_do_no_harm(backups: BackupService, source: ManagedPostgres) -> None:
    done = asyncio.Event()

    def write(number: int) -> None:
        with source.connect(database=DATABASE) as connection:
            for n in range(50):
                key = f"{number}-{n}"
                connection.run(
                    "INSERT INTO insight_feedback (id, insight_id, user_id, rating) VALUES "
                    "(gen_random_uuid(), 'insight-1', :user, 3)", user=key,
                )  # fmt: skip
                connection.run("DELETE FROM metric_points WHERE id IN (SELECT id FROM metric_points LIMIT 1)")

    async def keep_writing() -> int:
        number = 0
        while not done.is_set():
            await asyncio.to_thread(write, number)
            number += 1
        return number

    writing = asyncio.create_task(keep_writing())
    try:
        backup = await back_up(backups)
    finally:
        done.set()
    assert await writing > 0
    assert backup["status"] == "success"

    verification = await verify(backups)

    assert verification["status"] == "passed", verification


async def test_a_corrupt_backup_fails_and_leaves_no_instance(
    backups: BackupService, cloud_sql: CloudSqlService, source: ManagedPostgres, admin: AdminClient
) -> None:
    backup = await back_up(backups)
    corrupt(cloud_sql.backup_folder(PRIMARY, backup["backup_id"]))

    verification = await verify(backups)

    assert verification["status"] == "failed"
    assert "checksum mismatch" in verification["error"]
    assert published(source)["backup_verification_success"] == [0]
    assert instances(admin) == {PRIMARY}


@pytest.mark.parametrize(
    ("loss", "check"),
    [
        ("DELETE FROM insight_feedback WHERE user_id = 'user-7'", "row_counts"),
        ("UPDATE insight_feedback SET comment = 'another'", "samples"),
        ("UPDATE metric_points SET metric_value = 0", "samples"),
        ("DELETE FROM metric_points WHERE metric_value = 1", "newest_rows"),
        ("ALTER TABLE insight_feedback DROP CONSTRAINT insight_feedback_rating_check", "schema"),
        ("UPDATE insight_stats SET comments = 0", "statistics"),
    ],
)  # fmt: skip
async def test_a_backup_without_what_the_source_held_fails(
    backups: BackupService, source: ManagedPostgres, admin: AdminClient, loss: str, check: str
) -> None:
    """As if Cloud SQL had kept other data than it was given."""
    backup = await back_up(backups)
    with source.connect(database=DATABASE) as connection:
        connection.run(loss)
        spoilt = admin.back_up()
        connection.run(
            "UPDATE backup_runs SET backup_id = :spoilt WHERE id = :id", spoilt=spoilt, id=backup["id"]
        )  # fmt: skip

    verification = await verify(backups)

    assert verification["status"] == "failed"
    assert check in {one["name"] for one in verification["checks"] if not one["passed"]}
    assert published(source)["backup_verification_success"] == [0]
    assert instances(admin) == {PRIMARY}


async def test_metrics_far_from_the_others_take_no_sample_from_them(
    backups: BackupService, source: ManagedPostgres
) -> None:
    with source.connect(database=DATABASE) as connection:
        for moment in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"):
            connection.run(
                "INSERT INTO system_metrics VALUES (gen_random_uuid(), 'api', 'latency', 1, 'ms', :at)", at=moment
            )

    backup = await back_up(backups)

    assert backup["status"] == "success", backup
    with source.connect(database=DATABASE) as connection:
        ((samples,),) = connection.run("SELECT facts_after->'samples' FROM backup_runs")
    sampled = [sample["rows"] for sample in samples if sample["range"]["table"] == "system_metrics"]
    assert len(sampled) == 16
    assert sum(sampled) > 16 * ROWS_A_SAMPLE / 4
    verification = await verify(backups)
    assert verification["status"] == "passed", verification


async def test_a_leftover_instance_is_swept_and_no_other_one(backups: BackupService, admin: AdminClient) -> None:
    labels = {
        LEFTOVER: {"purpose": PURPOSE, "source": PRIMARY},
        "of-another-source": {"purpose": PURPOSE, "source": "another"},
        "without-labels": {},
    }
    for name, own in labels.items():
        body = {
            "name": name,
            "region": "us-central1",
            "databaseVersion": "POSTGRES_17",
            "settings": {"tier": "db-f1-micro", "userLabels": own},
        }
        admin.done(admin.api.instances().insert(project=PROJECT, body=body).execute())

    await verify(backups)
    left = next((op for op in admin.api.operations().list(project=PROJECT, instance=LEFTOVER).execute()["items"]), None)
    assert left is not None
    assert left["operationType"] == "DELETE"
    admin.done(left)

    assert instances(admin) == {PRIMARY, "of-another-source", "without-labels"}


async def test_two_calls_at_once_make_one_verification(backups: BackupService, source: ManagedPostgres) -> None:
    await asyncio.gather(*(verify(backups) for _ in range(4)))
    await verify_to_the_end(backups)
    with source.connect(database=DATABASE) as connection:
        assert connection.run("SELECT count(*) FROM backup_verifications") == [[1]]
    assert published(source)["backup_verification_success"] == [1]


async def test_resuming_begins_nothing(backups: BackupService) -> None:
    assert await verify_resumed(backups) is None


async def verify_to_the_end(backups: BackupService) -> None:
    """The lock of a call that was killed is free as soon as the server has seen that its client is gone."""
    async with asyncio.timeout(300):
        while (await verify_resumed(backups))["ended_at"] is None:
            continue


async def verify_resumed(backups: BackupService) -> Any:
    return msgspec.json.decode((await backups.verify(BUDGET, resume_only=True)).body)["verification"]


def has_begun(source: ManagedPostgres) -> bool:
    with source.connect(database=DATABASE) as connection:
        return bool(connection.run("SELECT FROM backup_verifications"))


# Verifies in a fork for each line that it is given, which is cheaper than to import everything each time.
VERIFYING = """
import asyncio, json, os, sys
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.backup.backups import BackupService
from utxoiq_persistence.config import DatabaseSettings, RedisSettings, Settings
from utxoiq_persistence.store import Store

async def main(settings, redis):
    settings = BackupSettings(DatabaseSettings(**settings.pop("database")), **settings)
    async with Store.opened(Settings("backup", settings.database, RedisSettings(**redis))) as store:
        print(os.getpid(), flush=True)
        await BackupService(settings, store).verify(600, resume_only=False)

for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        asyncio.run(main(*json.loads(sys.argv[1])))
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it keeps its number, by which it may still be killed
    print("ended", flush=True)
"""


async def test_a_verification_that_is_killed_again_and_again_still_ends_well(
    backups: BackupService, backup_settings: BackupSettings, source: ManagedPostgres, admin: AdminClient, valkey: Valkey
) -> None:
    settings = msgspec.to_builtins(backup_settings)
    redis = {"host": valkey.host, "port": valkey.port, "auth": valkey.password}
    environment = {**os.environ, "PYTHONPATH": str(Path(utxoiq_persistence.__file__).parents[1])}
    moments = random.Random(1)  # noqa: S311
    verifying = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VERIFYING, json.dumps([settings, redis]), stdin=PIPE, stdout=PIPE, env=environment
    )
    assert verifying.stdin is not None
    assert verifying.stdout is not None
    for turn in range(10):
        verifying.stdin.write(b"\n")
        process = int(await verifying.stdout.readline())
        if turn == 0:  # else a busy machine may have ended them all before there is one to resume
            await asyncio.to_thread(until, lambda: has_begun(source), 120)
        ended = asyncio.create_task(verifying.stdout.readline())
        await asyncio.wait([ended], timeout=moments.uniform(0, 0.6))
        if not ended.done():
            os.kill(process, signal.SIGKILL)
        assert await ended == b"ended\n"
    verifying.stdin.close()
    assert await verifying.wait() == 0

    await verify_to_the_end(backups)

    with source.connect(database=DATABASE) as connection:
        rows = connection.run("SELECT passed, error, ended_at IS NULL FROM backup_verifications")
    assert rows == [[True, None, False]] * len(rows)
    assert rows
    assert published(source)["backup_verification_success"] == [1] * len(rows)
    assert instances(admin) == {PRIMARY}


def test_the_function_may_read_and_write_no_more_than_it_needs(standing: Standing) -> None:
    with standing.source.connect(user=USER, database=DATABASE) as connection:
        for forbidden in (
            "DELETE FROM metric_points",
            "UPDATE insight_feedback SET rating = 1",
            "SELECT digest FROM api_keys",
            "DELETE FROM backup_runs",
        ):
            with pytest.raises(Exception, match="permission denied"):
                connection.run(forbidden)
