"""Runs scripts in Redis: those that are asked for at the same moment share one pipeline."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hiredis import pack_command

from utxoiq_persistence import background, futures
from utxoiq_persistence.background import end
from utxoiq_persistence.config import RedisSettings
from utxoiq_persistence.redis import epochs
from utxoiq_persistence.redis.client import (
    AbstractConnection,
    NoBackoff,
    NoScriptError,
    Redis,
    RedisConnectionError,
    RedisError,
    ResponseError,
    Retry,
)
from utxoiq_persistence.redis.signing import Forgeries
from utxoiq_persistence.tracing import spans as tracing

TIMEOUT = 0.25
PROBE_SECONDS = 0.03
# How long Redis takes writes before it counts as back, in seconds: those that it refused, of other instances, come
# first. They are sent with the probes of those instances, and one that is on its way may last for TIMEOUT.
TRIAL_SECONDS = 0.35
# What stands in a script's arguments for the epoch of the server that gets them.
EPOCH = "\0epoch"
# How an error begins that tells of a key of another type.
_WRONG_TYPE = "WRONGTYPE"

_log = logging.getLogger(__name__)


class RedisAway(Exception):
    """Says that Redis did not answer now, or refuses writes, or did so lately. What was asked may have happened."""


@dataclass(frozen=True)
class Script:
    """Holds a Lua script.

    Attributes:
        name: What traces call the script, from a comment on its first line.
        text: The script. Its heading makes Redis refuse all of it where it would refuse a write, even if it writes
            nothing: so every script also asks whether Redis takes writes.
        digest: The SHA-1 digest by which Redis names the script.
        types: What its keys hold, by Redis' names of types: the first, the next, and from the start again.
    """

    name: str
    text: str
    digest: str
    types: tuple[str, ...] = ()

    @classmethod
    def from_text(cls, text: str, *types: str) -> "Script":
        """Return the script that has this text, and whose keys hold these types."""
        first = text.partition("\n")[0]
        name = first.removeprefix("-- ") if first.startswith("-- ") else "script"
        text = f"#!lua\n{text}"
        digest = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - Redis names scripts by this digest
        return cls(name, text, digest, types)


# It writes nothing, and is refused all the same.
_PROBE = Script.from_text("-- probe\nreturn 1")
# Deletes the keys that hold something else than the types among the arguments, and returns how many that were.
_TAKE_AWAY = Script.from_text("""-- take away
local taken = 0
for i = 1, #KEYS do
    local found = redis.call('TYPE', KEYS[i]).ok
    if found ~= 'none' and found ~= ARGV[i] then taken = taken + redis.call('DEL', KEYS[i]) end
