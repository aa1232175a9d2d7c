"""What readers see while others write, on this instance, on others, and while Redis is away."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from tests.integration.standstill import frozen

from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.config import RedisSettings, Settings
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.records import Document, JobProgress, NewJob, Rating
from utxoiq_persistence.redis.pipelines import TIMEOUT, open_redis
from utxoiq_persistence.redis.signing import Signer
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

# What the contract allows, and as much for the reading itself.
PROMPT = 0.1 + 0.15
TURN = 0.002
# Longer than Redis takes that is neither frozen nor gone.
PATIENT = 60.0


@pytest.fixture
async def stores(settings: Settings, anyio_backend: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two instances."""
    async with Store.opened(settings) as one, Store.opened(settings) as other:
        yield one, other


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "valkey") as valkey:
        yield valkey


@pytest.fixture
def own_settings(settings: Settings, own_valkey: Valkey) -> Settings:
    return replace(settings, redis=RedisSettings(own_valkey.host, own_valkey.port))


@asynccontextmanager
async def opened(
    valkey: Valkey, number: int, key: bytes = b"ours", patience: float = PATIENT
) -> AsyncIterator[list[Cache]]:
    """patience: after how many seconds without an answer Redis counts as away; a busy machine may take its time."""
    async with AsyncExitStack() as stack:
        caches = []
        for _ in range(number):
            settings = RedisSettings(valkey.host, valkey.port, valkey.password)
            signer = Signer(key)
            common = Signer(b"everybody's", signer.forgeries)
            cache = Cache(open_redis(settings, timeout=patience), open_redis(settings, timeout=None), signer, common)
            cache.start()
            stack.push_async_callback(cache.close)
            caches.append(cache)
        yield caches


class Source:
    """Something that is read through a cache, and counts its readings. A reading can be held up at its end."""

    def __init__(self) -> None:
        self.value = 0
        self.readings = 0
        self.reading = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def load(self) -> Document:
        value = self.value
        self.readings += 1
        self.reading.set()
        await self.go_on.wait()
        return Document(str(value).encode(), value)

    def hold_up(self) -> None:
        self.reading.clear()
        self.go_on.clear()

    async def get(self, cache: Cache, tag: str = "tag") -> int:
        document = await cache.get("test", tag, "", 60, self.load)
        assert document.version == int(document.body)
        return document.version


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> float:
    """How long it took until the condition held, in turns of the loop.

    On a machine that is busy a turn takes longer, as does whatever is waited for.
    """
    started, turns = time.monotonic(), 0
    while not await condition():
        assert time.monotonic() - started < seconds
        await asyncio.sleep(TURN)
        turns += 1
    return turns * TURN


async def in_turns(work: Awaitable[object]) -> float:
    """How long the work took, in turns of the loop."""
    task = asyncio.ensure_future(work)

    async def is_done() -> bool:
        return task.done()

    try:
        return await eventually(is_done)
    finally:
        await task


async def held_in_process(cache: Cache, source: Source, tag: str = "tag") -> None:
    async def is_held() -> bool:
        before = cache.figures.group("test").memory
        await source.get(cache, tag)
        return cache.figures.group("test").memory > before

    await eventually(is_held)


async def test_a_write_is_seen_by_the_next_read_on_its_own_instance(store: Store) -> None:
    insight = str(uuid4())
    for rating in (1, 5, 3, 2, 4) * 10:
        await store.feedback.rate(Rating(insight, rating), "u")
        stats = json.loads((await store.feedback.stats(insight)).body)
        assert stats["average_rating"] == rating


async def test_a_write_is_seen_promptly_on_every_other_instance(stores: tuple[Store, Store]) -> None:
    one, other = stores
    insight = str(uuid4())
    for rating in (1, 5, 3, 2, 4) * 6:
        await one.feedback.rate(Rating(insight, rating), "u")

        async def shows(rating: int = rating) -> bool:
            return bool(json.loads((await other.feedback.stats(insight)).body)["average_rating"] == rating)

        assert await eventually(shows) < PROMPT
        await other.feedback.stats(insight)
    assert other.cache.figures.group("feedback_stats").memory > 0


@pytest.mark.usefixtures("patient_with_redis")
async def test_a_job_shows_its_version_from_the_cache_too(stores: tuple[Store, Store]) -> None:
    one, other = stores
    job_id = json.loads((await one.jobs.start(NewJob("blocks", 0, 9))).body)["id"]
    written = await one.jobs.progress(job_id, JobProgress(5, 50))
    assert await one.jobs.get(job_id) == await other.jobs.get(job_id) == await one.jobs.get(job_id) == written
    assert other.cache.figures.group("jobs").misses == 0


async def test_a_second_reader_costs_the_database_nothing(valkey: Valkey, settings: Settings) -> None:
    async with opened(valkey, 2) as (one, other):
        source = Source()
        await held_in_process(one, source)
        await held_in_process(other, source)
        assert source.readings == 1


