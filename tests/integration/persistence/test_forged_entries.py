"""What a function that is taken over writes to Redis, whose password all functions have, is not believed."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from tests.integration.persistence.test_cache import Source, eventually, held_in_process, opened

from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.cache.cache import MAX_ENTRY_BYTES, Cache
from utxoiq_persistence.cache.channel import CHANNEL
from utxoiq_persistence.redis.signing import SIGNATURE_BYTES, Signer

pytestmark = pytest.mark.anyio
KEY = b"ours"
ENTRIES, GUARD, WRITERS = ("cache:{tag}:v", "cache:{tag}:g", "cache:{tag}:w")
FIELD = "2:"
# The server's epoch, when the load began, when the entry expires, the version.
HEADER = struct.Struct(">16sddq")
HOUR = 3600


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "valkey") as valkey:
        yield valkey


@pytest.fixture
def attacker(own_valkey: Valkey) -> Iterator["Redis"]:
    with Redis(own_valkey.host, own_valkey.port) as redis:
        yield redis


@pytest.fixture
async def caches(own_valkey: Valkey, anyio_backend: str) -> AsyncIterator[list[Cache]]:
    """Three instances of the function that is attacked."""
    async with opened(own_valkey, 3, KEY) as caches:
        yield caches


def stored(attacker: "Redis", tag: str = "tag") -> bytes:
    entry = attacker.hget(f"cache:{{{tag}}}:v", FIELD)
    assert isinstance(entry, bytes)
    return entry


def rewrite(entry: bytes, key: bytes | None = None, **header: float) -> bytes:
    """The entry with another header and body; signed by a key, or as it was."""
    epoch, loaded, expires, _ = HEADER.unpack_from(entry)
    values = {"loaded": loaded, "expires": expires, "version": 999_999, **header}
    content = HEADER.pack(epoch, values["loaded"], values["expires"], int(values["version"])) + b"999999"
    return content + entry[-SIGNATURE_BYTES:] if key is None else Signer(key).sign("cache:tag:", content)


def by_hand(entry: bytes, other: bytes) -> bytes:
    return rewrite(entry)


def with_another_functions_key(entry: bytes, other: bytes) -> bytes:
    return rewrite(entry, b"another function's")


def moved_from_another_tag(entry: bytes, other: bytes) -> bytes:
    return other


def prolonged(entry: bytes, other: bytes) -> bytes:
    """With the body that it has."""
    epoch, loaded, expires, version = HEADER.unpack_from(entry)
    return HEADER.pack(epoch, loaded, expires + HOUR, version) + entry[HEADER.size :]


def changed_in_one_byte(entry: bytes, other: bytes) -> bytes:
    return entry[:-1] + bytes([entry[-1] ^ 1])


def cut_short(entry: bytes, other: bytes) -> bytes:
    return entry[: HEADER.size]


@pytest.mark.parametrize(
    "forge", [by_hand, with_another_functions_key, moved_from_another_tag, prolonged, changed_in_one_byte, cut_short]
)
async def test_what_another_function_writes_to_redis_is_not_believed(
    caches: list[Cache], attacker: "Redis", forge: Callable[[bytes, bytes], bytes]
) -> None:
    one, another, reader = caches
    source, other = Source(), Source()
    other.value = 7
    await source.get(one)
    await other.get(one, "other")
    attacker.hset(ENTRIES, FIELD, forge(stored(attacker), stored(attacker, "other")))
    assert await source.get(another) == 0
    assert (another.figures.forged, another.figures.group("test").misses) == (1, 1)
    # The forged one was replaced, so that the next one reads what is true from Redis.
    assert await source.get(reader) == 0
    assert (reader.figures.forged, reader.figures.group("test").redis) == (0, 1)
    assert source.readings == 2


async def test_an_entry_is_not_brought_back_after_a_write(caches: list[Cache], attacker: "Redis") -> None:
    """It is signed, and not over: whoever wrote, or heard of it, knows better."""
    writer, hearer, witness = caches
    source = Source()
    await held_in_process(hearer, source)
    await held_in_process(witness, source)
    before = stored(attacker)
    await writer._channel.close()  # it needs to hear nothing to know of its own writes
    async with writer.changing(["tag"]):
        source.value = 1

    async def is_known() -> bool:
        return await source.get(hearer) == 1

    await eventually(is_known)
    for number, cache in enumerate((writer, hearer)):
        attacker.hset(ENTRIES, FIELD, before)
        cache._drop_all()
        forged = cache.figures.forged
        assert await source.get(cache) == 1, number
        assert cache.figures.forged == forged + 1
    # What is loaded after the write is as good as ever.
    witness._drop_all()
    redis = witness.figures.group("test").redis
    assert await source.get(witness) == 1
    assert witness.figures.group("test").redis == redis + 1


async def test_a_guard_that_is_set_back_lets_in_no_old_value_for_who_knows_of_the_write(
    caches: list[Cache], attacker: "Redis"
) -> None:
    writer, hearer, racer = caches
    source = Source()
    await held_in_process(hearer, Source(), "another")
    source.hold_up()
    stale = asyncio.create_task(source.get(racer))
    await source.reading.wait()
    guard = attacker.get(GUARD)
    assert isinstance(guard, bytes)
    async with writer.changing(["tag"]):
        source.value = 1
    attacker.set(GUARD, guard)
    source.go_on.set()
    assert await stale == 0
    assert attacker.hexists(ENTRIES, FIELD)  # Redis has it
    assert await source.get(writer) == 1

    async def is_known() -> bool:
        return await source.get(hearer) == 1

    await eventually(is_known)


async def test_nobody_is_kept_from_hearing_of_changes_by_forged_beats(
    caches: list[Cache], attacker: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache, *_) = caches
    await held_in_process(cache, Source())

    async def no_beat(channel: str, beat: str) -> None:
        pass

    monkeypatch.setattr(cache._channel, "_beat", no_beat)  # as where nothing that is published comes through
    channels = [name for name in attacker.pubsub_channels("cache:beat:*") if name == cache._channel._beats.encode()]
    assert len(channels) == 1

    async def is_over() -> bool:
        return not cache._channel.is_current()

    await eventually(is_over)
    forged = cache.figures.forged
    for beat in ("1e18", "nan", "x", "", "0" * 32):
        attacker.publish(channels[0], beat)

    async def is_counted() -> bool:
        return cache.figures.forged >= forged + 5

    await eventually(is_counted)
    assert not cache._channel.is_current()


async def test_a_beat_that_comes_twice_is_not_forged(caches: list[Cache], attacker: "Redis") -> None:
    """As where a connection ends before it has brought the answer, and the script is run again."""
    (cache, *_) = caches
    await held_in_process(cache, Source())
    heard, forged = cache._channel._last_heard, cache.figures.forged
    assert heard
    cache._channel._hear(heard)
    assert cache.figures.forged == forged
    cache._channel._hear(b"0" * 32)
    assert cache.figures.forged == forged + 1


@pytest.mark.parametrize("message", ["tag", "0.000001\0tag", "tag\0hmac:00", b"\xfftag\0tag", "9e99\0tag\0hmac:zz"])
async def test_news_that_nobody_signed_cost_an_entry_and_are_counted(
    caches: list[Cache], attacker: "Redis", message: str | bytes
) -> None:
    """As a function of a release that signed none sends them."""
    one, reader, _ = caches
    source = Source()
    await held_in_process(one, source)
    await held_in_process(reader, source)
    forged, redis = reader.figures.forged, reader.figures.group("test").redis
    attacker.publish(CHANNEL, message)

    async def is_counted() -> bool:
        return reader.figures.forged > forged

    await eventually(is_counted)
    await held_in_process(reader, source)
    assert reader.figures.group("test").redis > redis
    assert source.readings == 1


async def news_of_a_write(writer: Cache, attacker: "Redis", tag: str = "tag") -> bytes:
    """What is signed of the message, behind the time."""
    with attacker.pubsub() as listener:  # type: ignore[no-untyped-call]
        listener.subscribe(CHANNEL)
        assert listener.get_message(timeout=10)
        async with writer.changing([tag]):
            pass
        message = listener.get_message(timeout=10)
    assert message is not None
    news: bytes = message["data"].partition(b"\0")[2]
    return news


async def has_noted(reader: Cache, tag: str, after: float) -> None:
    async def is_noted() -> bool:
        return reader._changes._changed.get(tag, 0) > after

    await eventually(is_noted)


async def test_news_that_come_again_at_a_time_to_come_make_nothing_old(caches: list[Cache], attacker: "Redis") -> None:
    """The time before them is Redis' own, and anybody could write another. It costs one reading."""
    writer, reader, _ = caches
    source = Source()
    news = await news_of_a_write(writer, attacker)
    await held_in_process(reader, Source(), "another")
    assert await source.get(writer) == 0
    attacker.publish(CHANNEL, b"9999999999.0\0" + news)
    await has_noted(reader, "tag", 9e9)
    assert await source.get(reader) == 0
    assert (source.readings, reader.figures.forged) == (2, 0)
    # What is loaded from now on is as good as ever.
    redis = reader.figures.group("test").redis
    reader._drop_all()
    assert await source.get(reader) == 0
    assert (source.readings, reader.figures.group("test").redis) == (2, redis + 1)