end
return taken
""")


class _Call:
    """A script with its keys and arguments. The command is as it is sent to a server of this epoch."""

    def __init__(self, script: Script, keys: list[str], arguments: Sequence[str | bytes], epoch: bytes) -> None:
        self.script = script
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._keys = keys
        self._arguments = arguments
        self._epoch = epoch
        self._packed = self._pack()

    def taking_away(self) -> "_Call":
        """Return a call that deletes those of the keys that hold something else than the script takes them for."""
        types = self.script.types
        expected = [types[number % len(types)] for number in range(len(self._keys))] if types else []
        return _Call(_TAKE_AWAY, self._keys if types else [], expected, self._epoch)

    def command(self, epoch: bytes) -> bytes:
        if epoch != self._epoch:
            self._epoch = epoch
            self._packed = self._pack()
        return self._packed

    def _pack(self) -> bytes:
        arguments = [self._epoch if argument is EPOCH else argument for argument in self._arguments]
        words = ("EVALSHA", self.script.digest, str(len(self._keys)), *self._keys, *arguments)
        packed: bytes = pack_command(words)  # type: ignore[arg-type]  # its stub takes one argument only
        return packed


def open_redis(settings: RedisSettings, *, timeout: float | None = TIMEOUT) -> "Redis":
    """Return a client whose commands fail after `timeout` seconds; None suits a connection that only listens."""
    return Redis(
        host=settings.host,
        port=settings.port,
        password=settings.auth,
        ssl=settings.tls,
        ssl_ca_data=settings.ca,
        socket_connect_timeout=TIMEOUT,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        redis_connect_func=epochs.connect,
    )


class ScriptRunner:
    """Runs scripts in pipelines. After a failure it sends only its own probes, so that no request waits for Redis.

    Attributes:
        resting: Whether Redis has failed and is not yet back.
        forgeries: Counts keys that somebody made hold something else than scripts do.
    """

    def __init__(
        self,
        redis: "Redis",
        catch_up: Callable[[], Awaitable[None]] | None = None,
        changed: Callable[[], None] = lambda: None,
        forgeries: Forgeries | None = None,
        replaced: Callable[[], None] = lambda: None,
    ) -> None:
        """Send nothing yet.

        Args:
            redis: The client, of `open_redis`.
            catch_up: Is awaited before Redis counts as back. It uses `send`, and raises RedisAway where that fails.
            changed: Is called when Redis begins to be away, and when it is another server, or in another role.
            forgeries: Counts keys that hold something else than scripts put there.
            replaced: Is called before `changed` when it is another server, or in another role, and only then.
        """
        self.resting = False
        self.forgeries = Forgeries() if forgeries is None else forgeries
        self._redis = redis
        self._catch_up = catch_up
        self._changed = changed
        self._replaced = replaced
        self._epoch = b""
        self._taking_writes_since: float | None = None
        self._calls: list[_Call] = []
        self._sender: asyncio.Task[None] | None = None
        self._recovery: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop probing."""
        await end(self._recovery)

    def run(self, script: Script, keys: list[str], *arguments: str | bytes) -> "asyncio.Future[Any]":
        """Return what will be the script's answer, or RedisAway. What cannot be sent raises at once, for itself."""
        call = _Call(script, keys, arguments, self._epoch)
        if (span := tracing.current()) is not None:
            span.follow(call.answer, script.name, tracing.describe_script(script.name), remote=True)
        if self.resting:
            call.answer.set_exception(RedisAway())
            return call.answer
        self._calls.append(call)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())
            self._sender.add_done_callback(self._end_sending)
        return call.answer

    async def send(self, script: Script, keys: list[str], *arguments: str | bytes) -> Any:
        """Run a script at once and alone, even while the runner rests, and return its answer.

        Raises:
            RedisAway: Redis did not answer.
        """
        call = _Call(script, keys, arguments, self._epoch)
        await self._exchange([call])
        return await call.answer

    async def _send(self) -> None:
        """Send one pipeline at a time. Scripts that are asked for meanwhile go out in the next one."""
        try:
            while self._calls:
                calls, self._calls = self._calls, []
                if not await self._exchange(calls):
                    self._rest()
        finally:
            self._sender = None

    def _end_sending(self, sender: "asyncio.Task[None]") -> None:
        """Answer those who wait for a sender that was cancelled, perhaps before it began."""
        if futures.was_cut_off(sender):
            if self._sender is sender:
                self._sender = None
            self._give_up(RedisAway("sending was cut off"))

    def _rest(self) -> None:
        """Fail all that wait, since they came after what failed and must not overtake it, and start to probe."""
        self.resting = True
        self._taking_writes_since = None
        self._changed()
        self._give_up(RedisAway())
        self._recovery = background.start(
            "looking for Redis", self._probe, PROBE_SECONDS, first=PROBE_SECONDS, until=lambda: not self.resting
        )

    def _give_up(self, error: RedisAway) -> None:
        calls, self._calls = self._calls, []
        futures.fail((call.answer for call in calls), error)

    async def _probe(self) -> None:
        """Send what was missed as soon as Redis takes writes again; it is back when others have sent theirs, too."""
        try:
            await self.send(_PROBE, [])
            if self._catch_up is not None:
                await self._catch_up()
        except RedisAway:
            self._taking_writes_since = None
            raise
        now = time.monotonic()
        if self._taking_writes_since is None:
            self._taking_writes_since = now
        self.resting = now - self._taking_writes_since < TRIAL_SECONDS

    async def _exchange(self, calls: list[_Call]) -> bool:
        """Whether every call was answered; all of them are settled then, whatever is raised."""
        try:
            try:
                answers = await self._pipeline(calls)
            except RedisConnectionError:  # the connection was lost; whether Redis was, too, shows now
                answers = await self._pipeline(calls)
            if any(isinstance(answer, NoScriptError) for answer in answers):
                await self._load(calls)
                answers = await self._pipeline(calls)
            if any(is_of_wrong_type(answer) for answer in answers):
                answers = await self._repeat_spoiled(calls, answers)
        except BaseException as error:
            futures.fail((call.answer for call in calls), RedisAway(repr(error)))
            if not isinstance(error, Exception):
                raise
            if not isinstance(error, (RedisError, OSError)):
                _log.error("a pipeline to Redis failed", exc_info=error)
            return False
        for call, answer in zip(calls, answers, strict=True):
            _settle(call, answer)
        return not any(isinstance(answer, Exception) for answer in answers)

    async def _repeat_spoiled(self, calls: list[_Call], answers: list[Any]) -> list[Any]:
        """Return the answers, those of calls whose keys somebody has spoiled after these keys were taken away.

        Redis is not away for it: it would be for as long as the key is there.
        """
        spoiled = [call for call, answer in zip(calls, answers, strict=True) if is_of_wrong_type(answer)]
        cleaning = [call.taking_away() for call in spoiled]
        await self._load(cleaning)
        for taken in await self._pipeline(cleaning):
            if isinstance(taken, int):
                self.forgeries.count += taken
        _log.warning("keys of %s in Redis held what none of its callers puts there", spoiled[0].script.name)
        repeated = dict(zip(spoiled, await self._pipeline(spoiled), strict=True))
        return [repeated.get(call, answer) for call, answer in zip(calls, answers, strict=True)]

    async def _pipeline(self, calls: list[_Call]) -> list[Any]:
        """Send all calls, then read all answers, on one connection. redis-py's own pipeline takes twice as long."""
        pool = self._redis.connection_pool
        connection: AbstractConnection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            epoch = await epochs.current(connection)
            if epoch != self._epoch:
                known, self._epoch = self._epoch, epoch
                if known:
                    epochs.forget()
                    self._replaced()
                    self._changed()
            await connection.send_packed_command([call.command(epoch) for call in calls], check_health=False)
            answers = [await _answer(connection) for _ in calls]
            if any(_is_refusal(answer) for answer in answers):
                # A node that refuses writes may have been replaced: the next connection leads to the one in charge.
                # It may also be in charge again at once, with other content.
                epochs.forget()
                await connection.disconnect(nowait=True)
            return answers
        except BaseException:
            await connection.disconnect(nowait=True)  # its next user would read the answers to these calls
            raise
        finally:
            await pool.release(connection)

    async def _load(self, calls: list[_Call]) -> None:
        for text in {call.script.text for call in calls}:
            await self._redis.script_load(text)


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def is_of_wrong_type(answer: Any) -> bool:
    """Return whether an answer tells of a key that holds something else than it was taken for, and of nothing else."""
    return isinstance(answer, ResponseError) and str(answer).startswith(_WRONG_TYPE)


def _is_refusal(answer: Any) -> bool:
    """Return whether an answer tells of the server: neither of its scripts nor of a key."""
    return isinstance(answer, ResponseError) and not (isinstance(answer, NoScriptError) or is_of_wrong_type(answer))


def _settle(call: _Call, answer: Any) -> None:
    if isinstance(answer, Exception):
        futures.fail([call.answer], RedisAway(str(answer)))
    else:
        futures.answer(call.answer, answer)
