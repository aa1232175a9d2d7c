"""Redis for many small commands at once: those of one moment travel in one pipeline."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hiredis import pack_command

from utxoiq_persistence import background, futures
from utxoiq_persistence.background import end
from utxoiq_persistence.config import RedisSettings
from utxoiq_persistence.redis.client import (
    AbstractConnection,
    NoBackoff,
    NoScriptError,
    Redis,
    RedisError,
    ResponseError,
    Retry,
)
from utxoiq_persistence.tracing import spans as tracing

TIMEOUT = 0.25
PROBE_SECONDS = 0.1

_log = logging.getLogger(__name__)


class RedisAway(Exception):
    """Redis did not answer, or did not lately. What was asked may have happened."""


@dataclass(frozen=True)
class Script:
    """A Lua script and the digest that Redis knows it by. name: for traces, from a comment on the first line."""

    name: str
    text: str
    digest: str

    @classmethod
    def of(cls, text: str) -> "Script":
        first = text.partition("\n")[0]
        name = first.removeprefix("-- ") if first.startswith("-- ") else "script"
        return cls(name, text, hashlib.sha1(text.encode()).hexdigest())  # noqa: S324 - the digest Redis names scripts by


@dataclass
class _Call:
    """command: as it is sent."""

    script: Script
    command: bytes
    answer: "asyncio.Future[Any]"


def open_redis(settings: RedisSettings, *, timeout: float | None = TIMEOUT) -> "Redis":
    """A client whose commands fail after `timeout` seconds; None for a connection that only listens."""
    return Redis(
        host=settings.host,
        port=settings.port,
        password=settings.auth,
        ssl=settings.tls,
        ssl_ca_data=settings.ca,
        socket_connect_timeout=TIMEOUT,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
    )


class ScriptRunner:
    """Runs scripts. After a failure it sends nothing but its own probes, so that no request waits for an absent Redis.

    catch_up: what is to be sent, by `send`, before Redis counts as back. Raises RedisAway where that fails.
    """

    def __init__(self, redis: "Redis", catch_up: Callable[[], Awaitable[None]] | None = None) -> None:
        self.resting = False
        self._redis = redis
        self._catch_up = catch_up
        self._calls: list[_Call] = []
        self._sender: asyncio.Task[None] | None = None
        self._recovery: asyncio.Task[None] | None = None

    async def close(self) -> None:
        await end(self._recovery)

    def run(self, script: Script, keys: list[str], *arguments: str | bytes) -> "asyncio.Future[Any]":
        """Return what will be the script's answer, or RedisAway. What cannot be sent raises at once, for itself."""
        call = _call(script, keys, arguments)
        if (span := tracing.current()) is not None:
            span.follow(call.answer, script.name, tracing.of_script(script.name), remote=True)
        if self.resting:
            call.answer.set_exception(RedisAway())
            return call.answer
        self._calls.append(call)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())
            self._sender.add_done_callback(self._end_sending)
        return call.answer

    async def send(self, script: Script, keys: list[str], *arguments: str | bytes) -> Any:
        """At once and alone, even while all others rest. Raises RedisAway."""
        call = _call(script, keys, arguments)
        await self._exchange([call])
        return await call.answer

    async def _send(self) -> None:
        """One pipeline at a time; what is asked for meanwhile makes the next one."""
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
        """Whatever waits was ordered after what failed: it must not overtake that."""
        self.resting = True
        self._give_up(RedisAway())
        self._recovery = background.start(
            "looking for Redis", self._probe, PROBE_SECONDS, first=PROBE_SECONDS, until=lambda: not self.resting
        )

    def _give_up(self, error: RedisAway) -> None:
        calls, self._calls = self._calls, []
        futures.fail((call.answer for call in calls), error)

    async def _probe(self) -> None:
        await self._redis.ping()
        if self._catch_up is not None:
            await self._catch_up()
        self.resting = False

    async def _exchange(self, calls: list[_Call]) -> bool:
        """Whether every call was answered; all of them are settled then, whatever is raised."""
        try:
            answers = await self._pipeline(calls)
            if any(isinstance(answer, NoScriptError) for answer in answers):
                await self._load(calls)
                answers = await self._pipeline(calls)
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

    async def _pipeline(self, calls: list[_Call]) -> list[Any]:
        """All of them, then all answers, on one connection; redis-py's own pipeline takes twice as long over it."""
        pool = self._redis.connection_pool
        connection: AbstractConnection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.send_packed_command([call.command for call in calls], check_health=False)
            return [await _answer(connection) for _ in calls]
        except BaseException:
            await connection.disconnect(nowait=True)  # the next one would read answers that are not its own
            raise
        finally:
            await pool.release(connection)

    async def _load(self, calls: list[_Call]) -> None:
        for text in {call.script.text for call in calls}:
            await self._redis.script_load(text)


def _call(script: Script, keys: list[str], arguments: Sequence[str | bytes]) -> _Call:
    # Its stub takes one argument only.
    command: bytes = pack_command(("EVALSHA", script.digest, str(len(keys)), *keys, *arguments))  # type: ignore[arg-type]
    return _Call(script, command, asyncio.get_running_loop().create_future())


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def _settle(call: _Call, answer: Any) -> None:
    if isinstance(answer, Exception):
        futures.fail([call.answer], RedisAway(str(answer)))
    else:
        futures.answer(call.answer, answer)