async def test_all_who_miss_at_once_share_one_reading(valkey: Valkey, settings: Settings) -> None:
    async with opened(valkey, 1) as (cache,):
        source = Source()
        assert await asyncio.gather(*(source.get(cache) for _ in range(50))) == [0] * 50
        assert source.readings == 1


async def test_a_reading_lands_for_the_others_when_the_first_goes_away(valkey: Valkey, settings: Settings) -> None:
    async with opened(valkey, 1) as (cache,):
        source = Source()
        source.hold_up()
        first, second = (asyncio.create_task(source.get(cache)) for _ in range(2))
        await source.reading.wait()
        first.cancel()
        source.go_on.set()
        assert await second == 0


async def test_a_failed_reading_fails_for_all_and_is_not_kept(valkey: Valkey, settings: Settings) -> None:
    async with opened(valkey, 1) as (cache,):

        async def fail() -> Document:
            await asyncio.sleep(0.01)
            raise DatabaseUnavailable("away")

        failures = await asyncio.gather(
            *(cache.get("test", "tag", "", 60, fail) for _ in range(3)), return_exceptions=True
        )
        assert [type(failure) for failure in failures] == [DatabaseUnavailable] * 3
        assert await Source().get(cache) == 0


@pytest.mark.parametrize("reader", [0, 1])
@pytest.mark.parametrize("begins", ["before", "during"])
async def test_a_fill_that_raced_with_a_write_does_not_outlive_it(
    valkey: Valkey, settings: Settings, reader: int, begins: str
) -> None:
    """The reading has seen the old value, and lands only after the write has ended."""
    async with opened(valkey, 2) as caches:
        source = Source()
        source.hold_up()
        if begins == "before":
            stale = asyncio.create_task(source.get(caches[reader]))
            await source.reading.wait()
        async with caches[0].changing(["tag"]):
            if begins == "during":
                stale = asyncio.create_task(source.get(caches[reader]))
                await source.reading.wait()
            source.value = 1
        source.go_on.set()
        assert await stale == 0
        assert await source.get(caches[0]) == 1

        async def is_seen() -> bool:
            return await source.get(caches[1]) == 1

        assert await eventually(is_seen) < PROMPT