async def test_news_that_come_again_at_a_time_to_come_bring_no_entry_back(
    caches: list[Cache], attacker: "Redis"
) -> None:
    """They must not push aside what the instance knows: the write after which the entry is old."""
    writer, reader, _ = caches
    source = Source()
    news = await news_of_a_write(writer, attacker)
    await held_in_process(reader, source)
    before = stored(attacker)
    async with writer.changing(["tag"]):
        source.value = 1
    attacker.publish(CHANNEL, b"9999999999.0\0" + news)
    await has_noted(reader, "tag", 9e9)
    for _ in range(3):
        attacker.hset(ENTRIES, FIELD, before)
        reader._drop_all()
        assert await source.get(reader) == 1


async def test_news_at_no_finite_time_make_nothing_doubtful(caches: list[Cache], attacker: "Redis") -> None:
    writer, reader, _ = caches
    news = await news_of_a_write(writer, attacker)
    await held_in_process(reader, Source(), "another")
    attacker.publish(CHANNEL, b"9" * 400 + b"\0" + news)
    attacker.publish(CHANNEL, b"9999999998.0\0" + news)  # it comes after the one before it
    await has_noted(reader, "tag", 9e9)
    assert reader._changes._changed["tag"] == 9999999998.0


async def test_news_of_a_time_to_come_that_were_forgotten_make_no_later_entry_doubtful(
    caches: list[Cache], attacker: "Redis"
) -> None:
    """As where somebody replays news of more tags than are remembered."""
    writer, reader, _ = caches
    source = Source()
    reader._changes._most = 2
    await held_in_process(reader, Source(), "another")
    for tag in "abc":
        attacker.publish(CHANNEL, b"9999999999.0\0" + await news_of_a_write(writer, attacker, tag))
        await has_noted(reader, tag, 9e9)
    assert await Source().get(reader, "yet another") == 0
    assert await source.get(writer) == 0
    redis = reader.figures.group("test").redis
    assert await source.get(reader) == 0
    assert (source.readings, reader.figures.group("test").redis) == (1, redis + 1)


