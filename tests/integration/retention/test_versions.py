"""What the keeper removes of a versioned bucket, and what a retention policy keeps from it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.retention.versioned_storage import BUCKET, VersionedStorage
from tests.integration.retention.world import PROJECT

from utxoiq_persistence.archive import expunging
from utxoiq_persistence.archive.bucket import ArchiveUnavailable, manifest_name, withdrawal_name
from utxoiq_persistence.archive.expunging import Expunged, ExpungingSettings

DAY = "insight_feedback/year=2024/month=01/day=02"
CLEAR, SEALED, UNTOUCHED = f"{DAY}/clear.parquet", f"{DAY}/sealed.parquet", f"{DAY}/untouched.parquet"
SETTINGS = ExpungingSettings(PROJECT, BUCKET)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[VersionedStorage]:
    """An object in clear in three versions and a sealed one in two, both withdrawn; and one that is not."""
    bucket = VersionedStorage()
    for number in range(3):
        bucket.put(CLEAR, b"said by ann, %d" % number)
    for number in range(2):
        bucket.put(SEALED, b"encrypted, %d" % number)
    bucket.put(UNTOUCHED, b"said by bob")
    for name, columns in ((CLEAR, {"comment": "varchar"}), (SEALED, {"sealed": "bytea"}), (UNTOUCHED, {})):
        bucket.put(manifest_name(name), json.dumps({"object": name, "columns": columns}).encode())
    for name in (CLEAR, SEALED):
        bucket.put(withdrawal_name(name), b"{}")
    with bucket.serving() as url:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        yield bucket


def contents(bucket: VersionedStorage, name: str) -> list[bytes]:
    return [version.content for version in bucket.versions if version.name == name]


def test_what_lies_in_clear_goes_in_every_version(bucket: VersionedStorage) -> None:
    others = [version for version in bucket.versions if version.name != CLEAR]
    clear = [version.generation for version in bucket.versions if version.name == CLEAR]
    assert expunging.expunge(SETTINGS) == Expunged(1, 0)
    assert bucket.versions == others
    # Each by its generation, the live one last: a run that dies leaves an object that the next one finds.
    assert bucket.deletions == [(CLEAR, generation) for generation in clear]
    assert expunging.expunge(SETTINGS) == Expunged(0, 0)


def test_what_was_deleted_before_goes_in_its_noncurrent_versions(bucket: VersionedStorage) -> None:
    """A person with a shell deleted the live one."""
    bucket.delete(CLEAR, None)
    assert len(contents(bucket, CLEAR)) == 3
    assert expunging.expunge(SETTINGS) == Expunged(1, 0)
    assert contents(bucket, CLEAR) == []


def test_a_retention_policy_keeps_an_object_until_its_time_is_over(bucket: VersionedStorage) -> None:
    versions = [version for version in bucket.versions if version.name == CLEAR]
    for version in versions:
        version.kept_until = datetime.now(UTC) + timedelta(days=1)
    assert expunging.expunge(SETTINGS) == Expunged(0, 1)
    assert bucket.deletions == []
    for version in versions:
        version.kept_until = datetime.now(UTC) - timedelta(seconds=1)
    assert expunging.expunge(SETTINGS) == Expunged(1, 0)
    assert contents(bucket, CLEAR) == []


@pytest.mark.parametrize("of", ["the live version", "an older version"])
def test_what_cloud_storage_refuses_to_delete_is_kept_and_does_not_end_the_run(
    bucket: VersionedStorage, of: str
) -> None:
    """The list tells of no hold, so the refusal comes with the deletion."""
    versions = [version for version in bucket.versions if version.name == CLEAR]
    held = versions[-1 if of == "the live version" else 0]
    held.held = True
    other = CLEAR.replace("clear", "another")
    bucket.put(other, b"said by carol")
    bucket.put(withdrawal_name(other), b"{}")
    assert expunging.expunge(SETTINGS) == Expunged(1, 1)
    assert contents(bucket, other) == []
    assert held.content in contents(bucket, CLEAR)
    held.held = False
    assert expunging.expunge(SETTINGS) == Expunged(1, 0)
    assert contents(bucket, CLEAR) == []


def test_a_policy_that_comes_between_list_and_deletion_keeps_the_object(
    bucket: VersionedStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in bucket.versions:
        version.kept_until = datetime.now(UTC) + timedelta(days=1)
    resource = type(bucket.versions[0]).resource

    def without_policy(version: object) -> dict[str, str]:
        shown = resource(version)  # type: ignore[arg-type]
        shown.pop("retentionExpirationTime")
        return shown

    monkeypatch.setattr(type(bucket.versions[0]), "resource", without_policy)
    assert expunging.expunge(SETTINGS) == Expunged(0, 1)
    assert len(contents(bucket, CLEAR)) == 3
    assert len(bucket.deletions) == 1


def test_a_version_that_somebody_deletes_meanwhile_is_gone_all_the_same(
    bucket: VersionedStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = bucket.delete

    def delete_after_another(name: str, generation: int | None) -> tuple[int, tuple[str, str]]:
        delete(name, generation)
        return delete(name, generation)

    monkeypatch.setattr(bucket, "delete", delete_after_another)
    assert expunging.expunge(SETTINGS) == Expunged(1, 0)
    assert contents(bucket, CLEAR) == []


def test_another_refusal_is_no_policy(bucket: VersionedStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An identity that lacks the right must not report that all is as it should be."""

    def refuse(name: str, generation: int | None) -> tuple[int, tuple[str, str]]:
        return 403, ("forbidden", "keeper does not have storage.objects.delete access")

    monkeypatch.setattr(bucket, "delete", refuse)
    with pytest.raises(ArchiveUnavailable):
        expunging.expunge(SETTINGS)
