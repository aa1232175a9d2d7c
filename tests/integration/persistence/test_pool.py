"""The pool under more users than connections, and under connections that die."""

import asyncio
import threading
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


class Held:
    """Work that goes on until it is released."""

    def __init__(self) -> None:
        self.ended = 0
        self._begun: asyncio.Queue[None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._go_on = threading.Event()

    def __call__(self, session: Session) -> None:
        self._loop.call_soon_threadsafe(self._begun.put_nowait, None)
        self._go_on.wait()
        session.execute("SELECT 1")
        self.ended += 1

    async def has_begun(self, times: int) -> None:
        """Return when so many more have begun."""
        async with asyncio.timeout(60):
            for _ in range(times):
                await self._begun.get()

    def release(self) -> None:
        self._go_on.set()


async def use_all(database: Database, settings: DatabaseSettings) -> None:
    """As many connections at once as there may be."""
    held = Held()
    places = settings.pool_size + settings.pool_overflow
    work = [asyncio.create_task(database.work("hold", held)) for _ in range(places)]
    try:
        await held.has_begun(places)
        pool = database.pool()
        assert (pool.checked_out, pool.overflow, pool.waiting) == (places, settings.pool_overflow, 0)
    finally:
        held.release()
    await asyncio.gather(*work)


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
    monkeypatch.setattr(databases, "OVERFLOW_REST", 3600)
    async with opened(small) as database:
        await use_all(database, small)
        pool = database.pool()
        assert (pool.checked_in, pool.checked_out, pool.overflow) == (5, 0, 3)


async def test_overflow_connections_that_have_rested_are_closed(
    small: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "OVERFLOW_REST", 0.05)
    async with opened(small) as database:
        await use_all(database, small)
        async with asyncio.timeout(60):
            while database.pool().overflow:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        assert database.pool().checked_in == 2


async def test_who_waits_too_long_is_told_that_the_pool_is_exhausted(small: DatabaseSettings) -> None:
    async with opened(replace(small, pool_overflow=0, pool_timeout=0.1)) as database:
        held = Held()
        work = [asyncio.create_task(database.work("hold", held)) for _ in range(2)]
        try:
            await held.has_begun(2)
            with pytest.raises(PoolExhausted, match=r"every database connection stayed in use for 0\.1 s"):
                await backend(database)
        finally:
            held.release()
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
        database._settings = small
        await use_all(database, small)
        assert database.pool().waiting == 0


async def test_a_cancelled_request_leaves_nothing_running_and_leaks_nothing(small: DatabaseSettings) -> None:
    async with opened(small) as database:
        held = Held()
        task = asyncio.create_task(database.work("hold", held))
        try:
            await held.has_begun(1)
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0.01)
            # The caller goes on only when what it began has ended: whatever it does next comes after.
            assert not task.done()
        finally:
            held.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert held.ended == 1
        assert (database.pool().checked_out, database.pool().checked_in) == (0, 1)


async def test_old_connections_are_replaced(small: DatabaseSettings) -> None:
    async with opened(replace(small, pool_recycle=3600)) as database:
        first = await backend(database)
        assert await backend(database) == first
        database._idle[0].opened -= 3600
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
    async with opened(replace(small, statement_timeout_ms=500)) as database:
        first = await backend(database)
        with pytest.raises(DatabaseUnavailable, match="took too long"):
            await database.work("sleep", sleeping(60))
        assert await backend(database) == first
        assert database.queries["sleep"].errors == 1


async def test_a_server_that_goes_silent_is_given_up(small: DatabaseSettings) -> None:
    async with opened(small) as database:
        first = await backend(database)
        # Of what is frozen now, and of no other.
        database._idle[0]._silence, database._idle[0]._longest = 0.2, 0.1
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
        deadline = time.monotonic() + 60
        while connection.run(count, name=database) != [[0]]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
