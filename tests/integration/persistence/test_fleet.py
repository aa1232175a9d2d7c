"""The figures of all instances together."""

import asyncio
import contextlib
import logging
import multiprocessing
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis import Redis
from redis.exceptions import RedisError

from local_cloud.processes.valkey import Valkey
from utxoiq_persistence import figures
from utxoiq_persistence.config import RedisSettings, Settings
from utxoiq_persistence.errors import PoolExhausted
from utxoiq_persistence.figures import InstanceFigures, RequestFigures
from utxoiq_persistence.fleet import fleet
from utxoiq_persistence.fleet import report as fleet_report
from utxoiq_persistence.postgres import server
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.records import Rating
from utxoiq_persistence.redis import signing
from utxoiq_persistence.redis.signing import Signer
from utxoiq_persistence.store import Store

# Where Redis is to be away, it is gone, and does not merely take its time.
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("patient_with_redis")]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


@pytest.fixture
async def stores(settings: Settings, anyio_backend: str) -> AsyncIterator[tuple[Store, Store]]:
    """Instances of two functions, which publish when they are told to."""
    settings = replace(settings, figures_seconds=3600)
    async with Store.opened(settings) as one, Store.opened(replace(settings, function="other")) as other:
        yield one, other


@pytest.fixture
def redis(valkey: Valkey) -> Iterator["Redis"]:
    with Redis(valkey.host, valkey.port, password=valkey.password) as redis:
        yield redis


async def read(
    store: Store, until: Callable[[list[InstanceFigures]], bool] = lambda _: True, *, after: Store | None = None
) -> list[InstanceFigures]:
    """after: one that publishes first. A machine that is busy may keep Redis' answer from coming in time."""
    deadline = time.monotonic() + 120
    while True:
        with contextlib.suppress(RedisError, OSError):
            if after is not None:
                await after.fleet.publish_own()
            found = await store.fleet.read()
            if store.fleet.reachable and until(found):
                return found
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_any_instance_answers_for_all(stores: tuple[Store, Store]) -> None:
    one, other = stores
    await asyncio.gather(*(one.ping() for _ in range(3)), *(other.ping() for _ in range(4)))
    found = await read(one, after=other)
    pool: Any = fleet_report.report_pools(found)
    queries: Any = fleet_report.report_queries(found)
    assert pool["instances"] == queries["instances"] == len(pool["by_instance"]) == len(queries["by_instance"]) == 2
    assert pool["total_connections"] == pool["checked_in"] == pool["checkouts"]["count"] == 7
    assert (pool["size"], pool["functions"]["other"]["checked_in"], pool["replica"]) == (20, 4, None)
    assert (queries["total_queries"], queries["failed_queries"]) == (7, 0)
    assert queries["functions"]["test"]["total_queries"] == 3
    assert queries["statements"]["ping"]["total_queries"] == 7
    assert 0 < queries["p50"] <= queries["p95"] <= queries["p99"]
    assert queries["slow_query_threshold"] == 200


async def test_slow_queries_are_counted_and_the_slowest_statement_comes_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "SLOW_SECONDS", 1.0)  # more than a ping takes on a busy machine
    await store.ping()
    await store.database.work("slow", lambda session: session.execute("SELECT pg_sleep(1.01)"))
    queries: Any = fleet_report.report_queries(await store.fleet.read())
    assert (queries["slow_queries"], queries["slow_query_percentage"]) == (1, 50)
    assert queries["statements"]["slow"]["average_query_time"] >= 1010
    assert list(queries["statements"]) == queries["slowest"] == ["slow", "ping"]


