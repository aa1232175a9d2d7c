"""The cache of two levels: in the process, and Redis. docs/decisions/0003-cache.md says why it is coherent.

An entry is named by a tag, which a write changes, and a field, which tells the readings under one tag apart. In Redis:
    cache:{tag}:v   hash of field to entry        cache:{tag}:g   guard: changes with every write
    cache:{tag}:w   writers at work, with the time by which each is done or dead
"""

import asyncio
import struct
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from utxoiq_persistence import futures
from utxoiq_persistence.cache.channel import CHANNEL, LEASE_SECONDS, SEPARATOR, Channel
from utxoiq_persistence.cache.memory import Memory
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.figures import CacheFigures
from utxoiq_persistence.records import Document
from utxoiq_persistence.redis.client import Redis
from utxoiq_persistence.redis.pipelines import RedisAway, Script, ScriptRunner
from utxoiq_persistence.tracing import spans as tracing

# A load that takes longer than the guard lives is not kept in Redis.
GUARD_SECONDS = 300
# Longer than any write can take with its waits and retries.
WRITER_SECONDS = 150
MAX_BYTES = 32 * 2**20
MAX_ENTRY_BYTES = 2**20
MAX_FIELDS = 256
# Of one script, so that a batch over thousands of series does not hold Redis up.
MAX_TAGS = 250
GROUP, RESULT = "utxoiq.cache.group", "utxoiq.cache.result"
_HEADER = struct.Struct(">dq")

# The entry; or the guard, which is made if there is none: one that was evicted must not look like one that never was.
_LOOKUP = Script.of("""-- cache lookup
local value = redis.call('HGET', KEYS[1], ARGV[1])
if value and struct.unpack('>d', value) > tonumber(ARGV[2]) then return {value} end
local guard = redis.call('GET', KEYS[2])
if not guard then
    guard = ARGV[3]
    redis.call('SET', KEYS[2], guard, 'EX', ARGV[4])
end
return {false, guard}
""")
_FILL = Script.of("""-- cache fill
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
local now = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now[1])
if redis.call('ZCARD', KEYS[3]) > 0 then return 0 end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('EXPIRE', KEYS[1], ARGV[4]) end
return 1
""")
_BEGIN = Script.of("""-- cache write begins
local now = redis.call('TIME')
for i = 1, #KEYS, 3 do
    redis.call('DEL', KEYS[i])
    redis.call('SET', KEYS[i + 1], ARGV[1], 'EX', ARGV[2])
    redis.call('ZADD', KEYS[i + 2], now[1] + ARGV[3], ARGV[1])
    redis.call('EXPIRE', KEYS[i + 2], ARGV[3])
end
""")
_END = Script.of("""-- cache write ends
for i = 1, #KEYS, 3 do
    redis.call('DEL', KEYS[i])
    redis.call('SET', KEYS[i + 1], ARGV[1], 'EX', ARGV[2])
    redis.call('ZREM', KEYS[i + 2], ARGV[5])
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
""")

Load = Callable[[], Awaitable[Document]]


@dataclass(eq=False)
class _Flight:
    """One load of a missing entry, which all who ask meanwhile share. overtaken: a write has changed its tag."""

    started: float = field(default_factory=time.monotonic)
    overtaken: bool = False
    task: "asyncio.Task[Document]" = field(init=False)


