"""A Redis that is not what it was: with older content, refusing writes, or replaced by another one."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis
from tests.integration.persistence.test_cache import PATIENT, PROMPT, Source, eventually, held_in_process, opened
from tests.integration.persistence.turning_link import TurningLink
from tests.system.running import until

from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.config import RedisSettings, Settings
from utxoiq_persistence.records import Rating
from utxoiq_persistence.redis import epochs
from utxoiq_persistence.redis.pipelines import EPOCH, RedisAway, Script, ScriptRunner, open_redis
from utxoiq_persistence.redis.signing import Signer
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio


# A primary waits five seconds for other replicas before it brings the first one up to date.
NO_DELAY = {"repl-diskless-sync-delay": "0"}


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "valkey", policy="noeviction", settings=NO_DELAY) as valkey:
        yield valkey


def command(valkey: Valkey, *words: str | int) -> None:
    with Redis(valkey.host, valkey.port) as redis:
        redis.execute_command(*words)


def read_only(valkey: Valkey) -> None:
    command(valkey, "REPLICAOF", "127.0.0.1", 1)


def without_replicas(valkey: Valkey) -> None:
    command(valkey, "CONFIG", "SET", "min-replicas-to-write", 1)


def full(valkey: Valkey) -> None:
    command(valkey, "CONFIG", "SET", "maxmemory", 1)


def without_disk(valkey: Valkey) -> None:
    """A snapshot cannot be written."""
    command(valkey, "CONFIG", "SET", "save", "3600 1")
    shutil.rmtree(valkey.folder)
    with Redis(valkey.host, valkey.port) as redis:
        redis.bgsave()
        while redis.info("persistence")["rdb_last_bgsave_status"] != "err":
            pass


def restored(valkey: Valkey) -> None:
    """Takes writes again, whatever kept it from that."""
    command(valkey, "CONFIG", "SET", "save", "")
    command(valkey, "CONFIG", "SET", "min-replicas-to-write", 0)
    command(valkey, "CONFIG", "SET", "maxmemory", 64 * 2**20)
    command(valkey, "REPLICAOF", "NO", "ONE")


async def test_what_an_older_snapshot_holds_is_not_served(settings: Settings, own_valkey: Valkey) -> None:
    own = replace(settings, redis=RedisSettings(own_valkey.host, own_valkey.port))
    insight = str(uuid4())
    async with Store.opened(own) as one, Store.opened(own) as other:

        async def ratings(store: Store) -> int:
            return int(json.loads((await store.feedback.stats(insight)).body)["total_ratings"])

        await one.feedback.rate(Rating(insight, 5), "first")
        with Redis(own_valkey.host, own_valkey.port) as redis:
            while not redis.hlen(f"cache:{{stats:{insight}}}:v"):
                await ratings(other)
            redis.save()
        await one.feedback.rate(Rating(insight, 5), "second")
        own_valkey.kill()
        own_valkey.start()
        with Redis(own_valkey.host, own_valkey.port) as redis:
            assert redis.hlen(f"cache:{{stats:{insight}}}:v") == 1
        for _ in range(50):
            assert [await ratings(one), await ratings(other)] == [2, 2]
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("refuse", [read_only, without_replicas, full, without_disk])
@pytest.mark.parametrize("level", ["process", "redis"])
async def test_a_redis_that_refuses_writes_is_away_for_readers_too(
    own_valkey: Valkey, refuse: Callable[[Valkey], None], level: str
) -> None:
    async with opened(own_valkey, 2) as (one, other):
        source = Source()
        await held_in_process(one, source)
        await held_in_process(other, source)
        await asyncio.to_thread(refuse, own_valkey)
        async with one.changing(["tag"]):
            source.value = 1

        async def is_seen() -> bool:
            if level == "redis":
                other._drop_all()
            return await source.get(other) == 1

        assert await eventually(is_seen) < PROMPT
        await asyncio.to_thread(restored, own_valkey)
        for _ in range(30):
            if level == "redis":
                other._drop_all()
            assert [await source.get(one), await source.get(other)] == [1, 1]
            await asyncio.sleep(0.02)
        await held_in_process(one, source)
        await held_in_process(other, source)


@pytest.fixture
async def pair(own_valkey: Valkey, tmp_path: Path) -> AsyncIterator[tuple[Valkey, Valkey, TurningLink]]:
    """A primary, its replica, and the address by which programs reach whichever is in charge."""
    with Valkey(tmp_path / "replica", settings=NO_DELAY) as replica:
        await asyncio.to_thread(_follow, replica, own_valkey)
        link = TurningLink(own_valkey.port)
        async with link.listening():
            yield own_valkey, replica, link


def _follow(replica: Valkey, primary: Valkey) -> None:
    command(replica, "REPLICAOF", primary.host, primary.port)
    with Redis(replica.host, replica.port) as redis:
        until(lambda: redis.info("replication")["master_link_status"] == "up", 120)


@asynccontextmanager
async def opened_at(port: int, number: int) -> AsyncIterator[list[Cache]]:
    async with AsyncExitStack() as stack:
        caches = []
        for _ in range(number):
            settings = RedisSettings("127.0.0.1", port)
            listening = open_redis(settings, timeout=None)
            cache = Cache(open_redis(settings, timeout=PATIENT), listening, Signer(b"its own"), Signer(b"everybody's"))
            cache.start()
            stack.push_async_callback(cache.close)
            caches.append(cache)
        yield caches


async def test_nobody_stays_with_a_demoted_node(pair: tuple[Valkey, Valkey, TurningLink]) -> None:
    primary, replica, link = pair
    async with opened_at(link.port, 2) as (one, other):
        source = Source()
        await held_in_process(one, source)
        await held_in_process(other, source)
        link.turn(replica.port)
        command(replica, "REPLICAOF", "NO", "ONE")
        await asyncio.to_thread(_follow, primary, replica)
        async with one.changing(["tag"]):
            source.value = 1

        async def is_seen() -> bool:
            return await source.get(other) == 1

        assert await eventually(is_seen) < PROMPT
        await held_in_process(one, source)
        await held_in_process(other, source)
        with Redis(replica.host, replica.port) as redis:
            assert redis.pubsub_numsub("cache:changed") == [(b"cache:changed", 2)]


async def test_a_replica_that_lacks_the_last_writes_is_not_trusted(pair: tuple[Valkey, Valkey, TurningLink]) -> None:
    """It takes over with an entry that the primary dropped, and nobody was told."""
    primary, replica, link = pair
    async with opened_at(link.port, 2) as (one, other):
        source = Source()
        await held_in_process(one, source)
        with Redis(replica.host, replica.port) as redis:
            while not redis.hlen("cache:{tag}:v"):
                pass
        command(replica, "REPLICAOF", "NO", "ONE")
        async with one.changing(["tag"]):
            source.value = 1
        link.turn(replica.port)
        await asyncio.to_thread(primary.kill)
        for _ in range(30):
            assert [await source.get(one), await source.get(other)] == [1, 1]
            await asyncio.sleep(0.02)
        await held_in_process(one, source)
        await held_in_process(other, source)


async def test_changes_by_the_clock_of_a_server_that_is_lost_make_no_entry_old(
    pair: tuple[Valkey, Valkey, TurningLink],
) -> None:
    """As where the clock of the new one is behind."""
    primary, replica, link = pair
    async with opened_at(link.port, 2) as (one, other):
        source = Source()
        await held_in_process(other, Source(), "another")
        other._changes.add("tag", time.time() + 3600)
        command(replica, "REPLICAOF", "NO", "ONE")
        link.turn(replica.port)
        await asyncio.to_thread(primary.kill)
        other._drop_all()
        await held_in_process(other, Source(), "another")
        await held_in_process(one, source)
        redis = other.figures.group("test").redis
        assert await source.get(other) == 0
        assert (source.readings, other.figures.group("test").redis, other.figures.forged) == (1, redis + 1, 0)


async def test_changes_are_known_after_redis_was_merely_away(own_valkey: Valkey) -> None:
    async with opened(own_valkey, 1) as (cache,):
        async with cache.changing(["tag"]):
            pass
        await asyncio.to_thread(full, own_valkey)
        await Source().get(cache)
        assert cache.scripts.resting
        await asyncio.to_thread(restored, own_valkey)
        await held_in_process(cache, Source())
        assert "tag" in cache._changes._changed


async def test_a_fill_that_raced_with_a_lost_write_is_refused_by_the_new_primary(
    pair: tuple[Valkey, Valkey, TurningLink],
) -> None:
    """The reading began before a write that only the old primary heard of, and ends when another is in charge."""
    primary, replica, link = pair
    async with opened_at(link.port, 2) as (one, other):
        source = Source()
        await held_in_process(one, source, "another")
        await held_in_process(other, source, "another")
        source.hold_up()
        stale = asyncio.create_task(source.get(other))
        await source.reading.wait()
        with Redis(replica.host, replica.port) as redis:
            while not redis.get("cache:{tag}:g"):
                pass
        command(replica, "REPLICAOF", "NO", "ONE")
        async with one.changing(["tag"]):
            source.value = 1
        link.turn(replica.port)
        await asyncio.to_thread(primary.kill)
        await held_in_process(one, Source(), "a third")
        await held_in_process(other, Source(), "a third")
        source.go_on.set()
        assert await stale == 0
        assert [await source.get(cache) for cache in (one, other)] == [1, 1]


async def test_a_server_whose_offset_went_back_is_not_trusted(pair: tuple[Valkey, Valkey, TurningLink]) -> None:
    """The same process, and the same connections: it took over what its former replica has, which lacks a write."""
    primary, replica, _ = pair
    async with opened(primary, 2) as (one, other):
        source = Source()
        await held_in_process(one, source)
        with Redis(replica.host, replica.port) as redis:
            while not redis.hlen("cache:{tag}:v"):
                pass
        command(replica, "REPLICAOF", "NO", "ONE")
        async with one.changing(["tag"]):
            source.value = 1
        with Redis(primary.host, primary.port) as redis:
            before = redis.info()
            await asyncio.to_thread(_follow, primary, replica)
            command(primary, "REPLICAOF", "NO", "ONE")
            after = redis.info()
            assert redis.hlen("cache:{tag}:v") == 1
        assert after["run_id"] == before["run_id"]
        assert after["master_repl_offset"] < before["master_repl_offset"]
        for _ in range(30):
            other._drop_all()
            assert [await source.get(one), await source.get(other)] == [1, 1]
            await asyncio.sleep(0.02)


async def test_what_one_connection_meets_every_connection_learns(
    own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that was demoted for a moment has another epoch, also for who was silent meanwhile."""
    monkeypatch.setattr(epochs, "FRESH_SECONDS", 3600)
    settings = RedisSettings(own_valkey.host, own_valkey.port)
    say = Script.from_text("return ARGV[1]")
    async with open_redis(settings, timeout=PATIENT) as redis:
        runner = ScriptRunner(redis)

        async def ask() -> set[bytes]:
            return set(await asyncio.gather(*(runner.send(say, [], EPOCH) for _ in range(3))))

        (before,) = await ask()
        read_only(own_valkey)
        with pytest.raises(RedisAway):
            await runner.send(say, [], EPOCH)
        restored(own_valkey)
        (after,) = await ask()
        assert after != before


async def test_a_connection_that_is_killed_makes_nobody_wait_for_news(own_valkey: Valkey) -> None:
    async with opened(own_valkey, 2) as (one, other):
        source = Source()
        await held_in_process(other, source)
        for value in range(1, 20):
            async with one.changing(["tag"]):
                source.value = value
                with Redis(own_valkey.host, own_valkey.port) as redis:
                    redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

            async def is_seen(value: int = value) -> bool:
                return await source.get(other) == value

            assert await eventually(is_seen) < PROMPT
        assert one.figures.failed_writes == 0
