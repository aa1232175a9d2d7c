"""The second copy: an export is made, found again when its call was killed, and proved by restoring it in turn."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
from tests.integration.backup.conftest import DATABASE, EXPORT_BUCKET, PRIMARY, PROJECT, AdminClient
from tests.integration.backup.test_verification import BUDGET, back_up, instances, published, verify

from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.processes.storage import StorageServer
from utxoiq_persistence.backup.backups import BackupService

# As if the verification before had been one of a backup.
BACKUP_WAS_PROVED = """
WITH run AS (
    INSERT INTO backup_runs (id, instance, facts_before, facts_after, backup_id, ended_at)
    VALUES (gen_random_uuid(), :name, '{}', '{}', '1', now()) RETURNING id
)
INSERT INTO backup_verifications (id, step, ended_at, passed, backup_run)
SELECT gen_random_uuid(), 'done', now(), true, id FROM run
"""

pytestmark = pytest.mark.anyio


async def export(backups: BackupService) -> dict[str, Any]:
    exported: dict[str, Any] = msgspec.json.decode((await backups.run(BUDGET, is_export=True)).body)["export"]
    return exported


async def test_exports_and_backups_are_proved_in_turn(
    backups: BackupService, source: ManagedPostgres, admin: AdminClient
) -> None:
    exported = await export(backups)
    assert exported["status"] == "success", exported
    backup = await back_up(backups)

    proved = [await verify(backups) for _ in range(3)]

    assert [one["status"] for one in proved] == ["passed"] * 3, proved
    assert [one["backup_id"] for one in proved] == [backup["backup_id"], exported["backup_id"], backup["backup_id"]]
    assert [check["name"] for check in proved[0]["checks"]] == [check["name"] for check in proved[1]["checks"]]
    assert published(source)["backup_verification_success"] == [1, 1, 1]
    assert instances(admin) == {PRIMARY}


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda dump: dump.replace(b"\tcomment ", b"\tanother "), "samples"),
        (lambda dump: dump[: len(dump) // 2], "ends"),
    ],
    ids=["other comments", "cut off"],
)
async def test_an_export_that_is_not_the_database_fails(
    backups: BackupService,
    storage: StorageServer,
    source: ManagedPostgres,
    admin: AdminClient,
    spoil: Callable[[bytes], bytes],
    error: str,
) -> None:
    exported = await export(backups)
    with source.connect(database=DATABASE) as connection:
        connection.run(BACKUP_WAS_PROVED, name=PRIMARY)
    name = quote(exported["backup_id"], safe="")
    async with httpx.AsyncClient(base_url=storage.url, timeout=120) as client:
        answer = await client.get(f"/storage/v1/b/{EXPORT_BUCKET}/o/{name}", params={"alt": "media"})
        dump = gzip.decompress(answer.content)
        spoilt = spoil(dump)
        assert spoilt != dump
        path = f"/upload/storage/v1/b/{EXPORT_BUCKET}/o?uploadType=media&name={name}"
        (await client.post(path, content=gzip.compress(spoilt))).raise_for_status()

    verification = await verify(backups)

    assert verification["backup_id"] == exported["backup_id"]
    assert verification["status"] == "failed"
    assert error in verification["error"]
    assert instances(admin) == {PRIMARY}


async def test_an_export_whose_call_was_killed_is_found_again_and_a_backup_waits_for_it(
    backups: BackupService, admin: AdminClient
) -> None:
    """A call whose time is up at once begins it; the next one ends it, whatever that was called for."""
    assert msgspec.json.decode((await backups.run(0, is_export=True)).body)["export"]["status"] == "running"
    backup = await back_up(backups)
    assert backup["status"] == "success", backup
    exported = msgspec.json.decode((await backups.status()).body)["export"]
    assert exported["status"] == "success", exported
    listed = admin.api.operations().list(project=PROJECT, instance=PRIMARY).execute()["items"]
    assert [one["exportContext"]["uri"] for one in listed if one["operationType"] == "EXPORT"] == [
        f"gs://{EXPORT_BUCKET}/{exported['backup_id']}"
    ]


async def test_an_export_to_nowhere_fails_and_says_why(
    backups: BackupService, storage: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "_settings", replace(backups._settings, export_bucket="no-such-bucket"))
    exported = await export(backups)
    assert exported["status"] == "failed"
    assert "no-such-bucket" in exported["error"]
