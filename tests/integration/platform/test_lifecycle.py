"""The rules that the program declares for its buckets delete what has expired, on the real storage server."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from local_cloud.google.lifecycle import BucketRules, UnknownCondition
from local_cloud.google.storage_client import StorageClient
from local_cloud.processes.storage import StorageServer

NOW = datetime.now(UTC)
METRICS = {"daysSinceCustomTime": 365, "matchesPrefixes": ["system_metrics/", "manifests/system_metrics/"]}
ARCHIVE = {
    "lifecycleRules": [
        {"action": {"type": "SetStorageClass", "storageClass": "COLDLINE"}, "condition": {"age": 30}},
        {"action": {"type": "Delete"}, "condition": METRICS},
        {"action": {"type": "Delete"}, "condition": {"age": 1825}},
        {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": 30}},
    ]
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StorageServer]:
    with StorageServer(tmp_path / "buckets") as server:
        yield server


def upload(server: StorageServer, name: str, custom_time: datetime | None = None) -> None:
    client = storage.Client(
        "shop",
        AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": server.url},
    )
    bucket = client.bucket("shop-archive")
    if not bucket.exists():
        bucket.create()
    blob = bucket.blob(name)
    blob.custom_time = custom_time
    blob.upload_from_string(b"content")


def expire(server: StorageServer, inputs: Mapping[str, Any], now: datetime | None = None) -> set[str]:
    """Delete what has expired at a moment, by default the present, and return what is left."""

    async def scenario() -> set[str]:
        async with aiohttp.ClientSession() as session:
            client = StorageClient(server.url, session)
            items = await client.list_objects("shop-archive")
            for name in BucketRules.from_inputs(inputs).expired(items, now or datetime.now(UTC)):
                await client.delete("shop-archive", name)
            return {str(item["name"]) for item in await client.list_objects("shop-archive")}

    return asyncio.run(scenario())


def test_metrics_leave_by_the_age_of_what_they_hold_and_all_else_by_its_own(server: StorageServer) -> None:
    old, young = NOW - timedelta(days=366), NOW - timedelta(days=364)
    for name, moment in (
        ("system_metrics/day=1/old.parquet", old),
        ("manifests/system_metrics/day=1/old.json", old),
        ("system_metrics/day=2/young.parquet", young),
        ("insight_feedback/day=1/old.parquet", old),
        ("system_metrics/untimed.parquet", None),
    ):
        upload(server, name, moment)
    kept = {
        "system_metrics/day=2/young.parquet",
        "insight_feedback/day=1/old.parquet",
        "system_metrics/untimed.parquet",
    }
    assert expire(server, ARCHIVE) == kept
    assert expire(server, ARCHIVE, NOW + timedelta(days=1824)) == kept - {"system_metrics/day=2/young.parquet"}
    assert expire(server, ARCHIVE, NOW + timedelta(days=1826)) == set()


def test_what_is_retained_stays_until_that_is_over(server: StorageServer) -> None:
    upload(server, "weekly/1")
    rules = {
        "lifecycleRules": [{"action": {"type": "Delete"}, "condition": {"age": 28, "matchesPrefixes": ["weekly/"]}}],
        "retentionPolicy": {"retentionPeriod": str(40 * 86_400)},
    }
    assert expire(server, rules, NOW + timedelta(days=39)) == {"weekly/1"}
    assert expire(server, rules, NOW + timedelta(days=41)) == set()


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"action": {"type": "Delete"}, "condition": {"age": 1, "numNewerVersions": 3}}, "numNewerVersions"),
        ({"action": {"type": "Freeze"}, "condition": {"age": 1}}, "Freeze"),
    ],
)
def test_a_rule_that_is_not_known_fails_by_its_name(rule: Mapping[str, Any], named: str) -> None:
    with pytest.raises(UnknownCondition, match=named):
        BucketRules.from_inputs({"lifecycleRules": [rule]})
