"""The keys that a deployment hands out are what it declares, each time that it is deployed."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.integration.access.conftest import Rows

from utxoiq_persistence.access import declared_keys
from utxoiq_persistence.access.api_keys import digest_key
from utxoiq_persistence.access.declared_keys import DeclaredKey
from utxoiq_persistence.config import Settings
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

STATES = "SELECT id, revoked_at IS NULL FROM api_keys ORDER BY id"


def new_key(identifier: str, **more: Any) -> tuple[str, DeclaredKey]:
    text = f"uiq_{identifier}_{secrets.token_urlsafe(32)}"
    name, scopes = more.pop("name", "deployment-admin"), more.pop("scopes", frozenset({"admin"}))
    return text, DeclaredKey(identifier, digest_key(text.encode()).hex(), name, scopes, **more)


async def test_the_first_admins_key_is_there_from_the_first_deployment_on(
    store: Store, settings: Settings, rows: Rows
) -> None:
    text, key = new_key("firstadmin00")
    for _ in range(2):
        declared_keys.declare(settings.database, [key], "request-1")
    holder = await store.key_ring.check(text.encode())
    assert holder is not None
    assert (holder.scopes, holder.status) == (frozenset({"admin"}), "active")
    assert rows("SELECT actor, action, subject, request_id FROM audit_log") == [
        ["deployment", "key.declare", "firstadmin00", "request-1"]
    ]


async def test_a_deployment_that_declares_another_key_revokes_the_one_before(settings: Settings, rows: Rows) -> None:
    (_, old), (_, new) = new_key("old000000000"), new_key("new000000000")
    declared_keys.declare(settings.database, [old])
    declared_keys.declare(settings.database, [new])
    assert rows(STATES) == [["new000000000", True], ["old000000000", False]]
    assert rows("SELECT action, subject FROM audit_log ORDER BY at, id") == [
        ["key.declare", "old000000000"],
        ["key.revoke", "old000000000"],
        ["key.declare", "new000000000"],
    ]


async def test_a_deployments_key_ends_when_it_says_and_a_later_one_says_otherwise(
    store: Store, settings: Settings, rows: Rows
) -> None:
    (ended, over), (lasting, key) = new_key("over00000000", name="a"), new_key("lasting00000", name="b")
    now = datetime.now(UTC)
    yesterday, tomorrow = now - timedelta(days=1), now + timedelta(days=1)
    declared_keys.declare(settings.database, [replace(over, expires_at=yesterday), replace(key, expires_at=yesterday)])
    declared_keys.declare(settings.database, [replace(over, expires_at=yesterday), replace(key, expires_at=tomorrow)])
    holders = [await store.key_ring.check(text.encode()) for text in (ended, lasting)]
    assert [holder.status for holder in holders if holder] == ["expired", "active"]
    assert rows("SELECT expires_at FROM api_keys ORDER BY name") == [[yesterday], [tomorrow]]


async def test_a_deployment_changes_the_rights_of_its_key(store: Store, settings: Settings, rows: Rows) -> None:
    text, key = new_key("changing0000")
    declared_keys.declare(settings.database, [key])
    changed = DeclaredKey(key.id, key.digest, key.name, frozenset({"metrics:read"}), 5, 6)
    declared_keys.declare(settings.database, [changed])
    holder = await store.key_ring.check(text.encode())
    assert holder is not None
    assert (holder.scopes, holder.requests_per_hour, holder.batches_per_hour) == (frozenset({"metrics:read"}), 5, 6)


async def test_what_an_admin_has_revoked_no_deployment_brings_back(
    store: Store, settings: Settings, rows: Rows
) -> None:
    _, key = new_key("leaked000000")
    declared_keys.declare(settings.database, [key])
    await store.api_keys.revoke(key.id)
    declared_keys.declare(settings.database, [key])
    assert rows(STATES) == [["leaked000000", False]]


async def test_the_keys_that_admins_made_stay(store: Store, settings: Settings, rows: Rows) -> None:
    _, key = new_key("deployed0000")
    rows(
        "INSERT INTO api_keys (id, digest, name, owner, scopes, created_by) VALUES "
        "('adminsown000', sha256('x'), 'indexer', 'o', '{admin}', 'operator:x')"
    )
    declared_keys.declare(settings.database, [key])
    declared_keys.declare(settings.database, [])
    assert rows(STATES) == [["adminsown000", True], ["deployed0000", False]]