async def test_a_writer_that_never_ends_keeps_no_tag_from_being_cached(caches: list[Cache], attacker: "Redis") -> None:
    one, other, _ = caches
    source = Source()
    attacker.zadd(WRITERS, {"nobody": float("inf"), "somebody": 9e12})
    assert await source.get(one) == await source.get(other) == 0
    assert source.readings == 1


@pytest.mark.parametrize("key", [ENTRIES, GUARD])
async def test_nobody_is_sent_what_is_longer_than_it_can_be(caches: list[Cache], attacker: "Redis", key: str) -> None:
    one, other, _ = caches
    source = Source()
    assert await source.get(one) == 0
    huge = HEADER.pack(HEADER.unpack_from(stored(attacker))[0], 0, 1e12, 0) + bytes(2**23)
    if key == ENTRIES:
        attacker.hset(ENTRIES, FIELD, huge)
    else:
        attacker.delete(ENTRIES)
        attacker.set(GUARD, huge)
    before = attacker.info("stats")["total_net_output_bytes"]
    assert await source.get(other) == 0
    assert attacker.info("stats")["total_net_output_bytes"] - before < 2**22
    assert other.figures.forged == 1
    # It was taken away, and the true one is there.
    assert len(stored(attacker)) < MAX_ENTRY_BYTES
    assert source.readings == 2


