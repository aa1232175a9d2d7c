"""Which parts answer, as /health tells it."""

import asyncio
from dataclasses import replace

import pytest
from tests.integration.standstill import frozen

from utxoiq_persistence import parts
from utxoiq_persistence import store as stores
from utxoiq_persistence.config import Settings
from utxoiq_persistence.postgres.statements import Statement
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

BACKEND = Statement("backend", "SELECT pg_backend_pid()", lambda _: ())


async def test_a_database_that_hangs_is_away_and_holds_up_nobody(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(settings, database=replace(settings.database, statement_timeout_ms=60_000))
    async with Store.opened(settings) as store:
        ((backend,),) = await store.database.fetch(BACKEND)
        with frozen(backend), monkeypatch.context() as patch:
            patch.setattr(stores, "PATIENCE_SECONDS", 0.2)
            assert (await store.parts())["database"] == "away"
            # It was not waited for: it hangs still.
            assert store.database.pool().checked_out == 1
        monkeypatch.setattr(parts, "FRESH_SECONDS", 0)
        assert (await store.parts())["database"] == "ok"


@pytest.mark.usefixtures("patient_with_redis")
async def test_both_answer(store: Store) -> None:
    assert await store.parts() == {"database": "ok", "redis": "ok"}


@pytest.mark.usefixtures("patient_with_redis")
async def test_however_many_ask_there_is_one_look_while_it_is_fresh(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "FRESH_SECONDS", 3600)
    for _ in range(3):
        found = await asyncio.gather(*(store.parts() for _ in range(20)))
        assert found == [{"database": "ok", "redis": "ok"}] * 20
    assert store.database.queries["ping"].durations.count == 1
    monkeypatch.setattr(parts, "FRESH_SECONDS", 0)
    await store.parts()
    assert store.database.queries["ping"].durations.count == 2


@pytest.mark.usefixtures("patient_with_redis")
async def test_one_who_gives_up_leaves_the_look_to_the_others(store: Store) -> None:
    first = asyncio.create_task(store.parts())
    await asyncio.sleep(0)
    second = asyncio.create_task(store.parts())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == {"database": "ok", "redis": "ok"}
    assert first.cancelled()
