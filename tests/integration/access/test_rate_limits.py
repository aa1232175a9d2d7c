"""Rate limits over a real Redis: exact, whoever counts; and without it, still limits."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.access.rate_limits import WINDOW_SECONDS, Allowance, RateLimits
from utxoiq_persistence.config import RedisSettings
from utxoiq_persistence.redis.pipelines import ScriptRunner, open_redis


@asynccontextmanager
async def instances(valkey: Valkey, count: int) -> AsyncIterator[list[RateLimits]]:
    settings = RedisSettings(valkey.host, valkey.port, valkey.password)
    links = [open_redis(settings) for _ in range(count)]
    runners = [ScriptRunner(link) for link in links]
    yield [RateLimits(runner) for runner in runners]
    for runner, link in zip(runners, links, strict=True):
        await runner.close()
        await link.aclose()


def plain(valkey: Valkey) -> "Redis":
    return Redis(host=valkey.host, port=valkey.port, password=valkey.password)


def take(valkey: Valkey, count: int, limit: int, name: str, *, over: int = 1) -> list[Allowance]:
    async def run() -> list[Allowance]:
        async with instances(valkey, over) as limits:
            return await asyncio.gather(*(limits[turn % over].take(name, limit) for turn in range(count)))

    return asyncio.run(run())


def test_the_limit_is_exact_over_all_instances(valkey: Valkey) -> None:
    answers = take(valkey, 1500, 1000, "exact", over=5)
    assert sum(answer.granted for answer in answers) == 1000
    assert sorted(answer.remaining for answer in answers if answer.granted) == list(range(1000))


def test_what_is_refused_says_when_to_come_back(valkey: Valkey) -> None:
    *granted, refused = take(valkey, 4, 3, "refused")
    assert [answer.remaining for answer in granted] == [2, 1, 0]
    assert (refused.granted, refused.limit, refused.remaining) == (False, 3, 0)
    assert refused.resets_at == pytest.approx(time.time() + WINDOW_SECONDS, abs=5)


def test_callers_do_not_share_a_limit(valkey: Valkey) -> None:
    take(valkey, 5, 5, "one")
    assert take(valkey, 1, 5, "other")[0].remaining == 4


def test_a_raised_limit_lets_a_refused_caller_go_on(valkey: Valkey) -> None:
    async def run() -> list[bool]:
        async with instances(valkey, 1) as (limits,):
            return [(await limits.take("raised", limit)).granted for limit in (1, 1, 2, 2)]

    assert asyncio.run(run()) == [True, False, True, False]


def test_after_its_hour_a_caller_starts_anew(valkey: Valkey) -> None:
    async def run() -> list[bool]:
        async with instances(valkey, 1) as (limits,), plain(valkey) as redis:
            await redis.flushall()
            before = await limits.take("hour", 1)
            (window,) = await redis.keys("limit:*")
            assert await redis.ttl(window) == pytest.approx(WINDOW_SECONDS, abs=2)
            await redis.pexpire(window, 100)
            async with instances(valkey, 1) as (other,):
                meanwhile = await other.take("hour", 1)
                await asyncio.sleep(0.15)
                return [answer.granted for answer in (before, meanwhile, await other.take("hour", 1))]

    assert asyncio.run(run()) == [True, False, True]


def test_who_is_refused_costs_redis_nothing_more(valkey: Valkey) -> None:
    async def run() -> list[int]:
        async with instances(valkey, 1) as (limits,), plain(valkey) as redis:
            await asyncio.gather(*(limits.take("spent", 1) for _ in range(2)))
            assert limits.is_spent("spent")
            assert not limits.is_spent("unseen")
            scripts = []
            for _ in range(2):
                scripts.append((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"])
                assert not any([(await limits.take("spent", 1)).granted for _ in range(100)])
            return scripts

    before, after = asyncio.run(run())
    assert before == after


def test_requests_that_come_together_are_counted_in_few_scripts(valkey: Valkey) -> None:
    async def run() -> int:
        async with instances(valkey, 1) as (limits,), plain(valkey) as redis:
            await limits.take("busy", 10**6)
            before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
            await asyncio.gather(*(limits.take("busy", 10**6) for _ in range(500)))
            return int((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] - before)

    assert asyncio.run(run()) == 1


def test_without_redis_each_instance_goes_on_from_what_it_knows(tmp_path: Path) -> None:
    async def run(valkey: Valkey) -> tuple[list[bool], int]:
        async with instances(valkey, 1) as (limits,):
            first = [await limits.take("caller", 5) for _ in range(3)]
            valkey.stop()
            rest = [await limits.take("caller", 5) for _ in range(3)]
            return [answer.granted for answer in [*first, *rest]], rest[0].remaining

    with Valkey(tmp_path / "valkey") as valkey:
        granted, remaining = asyncio.run(run(valkey))
    assert granted == [True] * 5 + [False]
    assert remaining == 1


def test_a_caller_that_gives_up_leaves_the_others_theirs(valkey: Valkey) -> None:
    async def run() -> list[int]:
        async with instances(valkey, 1) as (limits,):
            impatient = asyncio.create_task(limits.take("patience", 10))
            patient = asyncio.create_task(limits.take("patience", 10))
            await asyncio.sleep(0)
            impatient.cancel()
            return [(await patient).remaining, (await limits.take("patience", 10)).remaining]

    assert asyncio.run(run()) == [8, 7]
