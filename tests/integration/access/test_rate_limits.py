"""Rate limits over a real Redis: within their bound, whoever counts; and without it, still limits."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.access.rate_limits import (
    FRESH_SECONDS,
    GATHERING_SECONDS,
    MAX_COUNTED,
    WINDOW_SECONDS,
    Allowance,
    RateLimits,
)
from utxoiq_persistence.config import RedisSettings
from utxoiq_persistence.redis.pipelines import ScriptRunner, open_redis
from utxoiq_persistence.redis.signing import Signer

KEY = b"of all who count"


@asynccontextmanager
async def instances(valkey: Valkey, count: int) -> AsyncIterator[list[RateLimits]]:
    settings = RedisSettings(valkey.host, valkey.port, valkey.password)
    # However busy the machine is, Redis is away only where it has gone.
    links = [open_redis(settings, timeout=60) for _ in range(count)]
    runners = [ScriptRunner(link) for link in links]
    made = [RateLimits(runner, Signer(KEY)) for runner in runners]
    yield made
    async with asyncio.timeout(60):
        while any(window.counting or window.behind for one in made for window in one._windows.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    for runner, link in zip(runners, links, strict=True):
        await runner.close()
        await link.aclose()


def plain(valkey: Valkey) -> "Redis":
    return Redis(host=valkey.host, port=valkey.port, password=valkey.password)


async def count_of(redis: "Redis", window: bytes | str) -> int:
    """Of all instances together."""
    entries: Any = await redis.hvals(window)
    return sum(int.from_bytes(entry[:4], "big") for entry in entries)


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
            (window,) = await redis.keys("granted:*")
            assert await redis.ttl(window) == pytest.approx(WINDOW_SECONDS, abs=2)
            async with instances(valkey, 1) as (other,):
                await other.take("whoever is first", 1)  # it connects, which may take as long as is left below
                await redis.pexpire(window, 1000)
                meanwhile = await other.take("hour", 1)
                await asyncio.sleep(1.05)
                return [answer.granted for answer in (before, meanwhile, await other.take("hour", 1))]

    assert asyncio.run(run()) == [True, False, True]


@pytest.mark.parametrize("step", [WINDOW_SECONDS + 60, -WINDOW_SECONDS - 60], ids=["forward", "back"])
@pytest.mark.parametrize("redis_is_there", [True, False], ids=["with Redis", "alone"])
def test_a_clock_that_is_set_gives_nobody_a_second_limit_and_locks_nobody_out(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, redis_is_there: bool
) -> None:
    wall, monotonic = time.time, time.monotonic

    async def run(server: Valkey) -> tuple[bool, Allowance, bool]:
        async with instances(server, 1) as (limits,):
            await asyncio.gather(*(limits.take(name, 1) for _ in range(2)))
            monkeypatch.setattr(time, "time", lambda: wall() + step)
            spent, refused = limits.is_spent(name), await limits.take(name, 1)
            monkeypatch.setattr(time, "monotonic", lambda: monotonic() + WINDOW_SECONDS)
            return spent, refused, limits.is_spent(name)

    name = f"clock {step}"
    spent, refused, spent_for_ever = asyncio.run(run(valkey if redis_is_there else Valkey(tmp_path)))
    assert (spent, refused.granted, spent_for_ever) == (True, False, False)
    assert refused.resets_at == pytest.approx(wall() + step + WINDOW_SECONDS, abs=5)


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
            before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
            await asyncio.gather(*(limits.take("busy", 10**6) for _ in range(500)))
            return int((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] - before)

    assert asyncio.run(run()) == 1


def test_many_callers_are_counted_in_few_scripts(valkey: Valkey) -> None:
    callers = [f"many-{number}" for number in range(MAX_COUNTED + 50)]

    async def run() -> tuple[int, list[int], list[int]]:
        async with instances(valkey, 1) as (limits,), plain(valkey) as redis:
            first = [answer.remaining for answer in await asyncio.gather(*(limits.take(one, 100) for one in callers))]
            limits.leave(callers)
            before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
            # Each behind its answer, then each by asking first.
            for _ in range(2):
                await asyncio.gather(*(limits.take(one, 100) for one in callers))
                limits.leave(callers)
            calls = int((await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] - before)
            last = [answer.remaining for answer in await asyncio.gather(*(limits.take(one, 100) for one in callers))]
            return calls, first, last

    calls, first, last = asyncio.run(run())
    assert calls <= 4
    assert set(first) == {99}
    assert set(last) == {96}


def test_who_is_far_from_the_limit_does_not_wait_for_redis(valkey: Valkey) -> None:
    async def run() -> tuple[list[int], int]:
        async with instances(valkey, 1) as (limits,), plain(valkey) as redis:
            await redis.flushall()
            await limits.take("far", 100)
            # A coroutine that ends without having waited for anything.
            remaining = []
            for _ in range(2):
                with pytest.raises(StopIteration) as ended:
                    limits.take("far", 100).send(None)
                remaining.append(ended.value.value.remaining)
            (window,) = await redis.keys("granted:*")
            async with asyncio.timeout(60):
                while (counted := await count_of(redis, window)) < 3:  # noqa: ASYNC110 - of another process
                    await asyncio.sleep(0.001)
            return remaining, counted

    assert asyncio.run(run()) == ([98, 97], 3)


async def ask_until_refused(limits: RateLimits, name: str, limit: int) -> int:
    """One request after the other, each answered before the next; how many were granted."""
    granted = 0
    while (await limits.take(name, limit)).granted:
        granted += 1
        limits.leave([name])
        assert granted <= limit, "no limit at all"
    return granted


def test_an_instance_that_knows_too_little_admits_one_request_too_many(valkey: Valkey) -> None:
    """All learn that the caller is far from the limit; then one of them serves all that is left."""

    async def run() -> list[int]:
        async with instances(valkey, 20) as (first, *others):
            for limits in others:
                await limits.take("stale", 200)
                limits.leave(["stale"])
            used = await ask_until_refused(first, "stale", 200)
            await asyncio.sleep(FRESH_SECONDS)
            return [used, *[await ask_until_refused(limits, "stale", 200) for limits in others]]

    used, *too_many = asyncio.run(run())
    assert used == 200 - 19
    assert too_many == [1] * 19


@pytest.mark.parametrize("at_once", [1, 8])
def test_over_many_instances_a_caller_gets_its_limit_one_an_instance_and_what_is_in_flight(
    valkey: Valkey, at_once: int
) -> None:
    count, limit = 12, 600

    async def run() -> int:
        async with instances(valkey, count) as limits:
            clients = [ask_until_refused(one, f"bound-{at_once}", limit) for one in limits for _ in range(at_once)]
            return sum(await asyncio.gather(*clients))

    granted = asyncio.run(run())
    assert limit <= granted <= limit + count + count * at_once


def test_a_count_that_is_due_while_somebody_asks_answers_both(valkey: Valkey) -> None:
    async def run() -> list[int]:
        async with instances(valkey, 1) as (limits,):
            await limits.take("both", 100)
            limits.leave(["both"])
            behind = await limits.take("both", 100)
            limits.leave(["both"])
            asking = asyncio.create_task(limits.take("both", 100))
            time.sleep(2 * GATHERING_SECONDS)  # noqa: ASYNC251 - the loop then finds both at once
            async with asyncio.timeout(60):
                return [behind.remaining, (await asking).remaining]

    assert asyncio.run(run()) == [98, 97]


@pytest.mark.parametrize(
    ("limit", "seconds_ago", "most"),
    [
        (6_401, 0.01, 98),  # of which 6,302 // 64 are no more
        (6_401, 1.0, 1),  # others may have used up what was left
        (6_401_030, 1.0, 83_400),  # others have used 980,000 of them at most
        (6_401_000, 10.0, 1),
    ],
)
def test_of_what_is_sure_to_be_left_a_64th_is_counted_behind(
    valkey: Valkey, limit: int, seconds_ago: float, most: int
) -> None:
    async def run() -> int:
        async with instances(valkey, 1) as (limits,):
            await limits.take("busy", limit)
            limits.leave(["busy"])
            (window,) = limits._windows.values()
            now, admitted = window.learned_at + seconds_ago, 0
            while window.is_far(now):
                admitted, window.behind = admitted + 1, window.behind + 1
            window.behind = 0
            return admitted

    assert asyncio.run(run()) == most


def test_who_gave_up_or_was_refused_is_not_in_flight(valkey: Valkey) -> None:
    async def run() -> int:
        async with instances(valkey, 2) as (stale, other):
            given_up = [asyncio.create_task(stale.take("flight", 40)) for _ in range(5)]
            await asyncio.sleep(0)
            for task in given_up:
                task.cancel()
            await asyncio.gather(*given_up, return_exceptions=True)
            await stale.take("flight", 40)
            stale.leave(["flight"])
            await ask_until_refused(other, "flight", 40)
            await asyncio.sleep(FRESH_SECONDS)
            return await ask_until_refused(stale, "flight", 40)

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
