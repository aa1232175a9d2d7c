"""The keeper function, over the Admin API: of our on-demand backups the oldest goes, and no other."""

from datetime import timedelta

import pytest
from tests.integration.backup.conftest import PRIMARY, PROJECT, REGION, AdminClient

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.backup import keeping
from utxoiq_persistence.backup.keeping import KeeperSettings
from utxoiq_persistence.backup.runs import DESCRIPTION


def make_backup(admin: AdminClient, description: str) -> str:
    body = {"description": description}
    operation = admin.done(admin.api.backupRuns().insert(project=PROJECT, instance=PRIMARY, body=body).execute())
    return str(operation["backupContext"]["backupId"])


def test_one_call_deletes_the_oldest_of_ours(
    primary: Postgres, admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "KEPT_BACKUPS", 1)
    settings = KeeperSettings(f"{PROJECT}:{REGION}:{PRIMARY}", admin.url)
    made = [make_backup(admin, text) for text in ("of a person", f"{DESCRIPTION} 1", f"{DESCRIPTION} 2")]
    assert keeping.expire_backups(settings) == 0
    monkeypatch.setattr(keeping, "KEPT_FOR", timedelta(0))
    before = {one["id"] for one in admin.api.backupRuns().list(project=PROJECT, instance=PRIMARY).execute()["items"]}
    assert before > set(made)
    assert keeping.expire_backups(settings) == 1
    for operation in admin.api.operations().list(project=PROJECT, instance=PRIMARY).execute()["items"]:
        admin.done(operation)
    assert keeping.expire_backups(settings) == 0
    after = {one["id"] for one in admin.api.backupRuns().list(project=PROJECT, instance=PRIMARY).execute()["items"]}
    assert before - after == {made[1]}
