"""The two-level cache: in the process, and in Redis. docs/decisions/0003-cache.md says why it is coherent.

An entry has a tag, which a write invalidates, and a field, which distinguishes the entries of one tag. In Redis:
    cache:{tag}:v   hash of field to entry        cache:{tag}:g   guard: changes with every write
    cache:{tag}:w   active writers, with the time by which each has ended or crashed
"""

import asyncio
import logging
import struct
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from utxoiq_persistence import futures
from utxoiq_persistence.cache import channel
from utxoiq_persistence.cache.changes import Changes
from utxoiq_persistence.cache.channel import CHANNEL, LEASE_SECONDS, Channel
from utxoiq_persistence.cache.memory import Memory
from utxoiq_persistence.errors import PersistenceError
from utxoiq_persistence.figures import CacheFigures
from utxoiq_persistence.records import Document
from utxoiq_persistence.redis.client import Redis
from utxoiq_persistence.redis.epochs import LENGTH as EPOCH_BYTES
from utxoiq_persistence.redis.pipelines import EPOCH, RedisAway, Script, ScriptRunner
from utxoiq_persistence.redis.signing import SIGNATURE_BYTES, Signer
from utxoiq_persistence.tracing import spans as tracing

_log = logging.getLogger(__name__)

# How long a guard lives in Redis. An entry whose load takes longer is not kept there.
GUARD_SECONDS = 300
# No write takes longer than this, with its waits and retries.
WRITER_SECONDS = 150
MAX_BYTES = 32 * 2**20
MAX_ENTRY_BYTES = 2**20
MAX_FIELDS = 256
# The most tags of one script, so that a batch over thousands of series does not block Redis.
MAX_TAGS = 250
GROUP, RESULT = "utxoiq.cache.group", "utxoiq.cache.result"
# After a write that may still be made: how long, in seconds, until its tags are announced once more, since a Redis that
# lost its content knows of no writer. By then the server refuses it.
DOUBT_SECONDS = 30.0
# The types of a tag's keys.
_TYPES = ("hash", "string", "zset")
# An entry in Redis: the server's epoch, when its load began, when it expires, the version, the body; and the signature
# of all that, so that nobody without the key makes an entry, prolongs one, or brings it to another server. Times are by
# the clock of Redis, the same for all instances.
_HEADER = struct.Struct(f">{EPOCH_BYTES}sddq")
# Before the fields of such entries. Functions of the release before know entries of their own form, in other fields.
_FORM = "2:"

# The longest guard. One is a mark of a cache.
MAX_GUARD_BYTES = 100

# Returns the entry, when its load began, its remaining seconds, what was taken away and the time; or else the guard,
# behind the epoch, what was taken away and the time: a guard of another server tells nothing of writes that were
# announced to this one. A missing guard is created, since one that was evicted must not look like one that never
# existed. An entry that was loaded later than now is of before the clock was set back, and nobody knows how old it is.
# What is longer than it can be is taken away unseen, so that nobody has to load it.
_LOOKUP = Script.from_text(
    """-- cache lookup
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local taken = 0
local size = redis.call('HSTRLEN', KEYS[1], ARGV[1])
if size > tonumber(ARGV[5]) then
    taken = redis.call('HDEL', KEYS[1], ARGV[1])
elseif size >= 40 then
    local value = redis.call('HGET', KEYS[1], ARGV[1])
    local loaded, expires = struct.unpack('>dd', value, 17)
    if string.sub(value, 1, 16) == ARGV[2] and loaded <= now and now < expires then
        loaded, expires = string.format('%.6f', loaded), string.format('%.6f', expires - now)
        return {value, loaded, expires, 0, string.format('%.6f', now)}
    end
end
if redis.call('STRLEN', KEYS[2]) > tonumber(ARGV[6]) then taken = taken + redis.call('DEL', KEYS[2]) end
local guard = redis.call('GET', KEYS[2])
if not guard then
    guard = ARGV[3]
    redis.call('SET', KEYS[2], guard, 'EX', ARGV[4])
end
return {false, ARGV[2] .. guard, taken, string.format('%.6f', now)}
""",
    *_TYPES,
)
_DISCARD = Script.from_text(
    """-- cache discard
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
""",
    *_TYPES,
)
# A writer that is to end later than any can is nobody's, or of before the clock was set back.
_FILL = Script.from_text(
    """-- cache fill
local guard = redis.call('GET', KEYS[2])
if not guard or ARGV[6] .. guard ~= ARGV[3] then return 0 end
local now = redis.call('TIME')[1]
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '(' .. (now + ARGV[7]), '+inf')
if redis.call('ZCARD', KEYS[3]) > 0 then return 0 end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('EXPIRE', KEYS[1], ARGV[4]) end
return 1
""",
    *_TYPES,
)
_BEGIN = Script.from_text(
    """-- cache write begins
local now = redis.call('TIME')
for i = 1, #KEYS, 3 do
    redis.call('DEL', KEYS[i])
    redis.call('SET', KEYS[i + 1], ARGV[1], 'EX', ARGV[2])
    redis.call('ZADD', KEYS[i + 2], now[1] + ARGV[3], ARGV[1])
    redis.call('EXPIRE', KEYS[i + 2], ARGV[3])
end
""",
    *_TYPES,
)
# Returns the time from which on an entry must have been loaded, and publishes it before the message.
_END = Script.from_text(
    """-- cache write ends
for i = 1, #KEYS, 3 do
    redis.call('DEL', KEYS[i])
    redis.call('SET', KEYS[i + 1], ARGV[1], 'EX', ARGV[2])
    redis.call('ZREM', KEYS[i + 2], ARGV[5])
end
local now = redis.call('TIME')
now = string.format('%.6f', now[1] + now[2] / 1000000)
redis.call('PUBLISH', ARGV[3], now .. '\\0' .. ARGV[4])
return now
""",
    *_TYPES,
)
# Shows that Redis takes writes, and that what is published there is heard here.
_BEAT = Script.from_text("""-- cache beat
redis.call('PUBLISH', ARGV[1], ARGV[2])
""")

