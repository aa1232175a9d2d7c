"""Whoever waits gets an answer, whatever is raised in what they wait for together; and no failure is nobody's."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.access.key_ring import KeyRing
from utxoiq_persistence.access.rate_limits import RateLimits
from utxoiq_persistence.config import RedisSettings, Settings
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres.database import Database, in_time
from utxoiq_persistence.postgres.session import Session, connector
from utxoiq_persistence.postgres.statements import Statement
from utxoiq_persistence.redis import pipelines as redis_link
from utxoiq_persistence.redis.pipelines import RedisAway, Script, ScriptRunner, open_redis
from utxoiq_persistence.redis.signing import Signer

pytestmark = pytest.mark.anyio

ECHO = Script.from_text("return ARGV[1]")
PATIENCE = 30
FAULTS = (UnicodeDecodeError("utf-8", b"", 0, 1, "odd"), RuntimeError("a fault"), asyncio.CancelledError())
ONE = Statement("one", "SELECT 1", lambda _: ())


@asynccontextmanager
async def runner(valkey: Valkey) -> AsyncIterator[ScriptRunner]:
    redis = open_redis(RedisSettings(valkey.host, valkey.port, valkey.password), timeout=PATIENCE)
    scripts = ScriptRunner(redis)
    try:
        yield scripts
    finally:
        await scripts.close()
        await redis.aclose()


@asynccontextmanager
async def opened(settings: Settings, **changes: Any) -> AsyncIterator[Database]:
    changed = replace(settings.database, **changes)
    database = Database(changed, connector(changed))
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def unseen(anyio_backend: str) -> Callable[[], list[str]]:
    """Tells of which failures the event loop says that nobody looked at them."""
    messages: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: messages.append(str(context)))

    def collect() -> list[str]:
        gc.collect()
        return messages

    return collect


@pytest.fixture(params=FAULTS, ids=lambda fault: type(fault).__name__)
def reading_fails(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer that is read from Redis fails by something that is no error of Redis' client."""
    read = redis_link._answer
    faults = [request.param]

    async def fail(connection: Any) -> Any:
        if faults:
            raise faults.pop()
        return await read(connection)

    monkeypatch.setattr(redis_link, "_answer", fail)


async def test_all_of_a_pipeline_are_answered_whatever_is_raised(valkey: Valkey, reading_fails: None) -> None:
    async with runner(valkey) as scripts:
        calls = [scripts.run(ECHO, [], "one"), scripts.run(ECHO, [], "two")]
        await asyncio.sleep(0)
        calls.append(scripts.run(ECHO, [], "meanwhile"))
        async with asyncio.timeout(PATIENCE):
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(answer) for answer in answers] == [RedisAway] * 3
            assert scripts._recovery is not None or not scripts.resting
            if scripts._recovery is not None:
                await scripts._recovery
            assert await scripts.run(ECHO, [], "again") == b"again"


async def test_what_cannot_be_sent_fails_for_itself_alone(valkey: Valkey) -> None:
    async with runner(valkey) as scripts:
        other = scripts.run(ECHO, [], "other")
        with pytest.raises(UnicodeEncodeError):
            scripts.run(ECHO, [], "\ud83d")
        assert await other == b"other"
        assert not scripts.resting


async def test_all_who_are_counted_are_answered_whatever_is_raised(valkey: Valkey, reading_fails: None) -> None:
    async with runner(valkey) as scripts:
        limits = RateLimits(scripts, Signer(b""))
        async with asyncio.timeout(PATIENCE):
            allowances = await asyncio.gather(*(limits.take("caller", 3) for _ in range(5)))
        assert sum(allowance.granted for allowance in allowances) == 3


async def test_a_count_that_cannot_be_read_is_made_by_the_instance_alone(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utxoiq_persistence.access.rate_limits._TAKE", Script.from_text("return {1}"))
    async with runner(valkey) as scripts, asyncio.timeout(PATIENCE):
        assert (await RateLimits(scripts, Signer(b"")).take("caller", 3)).remaining == 2


async def test_those_who_are_counted_are_answered_though_their_count_is_cancelled(valkey: Valkey) -> None:
    async with runner(valkey) as scripts:
        limits = RateLimits(scripts, Signer(b""))
        asking = [asyncio.create_task(limits.take("caller", 3)) for _ in range(5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert scripts._sender is not None
        scripts._sender.cancel()
        async with asyncio.timeout(PATIENCE):
            allowances = await asyncio.gather(*asking)
        assert sum(allowance.granted for allowance in allowances) == 3


async def test_a_key_that_cannot_be_looked_up_when_all_have_gone_is_nobodys_fault(
    settings: Settings, unseen: Callable[[], list[str]]
) -> None:
    async with opened(settings, socket_dir="/nonexistent") as database:
        ring = KeyRing(database)
        asking = asyncio.create_task(ring.check(b"uiq_" + b"a" * 12 + b"_" + b"b" * 43))
        await asyncio.sleep(0)
        flights = list(ring._flights.values())
        asking.cancel()
        await asyncio.wait([asking, *flights])
        assert len(flights) == 1
        del asking, flights
        assert unseen() == []


async def test_what_was_given_up_in_time_and_fails_later_is_nobodys_fault(unseen: Callable[[], list[str]]) -> None:
    failing = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            failing.set()
            raise OSError("at its end")

    with pytest.raises(DatabaseUnavailable):
        await in_time(work(), 0.01)
    await failing.wait()
    await asyncio.sleep(0)
    assert unseen() == []


async def test_work_that_ends_in_an_odd_way_is_answered_and_gives_its_place_back(settings: Settings) -> None:
    def odd(session: Session) -> int:
        return next(iter(()))

    async with opened(settings, pool_size=1, pool_overflow=0) as database, asyncio.timeout(PATIENCE):
        with pytest.raises(RuntimeError):
            await database.work("odd", odd)
        assert await database.fetch(ONE) == [[1]]


async def test_a_statement_that_cannot_be_begun_gives_its_place_back(settings: Settings) -> None:
    def unfit(_: object) -> tuple[object, ...]:
        raise KeyError("a parameter is missing")

    async with opened(settings, pool_size=1, pool_overflow=0) as database, asyncio.timeout(PATIENCE):
        assert await database.fetch(ONE) == [[1]]
        for _ in range(2):
            with pytest.raises(KeyError):
                await database.fetch(Statement("unfit", "SELECT 1", unfit))
        assert await database.fetch(ONE) == [[1]]


async def test_a_link_that_cannot_be_closed_gives_its_place_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, unseen: Callable[[], list[str]]
) -> None:
    def fail(session: Session) -> None:
        raise ValueError("it cannot be closed")

    def breaking(session: Session) -> None:
        session.broken = True

    async with opened(settings, pool_size=1, pool_overflow=0) as database, asyncio.timeout(PATIENCE):
        with monkeypatch.context() as broken:
            broken.setattr(Session, "close", fail)
            await database.work("break", breaking)
        assert await database.fetch(ONE) == [[1]]
    (said,) = unseen()
    assert "it cannot be closed" in said