class Cache:
    """Reads through, and is told of writes. Without Redis every reading goes to its load."""

    def __init__(self, redis: "Redis", listening: "Redis") -> None:
        """listening: a client without a read timeout, for the channel."""
        self._figures = CacheFigures()
        self.scripts = ScriptRunner(redis, self._tell_rest)
        self._name = uuid.uuid4().hex
        self._numbers = count()
        self._channel = Channel(listening, self._drop, self._drop_all)
        self._memory = Memory(MAX_BYTES, MAX_FIELDS)
        self._flights: dict[str, dict[str, _Flight]] = {}
        # Tags changed while Redis could not be told; it is told before anything is read from it again.
        self._untold: set[str] = set()

    def start(self) -> None:
        self._channel.start()

    async def close(self) -> None:
        await self._channel.close()
        await self.scripts.close()

    async def get(self, group: str, tag: str, field: str, seconds: int, load: Load) -> Document:
        """The entry, loaded if missing: at most `seconds` old, and never older than the last write that ended.

        group: what the lookup counts as; one that joins another's flight is not counted.
        """
        document = self._memory.get(tag, field)
        if document is not None and self._channel.is_current():
            self._figures.group(group).memory += 1
            if (span := tracing.current()) is not None:
                span.point("cache get", {GROUP: group, RESULT: "memory"})
            return document
        flight = self._flights.get(tag, {}).get(field)
        if flight is None or not self._may_join(flight):
            flight = self._depart(group, tag, field, seconds, load)
        elif (span := tracing.current()) is not None:
            span.follow(flight.task, "cache get", {GROUP: group, RESULT: "joined"})
        return await asyncio.shield(flight.task)

    @asynccontextmanager
    async def changing(self, tags: Collection[str]) -> AsyncIterator[None]:
        """Around a write: nothing of these tags that was read before the write's end outlives it, here or elsewhere.

        A write whose outcome is unknown may still be applied: its tags are not cached until it is surely over.
        """
        writer = done = self._mark()
        for tag in tags:
            self._drop(tag)
        try:
            await self._tell(_BEGIN, tags, lambda _: [writer, str(GUARD_SECONDS), str(WRITER_SECONDS)])
            yield
        except DatabaseUnavailable as error:
            if error.outcome_unknown:
                done = ""
            raise
        finally:
            for tag in tags:
                self._drop(tag)
            await self._tell(_END, tags, lambda some: self._ending(some, done))

    @property
    def figures(self) -> CacheFigures:
        self._figures.evictions = self._memory.evictions
        return self._figures

    def _may_join(self, flight: _Flight) -> bool:
        """Not a flight that a write elsewhere may have overtaken unheard."""
        return self._channel.is_current() or time.monotonic() - flight.started < LEASE_SECONDS

    def _depart(self, group: str, tag: str, field: str, seconds: int, load: Load) -> _Flight:
        """A flight of its own task: it lands also when whoever asked first goes away."""
        flight = _Flight()
        self._flights.setdefault(tag, {})[field] = flight
        flying = self._fly(group, tag, field, seconds, load, flight)
        if (span := tracing.current()) is not None:
            flying = span.around("cache get", flying, {GROUP: group})
        flight.task = asyncio.create_task(flying)
        flight.task.add_done_callback(futures.retrieve)
        return flight

    async def _fly(self, group: str, tag: str, field: str, seconds: int, load: Load, flight: _Flight) -> Document:
        try:
            expires, document, shared = await self._through_redis(group, tag, field, seconds, load)
        finally:
            self._leave(tag, field, flight)
        if shared and not flight.overtaken and self._channel.is_current():
            self._memory.keep(tag, field, expires, document)
        return document

    def _leave(self, tag: str, field: str, flight: _Flight) -> None:
        flights = self._flights.get(tag)
        if flights is not None and flights.get(field) is flight:
            del flights[field]
            if not flights:
                del self._flights[tag]

    async def _through_redis(
        self, group: str, tag: str, field: str, seconds: int, load: Load
    ) -> tuple[float, Document, bool]:
        """From Redis, or loaded and offered to it; the time until which it is good; whether Redis holds it as well.

        What Redis refused is not kept in the process either: a write is under way, and may be ended by a crash untold.
        """
        self._channel.is_current()  # wakes the channel, for the readings to come
        keys = _keys([tag])
        try:
            value, *guard = await self.scripts.run(
                _LOOKUP, keys[:2], field, repr(time.time()), self._mark(), str(GUARD_SECONDS)
            )
        except RedisAway:
            self._figures.group(group).errors += 1
            _note("error")
            return 0.0, await load(), False
        if value is not None:
            self._figures.group(group).redis += 1
            _note("redis")
            return *_decode(value), True
        self._figures.group(group).misses += 1
        _note("miss")
        document = await load()
        expires = time.time() + seconds
        return expires, document, await self._offer(keys, field, expires, document, guard[0], seconds)

    async def _offer(
        self, keys: list[str], field: str, expires: float, document: Document, guard: bytes, seconds: int
    ) -> bool:
        if len(document.body) > MAX_ENTRY_BYTES:
            return False
        entry = _encode(expires, document)
        try:
            return bool(await self.scripts.run(_FILL, keys, field, entry, guard, str(seconds), str(MAX_FIELDS)))
        except RedisAway:
            self._figures.failed_writes += 1
            return False

    async def _tell(self, script: Script, tags: Collection[str], arguments: Callable[[list[str]], list[str]]) -> None:
        """Tells Redis of a write. It is told also if the caller is cancelled; what it cannot be told is kept."""
        portions = list(_portions(tags))
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = len(portions)

        def note(some: list[str], call: "asyncio.Future[Any]") -> None:
            nonlocal left
            left -= 1
            if call.cancelled() or call.exception() is not None:
                self._figures.failed_writes += 1
                self._untold.update(some)
            if left == 0 and not told.done():
                told.set_result(None)

        for some in portions:
            self.scripts.run(script, _keys(some), *arguments(some)).add_done_callback(partial(note, some))
        if portions:
            await told

    async def _tell_rest(self) -> None:
        """What the writes of Redis' absence changed. Raises RedisAway."""
        while self._untold:
            some = next(_portions(self._untold))
            self._untold.difference_update(some)
            try:
                await self.scripts.send(_END, _keys(some), *self._ending(some, ""))
            except RedisAway:
                self._untold.update(some)
                raise

    def _ending(self, tags: list[str], done: str) -> list[str]:
        """_END's arguments; done: the writer that is not at work any more."""
        return [self._mark(), str(GUARD_SECONDS), CHANNEL, SEPARATOR.join(tags), done]

    def _mark(self) -> str:
        """One that no other instance makes, and this one only once."""
        return f"{self._name}.{next(self._numbers)}"

    def _drop(self, tag: str) -> None:
        self._memory.drop(tag)
        for flight in self._flights.pop(tag, {}).values():
            flight.overtaken = True

    def _drop_all(self) -> None:
        self._memory.clear()
        for tag in list(self._flights):
            self._drop(tag)


def _note(result: str) -> None:
    if (span := tracing.current()) is not None:
        span.note(RESULT, result)


def _portions(tags: Collection[str]) -> Iterator[list[str]]:
    ordered = list(tags)
    return (ordered[start : start + MAX_TAGS] for start in range(0, len(ordered), MAX_TAGS))


def _keys(tags: list[str]) -> list[str]:
    return [f"cache:{{{tag}}}:{part}" for tag in tags for part in "vgw"]


def _encode(expires: float, document: Document) -> bytes:
    return _HEADER.pack(expires, -1 if document.version is None else document.version) + document.body


def _decode(entry: bytes) -> tuple[float, Document]:
    expires, version = _HEADER.unpack_from(entry)
    return expires, Document(entry[_HEADER.size :], None if version < 0 else version)