async def test_an_answer_of_redis_that_a_write_overtook_is_not_used(
    valkey: Valkey, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis has answered with the old value; the news of the write comes first."""
    async with opened(valkey, 3) as (writer, reader, witness):
        source = Source()
        await held_in_process(writer, source)
        await held_in_process(witness, source)
        await held_in_process(reader, source, "another")  # its channel is current
        run = reader.scripts.run
        answered, go_on = asyncio.Event(), asyncio.Event()

        async def late(answer: Awaitable[Any]) -> Any:
            result = await answer
            answered.set()
            await go_on.wait()
            return result

        monkeypatch.setattr(reader.scripts, "run", lambda *call: late(run(*call)))
        reading = asyncio.create_task(source.get(reader))
        await answered.wait()
        monkeypatch.undo()
        async with writer.changing(["tag"]):
            source.value = 1

        async def is_known() -> bool:
            return await source.get(witness) == 1

        await eventually(is_known)
        await held_in_process(reader, source, "another")
        go_on.set()
        assert await reading == 1
        assert reader.figures.forged == 0


async def test_nothing_is_kept_while_a_write_is_under_way(valkey: Valkey, settings: Settings) -> None:
    async with opened(valkey, 2) as caches:
        source = Source()
        async with caches[0].changing(["tag"]):
            for cache in caches:
                await source.get(cache)
                await source.get(cache)
            assert source.readings == 4


async def test_a_write_of_unknown_outcome_leaves_its_tag_uncached(valkey: Valkey, settings: Settings) -> None:
    async with opened(valkey, 2) as caches:
        source = Source()
        with pytest.raises(DatabaseUnavailable):
            async with caches[0].changing(["tag"]):
                raise DatabaseUnavailable("lost", outcome_unknown=True)
        assert await source.get(caches[1]) == 0
        source.value = 1
        assert [await source.get(cache) for cache in caches] == [1, 1]


async def test_a_write_over_thousands_of_tags_is_seen_in_all(valkey: Valkey, settings: Settings) -> None:
    async with opened(valkey, 2) as (one, other):
        source = Source()
        tags = [f"tag {number}\n" for number in range(2000)]
        await asyncio.gather(*(source.get(other, tag) for tag in tags))
        async with one.changing(tags):
            source.value = 1

        async def is_seen() -> bool:
            return set(await asyncio.gather(*(source.get(other, tag) for tag in tags))) == {1}

        assert await eventually(is_seen) < 2


async def test_an_evicted_guard_does_not_let_an_old_value_in(valkey: Valkey, settings: Settings) -> None:
    async with opened(valkey, 1) as (cache,):
        source = Source()
        source.hold_up()
        stale = asyncio.create_task(source.get(cache))
        await source.reading.wait()
        async with cache.changing(["tag"]):
            source.value = 1
        with Redis(valkey.host, valkey.port, password=valkey.password) as redis:
            redis.flushall()
        source.go_on.set()
        await stale
        assert await source.get(cache) == 1


async def test_without_redis_the_database_answers(own_settings: Settings, own_valkey: Valkey) -> None:
    own_valkey.stop()
    async with Store.opened(own_settings) as store:
        insight = str(uuid4())

        async def rate_and_read() -> None:
            for rating in (1, 5) * 10:
                await store.feedback.rate(Rating(insight, rating), "u")
                assert json.loads((await store.feedback.stats(insight)).body)["average_rating"] == rating

        assert await in_turns(rate_and_read()) < 2


@pytest.mark.parametrize("outage", ["restarted", "frozen"])
async def test_writes_while_redis_is_away_are_seen_when_it_is_back(
    own_settings: Settings, own_valkey: Valkey, outage: str
) -> None:
    async with opened(own_valkey, 2, patience=TIMEOUT) as (one, other):
        source = Source()
        await held_in_process(one, source)
        await held_in_process(other, source)
        if outage == "restarted":
            own_valkey.kill()
        else:
            assert own_valkey.process is not None
            os.kill(own_valkey.process.pid, signal.SIGSTOP)
        source.value = 1
        async with one.changing(["tag"]):
            source.value = 2
        assert await source.get(one) == 2

        async def is_seen() -> bool:
            return await source.get(other) == 2

        # A frozen Redis is noticed by the first command that it does not answer.
        assert await eventually(is_seen) < PROMPT + 0.3
        if outage == "restarted":
            own_valkey.start()
        else:
            assert own_valkey.process is not None
            os.kill(own_valkey.process.pid, signal.SIGCONT)
        await held_in_process(one, source)
        await held_in_process(other, source)
        assert [await source.get(one), await source.get(other)] == [2, 2]


async def test_a_frozen_redis_holds_up_no_more_than_the_first_requests(
    own_settings: Settings, own_valkey: Valkey
) -> None:
    async with opened(own_valkey, 1, patience=TIMEOUT) as (cache,):
        source = Source()
        await source.get(cache)
        assert own_valkey.process is not None
        with frozen(own_valkey.process.pid):
            await source.get(cache, "first")

            async def read_on() -> None:
                for number in range(200):
                    await source.get(cache, f"later {number}")
                    await asyncio.sleep(TURN)

            assert await in_turns(read_on()) < 2


async def test_an_instance_that_loses_the_channel_drops_what_it_holds(
    own_settings: Settings, own_valkey: Valkey
) -> None:
    async with opened(own_valkey, 2) as (one, other):
        source = Source()
        await held_in_process(other, source)
        with Redis(own_valkey.host, own_valkey.port) as redis:
            redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        async with one.changing(["tag"]):
            source.value = 1

        async def is_seen() -> bool:
            return await source.get(other) == 1

        assert await eventually(is_seen) < PROMPT
        await held_in_process(other, source)


async def test_an_instance_that_had_no_cpu_serves_nothing_old(valkey: Valkey, settings: Settings) -> None:
    async with opened(valkey, 2) as (one, other):
        source = Source()
        await held_in_process(other, source)
        async with one.changing(["tag"]):
            source.value = 1
        # The loop that both share stands still: `other` has heard of nothing when it is asked next.
        time.sleep(0.15)  # noqa: ASYNC251
        assert await source.get(other) == 1


async def test_a_restarted_redis_has_the_scripts_again(own_settings: Settings, own_valkey: Valkey) -> None:
    async with opened(own_valkey, 1) as (cache,):
        source = Source()
        await held_in_process(cache, source)
        with Redis(own_valkey.host, own_valkey.port) as redis:
            redis.flushall()
            redis.script_flush()
        async with cache.changing(["tag"]):
            source.value = 1
        assert await source.get(cache) == 1
        assert (cache.figures.group("test").errors, cache.figures.failed_writes) == (0, 0)


@pytest.mark.parametrize("step", [3600, -3600], ids=["forward", "back"])
async def test_a_clock_that_is_set_neither_ends_entries_nor_prolongs_them(
    valkey: Valkey, settings: Settings, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    clock = time.time
    async with opened(valkey, 2) as (one, other):
        source, short = Source(), Source()
        await held_in_process(one, source)
        monkeypatch.setattr(time, "time", lambda: clock() + step)
        await held_in_process(one, source)
        assert await source.get(other) == 0
        await one.get("test", "short", "", 1, short.load)
        monkeypatch.undo()
        await held_in_process(other, source)
        assert source.readings == 1

        async def is_read_again() -> bool:
            await asyncio.gather(*(cache.get("test", "short", "", 1, short.load) for cache in (one, other)))
            return short.readings > 1

        await eventually(is_read_again)
