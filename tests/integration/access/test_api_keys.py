"""API keys in a real database: shown once, stored as a hash, rotated without a gap, revoked within seconds."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.access.conftest import Rows, Stores

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.access import key_ring
from utxoiq_persistence.access.api_keys import IssuedKey, digest_key
from utxoiq_persistence.access.key_ring import TRUSTED_SECONDS
from utxoiq_persistence.errors import DatabaseUnavailable, KeyEnded, NameTaken, NotFound
from utxoiq_persistence.records import ApiKeyQuery, KeyRotation, NewApiKey
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

UNKNOWN = "abcdefghijkl"


async def create(store: Store, name: str = "indexer", **more: Any) -> tuple[str, str]:
    """A new key's text and id."""
    issued = await store.api_keys.create(NewApiKey(name, "platform", frozenset({"metrics:write"}), **more))
    return issued.text, row_of(issued)["id"]


def row_of(issued: IssuedKey) -> Any:
    return json.loads(issued.row.body)


async def listed(store: Store, key_id: str) -> Any:
    return json.loads((await store.api_keys.get(key_id)).body)


async def status_of(store: Store, key: str) -> str | None:
    holder = await store.key_ring.check(key.encode())
    return None if holder is None else holder.status


async def test_a_new_key_opens_what_its_scopes_say_and_is_shown_once(store: Store, rows: Rows) -> None:
    text, _ = await create(store, requests_per_hour=50_000)
    holder = await store.key_ring.check(text.encode())
    assert holder is not None
    assert (holder.name, holder.scopes, holder.status) == ("indexer", frozenset({"metrics:write"}), "active")
    assert (holder.requests_per_hour, holder.batches_per_hour) == (50_000, None)
    assert rows("SELECT digest FROM api_keys") == [[digest_key(text.encode())]]
    ((keys,), (entries,)) = rows(
        "SELECT json_agg(k)::text FROM api_keys k UNION SELECT json_agg(a)::text FROM audit_log a"
    )
    assert text.rpartition("_")[2] not in keys + entries


@pytest.mark.parametrize("key", [b"", b"uiq_", b"uiq_abcdefghijkl_" + b"A" * 43, b"\xff" * 60, b"x" * 100_000])
async def test_what_is_no_key_is_none(store: Store, key: bytes) -> None:
    assert await store.key_ring.check(key) is None
    assert not store.key_ring.knows(key)


async def test_a_name_in_use_is_refused_until_its_key_is_revoked(store: Store) -> None:
    _, key_id = await create(store)
    with pytest.raises(NameTaken):
        await create(store)
    await store.api_keys.revoke(key_id)
    await create(store)


