"""What somebody with one function's password of Redis does to counts of rate limits, for whom and against whom."""

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.integration.access.test_rate_limits import KEY, count_of, instances, plain

from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.access.rate_limits import MAX_FIELDS, WINDOW_SECONDS, RateLimits
from utxoiq_persistence.redis.signing import Signer

Attack = Callable[["Redis", bytes], Awaitable[object]]
# How many were granted, when that was signed, and when the window ends.
COUNT = struct.Struct(">Idd")
LIMIT = 30
HUGE = 8 * 2**20


def packed(granted: int, since: float = 0.0) -> bytes:
    """A count of a window that began so many seconds ago, signed when it began."""
    began_at = time.time() - since
    return COUNT.pack(granted, began_at, began_at + WINDOW_SECONDS)


def signed(window: bytes, field: str, content: bytes) -> bytes:
    return Signer(KEY).sign(f"{window.decode()}:{field}", content)


async def ask(limits: RateLimits, name: str) -> bool:
    granted = (await limits.take(name, LIMIT)).granted
    limits.leave([name])
    async with asyncio.timeout(60):
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
    await redis.hset(window, "x", packed(10**6) + bytes(32))


async def short(redis: "Redis", window: bytes) -> None:
    await redis.hset(window, "x", b"\xff\xff\xff\xff")


async def just_under_the_limit(redis: "Redis", window: bytes) -> None:
    await redis.hset(window, "x", packed(LIMIT - 2) + bytes(32))


async def from_another_field(redis: "Redis", window: bytes) -> None:
    (entry,) = await redis.hvals(window)
    for number in range(LIMIT):
        await redis.hset(window, f"copy {number}", entry)


async def long_ago(redis: "Redis", window: bytes) -> None:
    """Signed by a function, and kept until now."""
    await redis.hset(window, "x", signed(window, "x", packed(LIMIT, 3 * WINDOW_SECONDS)))


async def of_the_last_window(redis: "Redis", window: bytes) -> None:
    """Signed with its last request, just before it was over."""
    now = time.time()
    await redis.hset(window, "x", signed(window, "x", COUNT.pack(LIMIT, now - 1, now)))


async def first_of_the_last_window(redis: "Redis", window: bytes) -> None:
    """By an instance that did not know yet when that was to end."""
    await redis.hset(window, "x", signed(window, "x", packed(LIMIT, 60)))


async def huge(redis: "Redis", window: bytes) -> None:
    await redis.hset(window, "x", b"\xff" * HUGE)


async def of_a_huge_name(redis: "Redis", window: bytes) -> None:
    await redis.hset(window, "x" * HUGE, packed(LIMIT) + bytes(32))


async def of_another_form(redis: "Redis", window: bytes) -> None:
    await redis.hset(window, "x", signed(window, "x", b"\xff" * 12))


async def too_many_fields(redis: "Redis", window: bytes) -> None:
    await redis.hset(window, mapping={f"{number}": bytes(COUNT.size + 32) for number in range(MAX_FIELDS + 1)})


async def another_type(redis: "Redis", window: bytes) -> None:
    await redis.set(window, 10**6)


INFLATING = [
    unsigned,
    short,
    just_under_the_limit,
    from_another_field,
    long_ago,
    of_the_last_window,
    first_of_the_last_window,
    huge,
    of_a_huge_name,
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


def test_the_counts_of_a_window_lock_nobody_out_of_the_next_one(valkey: Valkey) -> None:
    """Signed by an instance that is there no more, and put back by somebody as they were."""

    async def run() -> tuple[list[bool], int]:
        async with instances(valkey, 1) as (limits,), plain(valkey) as redis:
            async with instances(valkey, 2) as (one, other):
                window = await window_of(one, redis, "returning")
                while await ask(one, "returning") or await ask(other, "returning"):
                    pass
                await ask(limits, "returning")  # it knows the window
            counts: Any = await redis.hgetall(window)
            await redis.delete(window)
            (known,) = limits._windows.values()
            now = time.monotonic()
            for count in counts:  # as they would have been signed so long ago
                granted, signed_at, ends_at = COUNT.unpack(counts[count][: COUNT.size])
                moved = COUNT.pack(granted, signed_at + now - known.ends_at, ends_at + now - known.ends_at)
                counts[count] = signed(window, count.decode(), moved)
            known.ends_at = now
            await redis.hset(window, mapping=counts)
            return [await ask(limits, "returning") for _ in range(LIMIT + 1)], limits._signer.forgeries.count

    granted, forged = asyncio.run(run())
    assert granted == [True] * LIMIT + [False]
    assert forged > 0


@pytest.mark.parametrize("attack", [huge, of_a_huge_name, too_many_fields])
def test_no_instance_is_sent_what_is_no_count(valkey: Valkey, attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> int:
        async with instances(valkey, 1) as (limits,), plain(valkey) as redis:
            window = await window_of(limits, redis, "loaded")
            while await ask(limits, "loaded"):
                pass
            await attack(redis, window)
            before = (await redis.info("stats"))["total_net_output_bytes"]
            limits._windows.clear()
            await ask(limits, "loaded")
            after = (await redis.info("stats"))["total_net_output_bytes"]
            return int(after - before)

    assert asyncio.run(run()) < MAX_FIELDS * 150


@pytest.mark.parametrize("ahead", [-WINDOW_SECONDS - 60, WINDOW_SECONDS + 60], ids=["behind", "ahead"])
def test_the_clock_of_an_instance_makes_no_difference_once_it_has_asked_redis(
    valkey: Valkey, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = time.time

    async def run() -> tuple[list[bool], int]:
        monkeypatch.setattr(time, "time", lambda: wall() + ahead)
        async with instances(valkey, 1) as (wrong,):
            await ask(wrong, "somebody else")
            monkeypatch.undo()
            async with instances(valkey, 1) as (right,), plain(valkey) as redis:
                await window_of(wrong, redis, "honest")
                granted = [await ask(limits, "honest") for limits in (right, wrong) * (LIMIT // 2 + 1)]
                return granted, sum(limits._signer.forgeries.count for limits in (right, wrong))

    granted, forged = asyncio.run(run())
    assert granted == [True] * (LIMIT - 1) + [False] * 3
    assert forged == 0


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
        await redis.hset(window, field, packed(0) + bytes(32))


async def set_back(redis: "Redis", window: bytes) -> None:
    """To what it signed itself in the beginning."""
    fields: Any = await redis.hkeys(window)
    for field in fields:
        await redis.hset(window, field, signed(window, field.decode(), packed(1)))


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
                await redis.pexpire(window, 30_000)
                granted.append((await other.take("hurried", 3)).granted)
                other.leave(["hurried"])
                (known,) = other._windows.values()
                if known.ends_at - time.monotonic() < 60:
                    known.ends_at = time.monotonic()  # half a minute later
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
