"""Runs scripts in Redis: those that are asked for at the same moment share one pipeline."""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hiredis import pack_command

from utxoiq_persistence.background import end, goes_on
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


class RedisAway(Exception):
    """Says that Redis did not answer now, or has not answered lately. What was asked may have happened."""


@dataclass(frozen=True)
class Script:
    """Holds a Lua script.

    Attributes:
        name: What traces call the script, from a comment on its first line.
        text: The script.
        digest: The SHA-1 digest by which Redis names the script.
    """

    name: str
    text: str
    digest: str

    @classmethod
    def of(cls, text: str) -> "Script":
        """Return the script that has this text."""
        first = text.partition("\n")[0]
        name = first.removeprefix("-- ") if first.startswith("-- ") else "script"
        return cls(name, text, hashlib.sha1(text.encode()).hexdigest())  # noqa: S324 - Redis names scripts by this digest


@dataclass
class _Call:
    script: Script
    keys: list[str]
    arguments: list[str | bytes]
    answer: "asyncio.Future[Any]"


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
    )


class ScriptRunner:
    """Runs scripts in pipelines. After a failure it sends only its own probes, so that no request waits for Redis.

    Attributes:
        resting: Whether Redis has failed and is not yet back.
    """

    def __init__(self, redis: "Redis", catch_up: Callable[[], Awaitable[None]] | None = None) -> None:
        """Send nothing yet.

        Args:
            redis: The client.
            catch_up: Is awaited before Redis counts as back. It uses `send`, and raises RedisAway where that fails.
        """
        self.resting = False
        self._redis = redis
        self._catch_up = catch_up
        self._calls: list[_Call] = []
        self._sender: asyncio.Task[None] | None = None
        self._recovery: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop probing."""
        await end(self._recovery)

    def run(self, script: Script, keys: list[str], *arguments: str | bytes) -> "asyncio.Future[Any]":
        """The script's answer, or RedisAway."""
        call = _call(script, keys, arguments)
        if (span := tracing.current()) is not None:
            span.follow(call.answer, script.name, tracing.of_script(script.name), remote=True)
        if self.resting:
            call.answer.set_exception(RedisAway())
            return call.answer
        self._calls.append(call)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())
        return call.answer

    async def send(self, script: Script, keys: list[str], *arguments: str | bytes) -> Any:
        """Run a script at once and alone, even while the runner rests, and return its answer.

        Raises:
            RedisAway: Redis did not answer.
        """
        call = _call(script, keys, arguments)
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

    def _rest(self) -> None:
        """Fail all that wait, since they came after what failed and must not overtake it, and start to probe."""
        self.resting = True
        calls, self._calls = self._calls, []
        for call in calls:
            _settle(call, RedisAway())
        self._recovery = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        while self.resting and goes_on():
            await asyncio.sleep(PROBE_SECONDS)
            with contextlib.suppress(RedisAway, RedisError, OSError):
                await self._redis.ping()
                if self._catch_up is not None:
                    await self._catch_up()
                self.resting = False

    async def _exchange(self, calls: list[_Call]) -> bool:
        """Whether every call was answered."""
        try:
            answers = await self._pipeline(calls)
            if any(isinstance(answer, NoScriptError) for answer in answers):
                await self._load(calls)
                answers = await self._pipeline(calls)
        except (RedisError, OSError) as error:
            answers = [error] * len(calls)
        for call, answer in zip(calls, answers, strict=True):
            _settle(call, answer)
        return not any(isinstance(answer, Exception) for answer in answers)

    async def _pipeline(self, calls: list[_Call]) -> list[Any]:
        """Send all calls, then read all answers, on one connection. redis-py's own pipeline takes twice as long."""
        pool = self._redis.connection_pool
        connection: AbstractConnection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.send_packed_command([_packed(call) for call in calls], check_health=False)
            return [await _answer(connection) for _ in calls]
        except BaseException:
            await connection.disconnect(nowait=True)  # its next user would read the answers to these calls
            raise
        finally:
            await pool.release(connection)

    async def _load(self, calls: list[_Call]) -> None:
        for text in {call.script.text for call in calls}:
            await self._redis.script_load(text)


def _call(script: Script, keys: list[str], arguments: Sequence[str | bytes]) -> _Call:
    return _Call(script, keys, list(arguments), asyncio.get_running_loop().create_future())


def _packed(call: _Call) -> bytes:
    count = str(len(call.keys))
    # Its stub takes one argument only.
    packed: bytes = pack_command(("EVALSHA", call.script.digest, count, *call.keys, *call.arguments))  # type: ignore[arg-type]
    return packed


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def _settle(call: _Call, answer: Any) -> None:
    if call.answer.cancelled():
        return
    if isinstance(answer, Exception):
        call.answer.set_exception(RedisAway(str(answer)))
    else:
        call.answer.set_result(answer)
