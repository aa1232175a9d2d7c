"""The pool under more users than connections, and under connections that die."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.conftest import SERVER_SETTINGS, database_settings
from tests.integration.standstill import frozen

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.config import DatabaseSettings, Settings
from utxoiq_persistence.errors import DatabaseUnavailable, PoolExhausted
from utxoiq_persistence.postgres import database as databases
from utxoiq_persistence.postgres import session as sessions
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Session, connector
from utxoiq_persistence.postgres.statements import Statement

pytestmark = pytest.mark.anyio

BACKEND = Statement("backend", "SELECT pg_backend_pid()", lambda _: ())


@pytest.fixture
def small(settings: Settings) -> DatabaseSettings:
    return replace(settings.database, pool_size=2, pool_overflow=3)


@asynccontextmanager
async def opened(settings: DatabaseSettings) -> AsyncIterator[Database]:
    database = Database(settings, connector(settings))
    try:
        yield database
    finally:
        await database.close()


def sleeping(seconds: float) -> Callable[[Session], None]:
    return lambda session: session.execute(f"SELECT pg_sleep({seconds})")


async def backend(database: Database) -> int:
    ((pid,),) = await database.fetch(BACKEND)
    return int(pid)


def terminate(postgres: Postgres, database: str) -> None:
    """Returns when their backends have ended."""
    ending = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = :name"
    with postgres.connect() as connection:
        connection.run(ending, name=database)


async def test_more_users_than_connections_are_all_served(settings: Settings) -> None:
    async with opened(settings.database) as database:
        pids = await asyncio.gather(*(backend(database) for _ in range(300)))
        assert len(pids) == 300
        pool = database.pool()
        assert (pool.checked_out, pool.waiting, pool.timeouts) == (0, 0, 0)
        assert pool.checked_in <= settings.database.pool_size + settings.database.pool_overflow


async def test_those_who_wait_get_overflow_connections_which_are_kept_for_a_while(
    small: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "OVERFLOW_REST", 0.3)
    async with opened(small) as database:
        work = [asyncio.create_task(database.work("sleep", sleeping(0.4))) for _ in range(5)]
        await asyncio.sleep(0.2)
        pool = database.pool()
        assert (pool.checked_out, pool.overflow, pool.waiting) == (5, 3, 0)
        await asyncio.gather(*work)
        pool = database.pool()
        assert (pool.checked_in, pool.checked_out, pool.overflow) == (5, 0, 3)
        async with asyncio.timeout(5):
            while database.pool().overflow:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        assert database.pool().checked_in == 2


async def test_who_waits_too_long_is_told_that_the_pool_is_exhausted(small: DatabaseSettings) -> None:
    async with opened(replace(small, pool_timeout=0.1)) as database:
        work = [asyncio.create_task(database.work("sleep", sleeping(0.5))) for _ in range(5)]
        await asyncio.sleep(0.1)
        with pytest.raises(PoolExhausted, match=r"every database connection stayed in use for 0\.1 s"):
            await backend(database)
        assert (database.pool().timeouts, database.pool().waiting) == (1, 0)
        await asyncio.gather(*work)
        await backend(database)


async def test_waits_that_end_as_places_come_lose_none(small: DatabaseSettings) -> None:
    """Time-outs, cancellations and releases at the same moments."""
    async with opened(replace(small, pool_timeout=0.03)) as database:
        for _ in range(15):
            tasks = [asyncio.create_task(database.work("sleep", sleeping(0.01))) for _ in range(25)]
            await asyncio.sleep(0.025)
            for task in tasks[::3]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert database.pool().checked_out == 0
        await asyncio.gather(*(database.work("sleep", sleeping(0.005)) for _ in range(5)))
        assert database.pool().waiting == 0


async def test_a_cancelled_request_leaves_nothing_running_and_leaks_nothing(small: DatabaseSettings) -> None:
    async with opened(small) as database:
        ended = []

        def work(session: Session) -> None:
            session.execute("SELECT pg_sleep(0.2)")
            ended.append(time.monotonic())

        task = asyncio.create_task(database.work("work", work))
        await asyncio.sleep(0.1)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.01)
        with pytest.raises(asyncio.CancelledError):
            await task
        # The caller goes on only when what it began has ended: whatever it does next comes after.
        assert len(ended) == 1
        assert (database.pool().checked_out, database.pool().checked_in) == (0, 1)


async def test_old_connections_are_replaced(small: DatabaseSettings) -> None:
    async with opened(replace(small, pool_recycle=0.05)) as database:
        first = await backend(database)
        assert await backend(database) == first
        await asyncio.sleep(0.06)
        assert await backend(database) != first


async def test_connections_that_the_server_closed_are_replaced(
    small: DatabaseSettings, postgres: Postgres, database: str
) -> None:
    async with opened(small) as pool:
        await asyncio.gather(pool.work("sleep", sleeping(0.05)), pool.work("sleep", sleeping(0.05)))
        first = await backend(pool)
        await asyncio.to_thread(terminate, postgres, database)
        assert await backend(pool) != first
        assert pool.queries["backend"].errors == 0


async def test_the_pool_survives_a_restart_of_the_server(tmp_path: Path) -> None:
    with Postgres(tmp_path / "data", password="unused", settings=SERVER_SETTINGS) as server:
        async with opened(database_settings(server, "postgres")) as database:
            await backend(database)
            server.kill()
            with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
                await backend(database)
            server.start()
            await backend(database)


async def test_a_statement_that_takes_too_long_ends_and_its_connection_stays(small: DatabaseSettings) -> None:
    async with opened(replace(small, statement_timeout_ms=100)) as database:
        first = await backend(database)
        with pytest.raises(DatabaseUnavailable, match="took too long"):
            await database.work("sleep", sleeping(5))
        assert await backend(database) == first
        assert database.queries["sleep"].errors == 1


async def test_a_server_that_goes_silent_is_given_up(small: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SILENCE_SECONDS", 0.1)
    async with opened(replace(small, statement_timeout_ms=100)) as database:
        first = await backend(database)
        with frozen(first):
            with pytest.raises(DatabaseUnavailable) as refusal:
                await database.fetch(BACKEND)
            assert refusal.value.outcome_unknown
            assert await backend(database) != first


async def test_a_closed_pool_refuses_work_and_keeps_no_connection(
    small: DatabaseSettings, postgres: Postgres, database: str
) -> None:
    async with opened(small) as pool:
        running = asyncio.create_task(pool.work("sleep", sleeping(0.1)))
        await asyncio.sleep(0.05)
    await running
    with pytest.raises(DatabaseUnavailable, match="shutting down"):
        await backend(pool)
    with postgres.connect() as connection:
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = :name"
        deadline = time.monotonic() + 5
        while connection.run(count, name=database) != [[0]]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