Load = Callable[[], Awaitable[Document]]


@dataclass(frozen=True)
class _Found:
    """An entry of Redis, and for how many seconds it is good."""

    document: Document
    seconds_left: float


@dataclass(frozen=True)
class _Guard:
    """By what a missing entry may be offered: the server's epoch and the tag's guard, given at this time of Redis."""

    value: bytes
    given_at: float


@dataclass(eq=False)
class _Flight:
    """Tracks one load of a missing entry, which all concurrent readers share. A write to its tag sets `overtaken`."""

    started: float = field(default_factory=time.monotonic)
    overtaken: bool = False
    task: "asyncio.Task[Document]" = field(init=False)


class Cache:
    """Reads entries through two levels, and invalidates them around writes. Without Redis every read calls its load."""

    def __init__(self, redis: "Redis", listening: "Redis", signer: Signer, common: Signer) -> None:
        """Send nothing yet.

        Args:
            redis: The client for scripts.
            listening: A client without a read timeout, for the invalidation channel.
            signer: Signs entries by the key of the function, and knows which are not of its making.
            common: Signs news of changes by a key of all functions, since they change entries of one another.
        """
        self._signer = signer
        self._common = common
        self._figures = CacheFigures()
        self._changes = Changes()
        self.scripts = ScriptRunner(
            redis, self._invalidate_rest, self._distrust, signer.forgeries, replaced=self._changes.begin_anew
        )
        self._name = uuid.uuid4().hex
        self._numbers = count()
        self._channel = Channel(listening, self._beat, self._heed, self._drop_all, common)
        self._memory = Memory(MAX_BYTES, MAX_FIELDS)
        self._flights: dict[str, dict[str, _Flight]] = {}
        # Tags that changed while Redis was away. Redis is told of them before anything is read from it again.
        self._untold: set[str] = set()
        # What announces the tags of writes that may still be made once more.
        self._later: set[asyncio.Future[None]] = set()

    def start(self) -> None:
        """Start to listen on the invalidation channel."""
        self._channel.start()

    async def close(self) -> None:
        """Stop listening and probing."""
        await self._channel.close()
        await self.scripts.close()
        for announcing in list(self._later):
            announcing.cancel()

    async def get(self, group: str, tag: str, field: str, seconds: int, load: Load) -> Document:
        """Return an entry, which is loaded if it is missing.

        The entry is at most `seconds` old, and never older than the last completed write to its tag. Raises what `load`
        raises.

        Args:
            group: What the figures count the lookup as. A lookup that joins another's load is not counted.
            tag: What a write invalidates.
            field: Which entry of the tag is meant.
            seconds: How long the entry is kept.
            load: Reads the document from the database.
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
        """Invalidate tags around a write: no instance serves what was read before the write ended.

        A write that may still be applied is not over: its tags are not cached until it certainly is.
        """
        writer = self._mark()
        done = ""
        for tag in tags:
            self._drop(tag)
        try:
            await self._invalidate_tags(_BEGIN, tags, lambda _: [writer, str(GUARD_SECONDS), str(WRITER_SECONDS)])
            yield
            done = writer
        except PersistenceError as error:
            done = writer if error.is_over else ""
            raise
        finally:
            if not done:
                self._announce_later(tags, writer)
            await self._announce(tags, done)

    @property
    def figures(self) -> CacheFigures:
        """Return the counts of lookups, evictions and failed writes since the start, and of what was forged.

        That is all that was found in Redis, or heard through it, and is not of the functions' making, or was put back:
        entries, beats, news of changes, counts of limits, figures, marks, and keys that hold something else.
        """
        self._figures.evictions = self._memory.evictions
        self._figures.forged = self._signer.forgeries.count
        return self._figures

    def _may_join(self, flight: _Flight) -> bool:
        """Return False for a load that a write of another instance may have overtaken without our hearing of it."""
        return self._channel.is_current() or time.monotonic() - flight.started < LEASE_SECONDS

    def _depart(self, group: str, tag: str, field: str, seconds: int, load: Load) -> _Flight:
        """Start a load in a task of its own, which ends even if the first reader is cancelled."""
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
        """Read from Redis, or load and offer to it; return the expiry time, the document, and whether Redis holds it.

        What Redis refused is not kept in the process either: a write is active, and may end by a crash without notice.
        """
        self._channel.is_current()  # this wakes the channel for later reads
        keys = _keys([tag])
        try:
            asked = time.monotonic()
            found = await self._look_up(keys, tag, field)
        except RedisAway:
            self._figures.group(group).errors += 1
            _note("error")
            return 0.0, await load(), False
        if isinstance(found, _Found):
            self._figures.group(group).redis += 1
            _note("redis")
            return asked + min(found.seconds_left, seconds), found.document, True
        self._figures.group(group).misses += 1
        _note("miss")
        loading = time.monotonic()
        document = await load()
        shared = found is not None and await self._offer(keys, tag, field, document, found, seconds)
        return loading + seconds, document, shared

    async def _look_up(self, keys: list[str], tag: str, field: str) -> "_Found | _Guard | None":
        """Return the entry that Redis has, or the guard to offer one by.

        An entry that this function has not signed, or that is of before a change, is taken away. One that is there
        again at once leaves no guard to offer by, so that whoever writes there keeps nobody busy. Raises RedisAway.
        """
        for _ in range(2):
            limits = str(GUARD_SECONDS), str(MAX_ENTRY_BYTES), str(MAX_GUARD_BYTES)
            value, *rest, taken, time_there = await self.scripts.run(
                _LOOKUP, keys[:2], _FORM + field, EPOCH, self._mark(), *limits
            )
            self._signer.forgeries.count += taken
            now = float(time_there)
            self._changes.pass_time(now)
            if value is None:
                return _Guard(rest[0], now)
            loaded, seconds_left = map(float, rest)
            if self._is_true(tag, field, value, loaded, now):
                return _Found(_decode(value), seconds_left)
            await self.scripts.run(_DISCARD, keys[:1], _FORM + field, value)
        return None

    def _is_true(self, tag: str, field: str, value: bytes, loaded: float, now: float) -> bool:
        """Return whether this function has made the entry, and nothing that this instance heard of came after it."""
        if self._signer.open(_place(tag, field), value) is None:
            _log.warning("an entry of %s in Redis is not of this function's making", tag)
            return False
        if self._changes.came_after(tag, loaded, now):
            # A write deletes entries, and what was loaded before it is not accepted: somebody else has put it there.
            self._signer.forgeries.count += 1
            _log.warning("an entry of %s was brought back to Redis", tag)
            return False
        return not self._changes.may_have_come_after(tag, loaded)

    async def _offer(
        self, keys: list[str], tag: str, field: str, document: Document, guard: "_Guard", seconds: int
    ) -> bool:
        entry = self._signer.sign(_place(tag, field), _encode(document, guard, seconds))
        if len(entry) > MAX_ENTRY_BYTES:
            return False
        limits = str(seconds), str(MAX_FIELDS), EPOCH, str(WRITER_SECONDS)
        try:
            return bool(await self.scripts.run(_FILL, keys, _FORM + field, entry, guard.value, *limits))
        except RedisAway:
            self._figures.failed_writes += 1
            return False

    async def _invalidate_tags(
        self, script: Script, tags: Collection[str], arguments: Callable[[list[str]], list[str]]
    ) -> None:
        """Tell Redis of a write, even if the caller is cancelled. Tags that Redis did not take are kept for later."""
        portions = list(_portions(tags))
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = len(portions)

        def note(some: list[str], call: "asyncio.Future[Any]") -> None:
            nonlocal left
            left -= 1
            if call.cancelled() or call.exception() is not None:
                self._figures.failed_writes += 1
                self._untold.update(some)
            elif script is _END:
                self._note_changes(some, float(call.result()))
            if left == 0 and not ended.done():
                ended.set_result(None)

        for some in portions:
            self.scripts.run(script, _keys(some), *arguments(some)).add_done_callback(partial(note, some))
        if portions:
            await ended

    async def _invalidate_rest(self) -> None:
        """Tell Redis of the writes during its absence. Raises RedisAway."""
        while self._untold:
            some = next(_portions(self._untold))
            self._untold.difference_update(some)
            try:
                self._note_changes(some, float(await self.scripts.send(_END, _keys(some), *self._ending(some, ""))))
            except RedisAway:
                self._untold.update(some)
                raise

    def _ending(self, tags: list[str], done: str) -> list[str]:
        """Return the arguments of _END. `done` is the writer that is not active any more."""
        return [self._mark(), str(GUARD_SECONDS), CHANNEL, channel.sign(self._common, tags), done]

    async def _announce(self, tags: Collection[str], done: str) -> None:
        """Drop tags here and everywhere. `done` is the writer that is not active any more."""
        for tag in tags:
            self._drop(tag)
        await self._invalidate_tags(_END, tags, lambda some: self._ending(some, done))

    def _announce_later(self, tags: Collection[str], writer: str) -> None:
        async def announce() -> None:
            await asyncio.sleep(DOUBT_SECONDS)
            await self._announce(tags, writer)

        announcing = asyncio.create_task(announce(), context=Context())
        self._later.add(announcing)
        announcing.add_done_callback(self._later.discard)
        announcing.add_done_callback(futures.retrieve)

    def _distrust(self) -> None:
        """Drop all that was read from another Redis, or from one that refuses writes, and listen to it anew."""
        self._drop_all()
        self._channel.give_up()

    async def _beat(self, channel: str, mark: str) -> None:
        with suppress(RedisAway):  # then nothing is heard
            await self.scripts.run(_BEAT, [], channel, mark)

    def _mark(self) -> str:
        """Return a mark that is unique among all instances."""
        return f"{self._name}.{next(self._numbers)}"

    def _heed(self, tag: str, moment: float | None) -> None:
        """Drop a tag that changed, at this time by the clock of Redis."""
        self._drop(tag)
        if moment is not None:
            self._changes.add(tag, moment)

    def _note_changes(self, tags: Collection[str], moment: float) -> None:
        for tag in tags:
            self._changes.add(tag, moment)

    def _drop(self, tag: str) -> None:
        self._memory.drop(tag)
        for flight in self._flights.pop(tag, {}).values():
            flight.overtaken = True

    def _drop_all(self) -> None:
        self._memory.clear()
        for tag in list(self._flights):
            self._drop(tag)


def _place(tag: str, field: str) -> str:
    return f"cache:{tag}:{field}"


def _note(result: str) -> None:
    if (span := tracing.current()) is not None:
        span.note(RESULT, result)


def _portions(tags: Collection[str]) -> Iterator[list[str]]:
    ordered = list(tags)
    return (ordered[start : start + MAX_TAGS] for start in range(0, len(ordered), MAX_TAGS))


def _keys(tags: list[str]) -> list[str]:
    return [f"cache:{{{tag}}}:{part}" for tag in tags for part in "vgw"]


def _encode(document: Document, guard: _Guard, seconds: int) -> bytes:
    version = -1 if document.version is None else document.version
    header = _HEADER.pack(guard.value[:EPOCH_BYTES], guard.given_at, guard.given_at + seconds, version)
    return header + document.body


def _decode(entry: bytes) -> Document:
    *_, version = _HEADER.unpack_from(entry)
    return Document(entry[_HEADER.size : -SIGNATURE_BYTES], None if version < 0 else version)