async def test_a_wait_for_a_connection_shows_and_so_does_one_in_vain(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(settings.database, pool_size=1, pool_overflow=0, pool_timeout=0.3)
    async with Store.opened(replace(settings, database=small)) as store:
        held, go_on = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hold(_: Session) -> None:
            loop.call_soon_threadsafe(held.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()

        holding = asyncio.create_task(store.database.work("hold", hold))
        await held.wait()
        with pytest.raises(PoolExhausted):
            await store.ping()
        pool: Any = fleet_report.report_pools(await store.fleet.read())
        assert (pool["utilization"], pool["timeouts"], pool["checkouts"]["count"]) == (100, 1, 1)
        assert pool["checkouts"]["p99"] >= 295
        # Nor does whoever asks how full the pool is wait for it.
        monkeypatch.setattr(server, "PATIENCE_SECONDS", 0.02)
        assert await store.server.activity() is None
        pool = fleet_report.report_pools(await store.fleet.read())
        assert (pool["waiting"], pool["timeouts"]) == (0, 1)
        go_on.set()
        await holding


async def test_lookups_are_counted_by_what_was_looked_up_and_where_it_was(stores: tuple[Store, Store]) -> None:
    one, other = stores
    await one.feedback.rate(Rating("i", 5), "u")
    for store in (one, other):
        await store.feedback.stats("i")
    cache: Any = fleet_report.report_cache(await read(one, after=other))
    assert {"lookups": 2, "redis": 1, "misses": 1, "hit_rate": 50}.items() <= cache["groups"]["feedback_stats"].items()
    assert cache["functions"]["other"]["hit_rate"] == 100


async def test_the_pool_of_a_replica_is_told_apart_and_its_queries_are_not(settings: Settings) -> None:
    with_replica = replace(settings.database, replica=settings.database.instance)
    async with Store.opened(replace(settings, database=with_replica)) as store:
        await store.ping()
        assert store._replica is not None
        await store._replica.work("ping", lambda session: session.execute("SELECT 1"))
        (own,) = await store.fleet.read()
        assert own.replica is not None
        assert (own.pool.checked_in, own.replica.checked_in, own.queries["ping"].durations.count) == (1, 1, 2)
        assert own.checkouts.count == 2


async def test_what_an_instance_counted_last_outlives_it(settings: Settings, store: Store) -> None:
    requests = {"GET /x": RequestFigures()}
    requests["GET /x"].add(404, 0.1)
    async with Store.opened(replace(settings, function="other", figures_seconds=3600), requests) as other:
        await other.ping()
    pool: Any = fleet_report.report_pools(found := await read(store))
    assert (pool["instances"], pool["size"], pool["functions"]["other"]["total_connections"]) == (1, 10, 0)
    counted: Any = fleet_report.report_requests(found)
    assert counted["functions"]["other"]["statuses"] == counted["routes"]["GET /x"]["statuses"] == {"404": 1}
    assert {"ping"} <= fleet_report.report_queries(found)["statements"].keys()  # type: ignore[attr-defined]


async def test_an_instance_that_was_killed_counts_until_its_figures_expire(
    settings: Settings, store: Store, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = _context.Process(target=_ping_on, args=(replace(settings, function="victim", figures_seconds=0.1),))
    victim.start()
    try:
        found = await read(store, lambda found: any("ping" in one.queries for one in found[1:]))
    finally:
        victim.kill()
        victim.join()
    assert [one.function for one in found] == ["test", "victim"]
    assert len(await read(store)) == 2
    monkeypatch.setattr(fleet, "EXPIRE_SECONDS", 0)
    assert [one.function for one in await read(store)] == ["test"]
    assert found[1].instance.encode() not in redis.hkeys(fleet.KEY)


async def test_entries_of_other_versions_are_understood_or_left_out(
    stores: tuple[Store, Store], redis: "Redis", caplog: pytest.LogCaptureFixture
) -> None:
    one, other = stores
    await other.ping()
    await read(one, after=other)
    entry = _entry(redis, "other")
    newer = {**entry, "instance": "newer", "colour": "blue", "pool": {**entry["pool"], "depth": 3}}
    barest = {name: entry[name] for name in ("function", "started_at", "published_at", "pool", "queries")}
    older = {"function": "other", "instance": "older", "published_at": time.time(), "pool": {}, "queries": {}}
    strange = {**entry, "queries": ["ping"]}
    for name, value in {"newer": newer, "barest": {**barest, "instance": "barest"}}.items():
        redis.hset(fleet.KEY, name, signed(name, value))
    for name, value in {"older": older, "strange": strange}.items():
        redis.hset(fleet.KEY, name, signed(name, value))
    redis.hset(fleet.KEY, "garbage", b"\xc1 \xff")
    old = {**older, "published_at": time.time() - fleet.EXPIRE_SECONDS - 1}
    redis.hset(fleet.KEY, "older, and gone", msgspec.msgpack.encode(old))
    with caplog.at_level(logging.WARNING):
        found = [await read(one) for _ in range(3)][-1]
    assert sorted(one.instance for one in found[1:]) == sorted(["barest", "newer", entry["instance"]])
    assert found[1].queries["ping"].durations.count == 1
    told = sorted(record.getMessage().split()[4] for record in caplog.records)
    assert told == ["garbage", "older", "strange"]
    assert b"older, and gone" not in redis.hkeys(fleet.KEY)


async def test_figures_that_their_function_has_not_signed_are_left_out(
    settings: Settings, redis: "Redis", caplog: pytest.LogCaptureFixture, anyio_backend: str
) -> None:
    """With the keys as the deployment hands them out: each function has its own, and the reader what checks them."""
    own = {"reader": b"reader's key", "metrics": b"key of metrics", "feedback": b"key of feedback"}
    keys = {function: signing.derive(key, fleet.KEY) for function, key in own.items()}
    reading = replace(settings, function="reader", cache_key=own["reader"], fleet_keys=keys, figures_seconds=3600)
    taken_over = replace(settings, function="metrics", cache_key=own["metrics"], figures_seconds=3600)
    async with Store.opened(reading) as reader, Store.opened(taken_over) as taken:
        await taken.fleet.publish_own()
        entry = _entry(redis, "metrics")
        pretended = msgspec.msgpack.encode({**entry, "function": "feedback", "instance": "forged"})
        signer = Signer.for_purpose(own["metrics"], fleet.KEY)
        redis.hset(fleet.KEY, "forged", signer.sign("fleet:forged", pretended))
        redis.hset(fleet.KEY, "unsigned", pretended)
        redis.hset(
            fleet.KEY, "unknown", signer.sign("fleet:unknown", msgspec.msgpack.encode({**entry, "function": "x"}))
        )
        redis.hset(fleet.KEY, "moved", redis.hget(fleet.KEY, entry["instance"]) or b"")
        with caplog.at_level(logging.WARNING):
            found = await reader.fleet.read()
        assert {one.instance for one in found if one.function in own} >= {entry["instance"]}
        assert not {"forged", "unsigned", "unknown", "moved"} & {one.instance for one in found}
        assert [one.instance for one in found].count(entry["instance"]) == 1
        assert "feedback has not signed them" in caplog.text
        # They are counted once, since they are taken away; who is not known may be of a function that is deployed now.
        assert reader.cache.figures.forged == 3
        assert {b"unknown"} == {b"forged", b"unsigned", b"unknown", b"moved"} & {*redis.hkeys(fleet.KEY)}


async def test_what_is_longer_than_figures_can_be_is_taken_away_unseen(
    stores: tuple[Store, Store], redis: "Redis"
) -> None:
    one, other = stores
    name, huge = "x" * 2**23, b"x" * 2**23
    redis.hset(fleet.KEY, mapping={name: b"", "huge": huge})
    before = redis.info("stats")["total_net_output_bytes"]
    assert {found.function for found in await read(one, after=other)} >= {"test", "other"}
    assert redis.info("stats")["total_net_output_bytes"] - before < 2**22
    assert not redis.hexists(fleet.KEY, "huge")
    assert not redis.hexists(fleet.KEY, name)


async def test_figures_come_together_again_after_somebody_put_something_else_there(
    stores: tuple[Store, Store], redis: "Redis"
) -> None:
    one, other = stores
    # Each publishes at its start, and would find what is put there, too.
    await read(other, lambda _: {one.fleet._reporter.name, other.fleet._reporter.name} <= names(redis))
    redis.set(fleet.KEY, "x")
    await one.fleet.publish_own()
    assert {found.function for found in await read(other)} == {"test", "other"}
    assert one.cache.figures.forged == 1


async def test_without_redis_an_instance_answers_for_itself_until_it_is_back(
    settings: Settings, tmp_path: Path, anyio_backend: str
) -> None:
    with Valkey(tmp_path / "valkey") as own:
        away = replace(settings, redis=RedisSettings(own.host, own.port), figures_seconds=0.1)
        async with Store.opened(away) as store, Store.opened(away):
            await read(store, lambda found: len(found) == 2)
            own.kill()
            assert len(await store.fleet.read()) == 1
            assert not store.fleet.reachable
            own.start()
            await read(store, lambda found: len(found) == 2)


def _entry(redis: "Redis", function: str) -> Any:
    entries: Any = redis.hvals(fleet.KEY)
    contents = (entry[: -signing.SIGNATURE_BYTES] for entry in entries)
    return next(found for found in map(msgspec.msgpack.decode, contents) if found["function"] == function)


def names(redis: "Redis") -> set[str]:
    """Of the instances that have published."""
    keys: Any = redis.hkeys(fleet.KEY)
    return {key.decode() for key in keys}


def signed(name: str, value: Any) -> bytes:
    """As an instance of these stores, which all have one key, would write it."""
    return Signer.for_purpose(b"", fleet.KEY).sign(f"{fleet.KEY}:{name}", msgspec.msgpack.encode(value))


def _ping_on(settings: Settings) -> None:
    """A process that goes on until it is killed."""

    async def ping_on() -> None:
        async with Store.opened(settings) as store:
            while True:
                with contextlib.suppress(Exception):
                    await store.ping()
                await asyncio.sleep(0.01)

    asyncio.run(ping_on())
