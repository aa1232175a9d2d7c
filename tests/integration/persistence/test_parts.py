"""Which parts answer, as /health tells it."""

from dataclasses import replace

import pytest
from tests.integration.standstill import frozen

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
        assert (await store.parts())["database"] == "ok"


@pytest.mark.usefixtures("patient_with_redis")
async def test_both_answer(store: Store) -> None:
    assert await store.parts() == {"database": "ok", "redis": "ok"}
