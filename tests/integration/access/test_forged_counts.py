"""What somebody with one function's password of Redis does to counts of rate limits, for whom and against whom."""

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis
from tests.integration.access.test_rate_limits import KEY, count_of, instances, plain

from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.access.rate_limits import MAX_FIELDS, MAX_HOURS, WINDOW_SECONDS, RateLimits
from utxoiq_persistence.redis.signing import Signer

Attack = Callable[["Redis", bytes], Awaitable[object]]
COUNT = struct.Struct(">II")
LIMIT = 30


def this_hour() -> int:
    return int(time.time() // WINDOW_SECONDS)


async def ask(limits: RateLimits, name: str) -> bool:
    granted = (await limits.take(name, LIMIT)).granted
    limits.leave([name])
    async with asyncio.timeout(10):
        while any(window.uncounted or window.counting for window in limits._windows.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.0005)
    return granted


async def window_of(limits: RateLimits, redis: "Redis", name: str) -> bytes:
    """Where the caller is counted, which begins with this."""
    await redis.flushall()
    await ask(limits, name)
    (window,) = await redis.keys("granted:*")
    assert isinstance(window, bytes)
    return window


async def unsigned(redis: "Redis", window: bytes) -> None:
    await redis.hset(window, "x", COUNT.pack(10**6, this_hour()) + bytes(32))


async def short(redis: "Redis", window: bytes) -> None:
    await redis.hset(window, "x", b"\xff\xff\xff\xff")


async def just_under_the_limit(redis: "Redis", window: bytes) -> None:
    await redis.hset(window, "x", COUNT.pack(LIMIT - 2, this_hour()) + bytes(32))


async def from_another_field(redis: "Redis", window: bytes) -> None:
    (entry,) = await redis.hvals(window)
    for number in range(LIMIT):
        await redis.hset(window, f"copy {number}", entry)


async def long_ago(redis: "Redis", window: bytes) -> None:
    """Signed by a function, and kept until now."""
    entry = Signer(KEY).sign(f"{window.decode()}:x", COUNT.pack(LIMIT, this_hour() - MAX_HOURS - 1))
    await redis.hset(window, "x", entry)


async def of_another_form(redis: "Redis", window: bytes) -> None:
    await redis.hset(window, "x", Signer(KEY).sign(f"{window.decode()}:x", b"\xff" * 12))


async def too_many_fields(redis: "Redis", window: bytes) -> None:
    await redis.hset(window, mapping={f"{number}": bytes(40) for number in range(MAX_FIELDS + 1)})


async def another_type(redis: "Redis", window: bytes) -> None:
    await redis.set(window, 10**6)


INFLATING = [
    unsigned,
    short,
    just_under_the_limit,
    from_another_field,
    long_ago,
    of_another_form,
    too_many_fields,
    another_type,
]


@pytest.mark.parametrize("attack", INFLATING)
def test_a_count_that_no_function_signed_refuses_nobody(valkey: Valkey, attack: Attack) -> None:
    async def run() -> tuple[list[bool], int, int]:
        async with instances(valkey, 2) as (one, other), plain(valkey) as redis:
            window = await window_of(one, redis, "victim")
            await attack(redis, window)
            granted = [await ask(limits, "victim") for limits in (one, other) * (LIMIT // 2)]
            forged = sum(limits._signer.forgeries.count + limits._scripts.forgeries.count for limits in (one, other))
            assert not any(limits._scripts.resting for limits in (one, other))
            return granted, forged, await count_of(redis, window)

    granted, forged, counted = asyncio.run(run())
    # One was granted before, and the last one is refused truly.
    assert granted == [True] * (LIMIT - 1) + [False]
    assert counted == LIMIT
    assert (forged > 0) == (attack is not too_many_fields)


@pytest.mark.parametrize("attack", [unsigned, just_under_the_limit])
def test_an_attacker_that_never_stops_locks_nobody_out(valkey: Valkey, attack: Attack) -> None:
    async def run() -> list[bool]:
        async with instances(valkey, 1) as (limits,), plain(valkey) as redis:
            window = await window_of(limits, redis, "hunted")
            granted = []
            for _ in range(LIMIT):
                await attack(redis, window)
                granted.append(await ask(limits, "hunted"))
            return granted

    assert asyncio.run(run()) == [True] * (LIMIT - 1) + [False]


async def taken_away(redis: "Redis", window: bytes) -> None:
    await redis.delete(window)


async def emptied(redis: "Redis", window: bytes) -> None:
    for field in await redis.hkeys(window):
        await redis.hset(window, field, COUNT.pack(0, this_hour()) + bytes(32))


async def set_back(redis: "Redis", window: bytes) -> None:
    """To what it signed itself in the beginning."""
    for field in await redis.hkeys(window):
        place = b"%b:%b" % (window, field if isinstance(field, bytes) else field.encode())
        await redis.hset(window, field, Signer(KEY).sign(place.decode(), COUNT.pack(1, this_hour())))


async def made_short(redis: "Redis", window: bytes) -> None:
    await redis.pexpire(window, 1)


@pytest.mark.parametrize("attack", [taken_away, emptied, set_back, made_short, another_type])
def test_an_instance_gives_nobody_more_than_the_limit_whatever_becomes_of_its_count(
    valkey: Valkey, attack: Attack
) -> None:
    async def run() -> tuple[list[bool], int]:
        async with instances(valkey, 1) as (limits,), plain(valkey) as redis:
            window = await window_of(limits, redis, "accomplice")
            granted = []
            for _ in range(LIMIT + 5):
                await attack(redis, window)
                granted.append(await ask(limits, "accomplice"))
            return granted, await redis.pttl(window)

    granted, left = asyncio.run(run())
    assert granted == [True] * (LIMIT - 1) + [False] * 6
    assert left <= WINDOW_SECONDS * 1000


def test_what_was_taken_away_is_counted_again_with_the_next_request(valkey: Valkey) -> None:
    async def run() -> tuple[int, int]:
        async with instances(valkey, 3) as limits, plain(valkey) as redis:
            window = await window_of(limits[0], redis, "healing")
            for _ in range(3):
                for one in limits:
                    await ask(one, "healing")
            before = await count_of(redis, window)
            await redis.delete(window)
            for one in limits:
                await ask(one, "healing")
            return before, await count_of(redis, window)

    assert asyncio.run(run()) == (10, 13)


def test_a_window_that_is_told_to_be_over_soon_again_and_again_becomes_an_hour(valkey: Valkey) -> None:
    """The instance knows nothing of it at first, so the first end is believed."""

    async def run() -> list[bool]:
        async with instances(valkey, 2) as (one, other), plain(valkey) as redis:
            window = await window_of(one, redis, "hurried")
            granted = []
            for _ in range(8):
                await redis.pexpire(window, 500)
                granted.append((await other.take("hurried", 3)).granted)
                other.leave(["hurried"])
                (known,) = other._windows.values()
                if known.ends_at - time.monotonic() < 1:
                    known.ends_at = time.monotonic()  # half a second later
            return granted

    assert asyncio.run(run()) == [True, True, True, *[False] * 5]


@pytest.mark.parametrize("lasts", [500, 3 * WINDOW_SECONDS * 1000, None], ids=["shorter", "longer", "for ever"])
def test_a_window_that_has_begun_ends_when_it_was_to_end(valkey: Valkey, lasts: int | None) -> None:
    async def run() -> tuple[float, float]:
        async with instances(valkey, 1) as (limits,), plain(valkey) as redis:
            window = await window_of(limits, redis, "punctual")
            (known,) = limits._windows.values()
            before = known.ends_at
            await (redis.persist(window) if lasts is None else redis.pexpire(window, lasts))
            await ask(limits, "punctual")
            return before, known.ends_at

    before, after = asyncio.run(run())
    assert before == after


def test_a_window_that_never_ends_ends(valkey: Valkey) -> None:
    async def run() -> list[int]:
        async with instances(valkey, 2) as limits, plain(valkey) as redis:
            window = await window_of(limits[0], redis, "caged")
            await redis.persist(window)
            await ask(limits[1], "caged")
            ends = [await redis.pttl(window)]
            await redis.expire(window, 10 * WINDOW_SECONDS)
            await ask(limits[1], "caged")
            return [*ends, await redis.pttl(window)]

    assert all(0 < left <= WINDOW_SECONDS * 1000 for left in asyncio.run(run()))