async def test_both_keys_are_valid_while_a_rotation_overlaps(store: Store) -> None:
    text, key_id = await create(store, batches_per_hour=7)
    issued = await store.api_keys.rotate(key_id, KeyRotation(overlap_seconds=60))
    old, new = await listed(store, key_id), row_of(issued)
    assert [await status_of(store, key) for key in (text, issued.text)] == ["active", "active"]
    assert old["successor"] == new["id"]
    assert all(old[field] == new[field] for field in ("name", "owner", "scopes", "batches_per_hour"))
    left = datetime.fromisoformat(old["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=50) < left <= timedelta(seconds=60)


async def test_a_rotation_without_overlap_ends_the_old_key(store: Store) -> None:
    text, key_id = await create(store)
    issued = await store.api_keys.rotate(key_id, KeyRotation(overlap_seconds=0))
    assert [await status_of(store, key) for key in (text, issued.text)] == ["expired", "active"]


async def test_a_rotation_gives_an_expiring_key_no_longer_life(store: Store) -> None:
    expiry = datetime.now(UTC) + timedelta(minutes=1)
    _, key_id = await create(store, expires_at=expiry)
    await store.api_keys.rotate(key_id, KeyRotation(overlap_seconds=3600))
    assert datetime.fromisoformat((await listed(store, key_id))["expires_at"]) == expiry


async def test_a_key_is_rotated_once_and_only_while_it_is_active(store: Store) -> None:
    _, first = await create(store)
    second = row_of(await store.api_keys.rotate(first, KeyRotation()))["id"]
    with pytest.raises(KeyEnded, match=second):
        await store.api_keys.rotate(first, KeyRotation())
    await store.api_keys.revoke(second)
    with pytest.raises(KeyEnded, match="revoked"):
        await store.api_keys.rotate(second, KeyRotation())
    with pytest.raises(NotFound):
        await store.api_keys.rotate(UNKNOWN, KeyRotation())


async def test_of_two_rotations_at_once_one_succeeds(store: Store) -> None:
    _, key_id = await create(store)
    calls = (store.api_keys.rotate(key_id, KeyRotation()) for _ in range(2))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["IssuedKey", "KeyEnded"]


async def test_a_revocation_holds_on_every_instance_within_seconds(store: Store, stores: Stores) -> None:
    text, key_id = await create(store)
    async with stores(2) as others:
        assert [await status_of(other, text) for other in others] == ["active", "active"]
        await store.api_keys.revoke(key_id)
        await asyncio.sleep(TRUSTED_SECONDS)
        assert [await status_of(other, text) for other in others] == ["revoked", "revoked"]


async def test_revoking_twice_keeps_the_first_moment(store: Store) -> None:
    _, key_id = await create(store)
    first, second = [await store.api_keys.revoke(key_id) for _ in range(2)]
    assert first == second
    with pytest.raises(NotFound):
        await store.api_keys.revoke(UNKNOWN)


async def test_a_known_key_outlasts_a_short_outage_of_the_database(
    store: Store, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, _ = await create(store)
    other, _ = await create(store, "other")
    assert await status_of(store, text) == "active"
    monkeypatch.setattr(key_ring, "TRUSTED_SECONDS", 0.0)
    postgres.kill()
    try:
        await asyncio.sleep(TRUSTED_SECONDS)
        assert await status_of(store, text) == "active"
        with pytest.raises(DatabaseUnavailable):
            await status_of(store, other)
        monkeypatch.setattr(key_ring, "GRACE_SECONDS", 0.0)
        with pytest.raises(DatabaseUnavailable):
            await status_of(store, text)
    finally:
        postgres.start()


async def test_an_expired_key_says_that_it_is(store: Store) -> None:
    text, _ = await create(store, expires_at=datetime.now(UTC) + timedelta(seconds=1.5))
    assert await status_of(store, text) == "active"
    await asyncio.sleep(1.55)  # less than what was looked up is trusted for
    assert await status_of(store, text) == "expired"


async def test_a_use_is_noted_without_a_write_a_request(store: Store, rows: Rows) -> None:
    text, _ = await create(store)
    for _ in range(1000):
        await store.key_ring.check(text.encode())
    assert store.database.queries["check_key"].durations.count == 1
    assert rows("SELECT last_used_at > now() - interval '1 minute' FROM api_keys") == [[True]]


async def test_a_use_is_noted_once_a_minute(store: Store, stores: Stores, rows: Rows) -> None:
    text, _ = await create(store)
    await store.key_ring.check(text.encode())
    noted = rows("SELECT last_used_at FROM api_keys")
    async with stores(1) as (other,):
        await other.key_ring.check(text.encode())
        assert rows("SELECT last_used_at FROM api_keys") == noted
    rows("UPDATE api_keys SET last_used_at = last_used_at - interval '1 hour'")
    async with stores(1) as (other,):
        await other.key_ring.check(text.encode())
    assert rows("SELECT last_used_at FROM api_keys") > noted


async def test_one_lookup_serves_all_who_show_a_key_at_once(store: Store) -> None:
    text, _ = await create(store)
    await asyncio.gather(*(store.key_ring.check(text.encode()) for _ in range(100)))
    assert store.database.queries["check_key"].durations.count == 1


async def test_pages_of_keys_are_newest_first_and_filtered(store: Store) -> None:
    ids = [(await create(store, f"key-{n}"))[1] for n in range(5)]
    await store.api_keys.revoke(ids[0])
    seen: list[str] = []
    page = await store.api_keys.find(ApiKeyQuery(status="active", limit=3))
    seen += [key["id"] for key in json.loads(page.body)]
    page = await store.api_keys.find(ApiKeyQuery(status="active", limit=3, cursor=page.next_cursor))
    seen += [key["id"] for key in json.loads(page.body)]
    assert page.next_cursor is None
    assert seen == ids[:0:-1]
    assert (await store.api_keys.find(ApiKeyQuery(owner="nobody"))).body == b"[]"