def as_text(attacker: "Redis", key: str) -> None:
    attacker.delete(key)
    attacker.set(key, "x")


def as_list(attacker: "Redis", key: str) -> None:
    attacker.delete(key)
    attacker.lpush(key, "x")


@pytest.mark.parametrize("spoil", [as_text, as_list])
@pytest.mark.parametrize("key", [ENTRIES, GUARD, WRITERS])
async def test_a_key_of_another_type_is_taken_away_and_redis_is_not_away(
    caches: list[Cache], attacker: "Redis", key: str, spoil: Callable[["Redis", str], None]
) -> None:
    one, other, _ = caches
    source = Source()
    spoil(attacker, key)
    assert await source.get(one) == 0
    assert await source.get(other) == 0
    assert source.readings == 1
    spoil(attacker, key)
    async with one.changing(["tag"]):
        source.value = 1
    other._drop_all()
    assert [await source.get(one), await source.get(other)] == [1, 1]
    figures = [cache.figures for cache in (one, other)]
    assert sum(one.group("test").errors + one.failed_writes for one in figures) == 0
    assert not any(cache.scripts.resting for cache in caches)
    # A text is what a guard is, and a guard that nobody knows is as good as a new one.
    assert (figures[0].forged > 0) == (key != GUARD or spoil is as_list)


async def test_an_entry_ends_when_it_was_to_end_whoever_puts_it_back(
    own_valkey: Valkey, attacker: "Redis", caches: list[Cache]
) -> None:
    one, another, late = caches
    source = Source()

    async def get(cache: Cache) -> bytes:
        return (await cache.get("test", "tag", "", 1, source.load)).body

    assert await get(one) == b"0"
    entry = stored(attacker)
    source.value = 1

    async def is_over() -> bool:
        return await get(another) == b"1"

    await eventually(is_over)
    attacker.hset(ENTRIES, FIELD, entry)
    attacker.persist(ENTRIES)
    assert await get(late) == b"1"
    assert late.figures.group("test").redis == 0


@pytest.mark.parametrize(
    ("moved", "is_served"), [(0, True), (HOUR, False), (-HOUR, False)], ids=["still", "forward", "back"]
)
async def test_what_holds_where_the_clock_of_redis_is_set(
    caches: list[Cache], attacker: "Redis", moved: float, is_served: bool
) -> None:
    """An entry of before is over, or nobody knows how old it is: a miss in both cases, and replaced."""
    one, other, _ = caches
    source = Source()
    await source.get(one)
    entry = stored(attacker)
    epoch, loaded, expires, version = HEADER.unpack_from(entry)
    # As the server would have put it down by a clock that was so far off.
    content = HEADER.pack(epoch, loaded - moved, expires - moved, version) + entry[HEADER.size : -SIGNATURE_BYTES]
    attacker.hset(ENTRIES, FIELD, Signer(KEY).sign("cache:tag:", content))
    assert await source.get(other) == 0
    assert (other.figures.group("test").redis, other.figures.forged) == (int(is_served), 0)
    assert HEADER.unpack_from(stored(attacker))[1] == pytest.approx(loaded, abs=30)
