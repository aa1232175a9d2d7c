"""Rate limits, exact over all instances: docs/decisions/0040-access.md says how, and what it costs.

A window starts with a caller's first request and lasts an hour. In Redis: limit:{name's digest}, the number of
requests that were let through, which expires with the window.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from contextvars import Context

from msgspec import Struct

from utxoiq_persistence import futures
from utxoiq_persistence.redis.pipelines import RedisAway, Script, ScriptRunner
from utxoiq_persistence.tracing import spans as tracing

WINDOW_SECONDS = 3600
MAX_WINDOWS = 20_000

_log = logging.getLogger(__name__)

# Counts only what it lets through: a refusal costs no one anything.
_TAKE = Script.of("""-- rate limit
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local granted = math.max(0, math.min(tonumber(ARGV[1]), tonumber(ARGV[2]) - used))
if granted > 0 then redis.call('INCRBY', KEYS[1], granted) end
local left = redis.call('PTTL', KEYS[1])
if left == -1 then
    left = tonumber(ARGV[3])
    redis.call('PEXPIRE', KEYS[1], left)
end
return {granted, used + granted, left}
""")


class Allowance(Struct, frozen=True):
    """Whether a request is let through, and what its caller is told. resets_at: seconds since 1970."""

    granted: bool
    limit: int
    remaining: int
    resets_at: float


class _Window:
    """One caller's, as this instance last heard of it."""

    __slots__ = ("counted", "counting", "key", "limit", "resets_at", "used", "waiting")

    def __init__(self, name: str) -> None:
        self.key = [f"limit:{hashlib.blake2b(name.encode(), digest_size=12).hexdigest()}"]
        self.limit = 0
        self.used = 0
        self.resets_at = 0.0
        self.waiting: list[asyncio.Future[Allowance]] = []
        # Those whose count is on its way.
        self.counted: list[asyncio.Future[Allowance]] = []
        self.counting: asyncio.Task[None] | None = None

    def allowance(self, granted: bool, used: int) -> Allowance:
        return Allowance(granted, self.limit, max(0, self.limit - used), self.resets_at)

    def answer(self, granted: int) -> None:
        """Tell those that take part in a count what became of it, in the order of their coming."""
        before = self.used - granted
        counted, self.counted = self.counted, []
        for place, turn in enumerate(counted, start=1):
            futures.answer(turn, self.allowance(place <= granted, min(before + place, self.used)))

    def end_counting(self, counting: "asyncio.Task[None]") -> None:
        """Answer those who wait for a count that was cancelled, perhaps before it began."""
        if futures.was_cut_off(counting):
            if self.counting is counting:
                self.counting = None
            self.counted, self.waiting = [*self.counted, *self.waiting], []
            self.answer(self.take_alone(len(self.counted)))

    def take_alone(self, wanted: int) -> int:
        """How many are granted by what this instance knows."""
        now = time.time()
        if now >= self.resets_at:
            self.used, self.resets_at = 0, now + WINDOW_SECONDS
        granted = max(0, min(wanted, self.limit - self.used))
        self.used += granted
        return granted


class RateLimits:
    """Requests of one caller that come while its last count is on its way are counted together, in one script."""

    def __init__(self, scripts: ScriptRunner) -> None:
        self._scripts = scripts
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    async def take(self, name: str, limit: int) -> Allowance:
        """One request of the caller. Without Redis it is limited by what this instance has seen."""
        window = self._window(name)
        window.limit = limit
        if window.used >= limit and time.time() < window.resets_at:
            return window.allowance(False, window.used)
        turn: asyncio.Future[Allowance] = asyncio.get_running_loop().create_future()
        window.waiting.append(turn)
        if window.counting is None:
            # It may go on to count others' requests: it is no part of this one's trace.
            window.counting = asyncio.create_task(self._count(window), context=Context())
            window.counting.add_done_callback(window.end_counting)
        if (span := tracing.current()) is not None:
            span.follow(turn, "rate limit")
        return await turn

    def is_spent(self, name: str) -> bool:
        """Whether the caller is known to have nothing left; asks nobody."""
        window = self._windows.get(name)
        return window is not None and window.used >= window.limit and time.time() < window.resets_at

    async def _count(self, window: _Window) -> None:
        try:
            while window.waiting:
                window.counted, window.waiting = window.waiting, []
                window.answer(await self._take(window, len(window.counted)))
        finally:
            window.counting = None

    async def _take(self, window: _Window, wanted: int) -> int:
        """How many of the wanted are granted, in the order of their coming."""
        try:
            granted, used, left = await self._scripts.run(
                _TAKE, window.key, str(wanted), str(window.limit), str(WINDOW_SECONDS * 1000)
            )
        except RedisAway:
            return window.take_alone(wanted)
        except Exception:
            _log.exception("a rate limit cannot be counted in Redis; this instance counts alone")
            return window.take_alone(wanted)
        window.used = used
        window.resets_at = time.time() + left / 1000
        return int(granted)

    def _window(self, name: str) -> _Window:
        window = self._windows.get(name)
        if window is None:
            window = self._windows[name] = _Window(name)
            if len(self._windows) > MAX_WINDOWS:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(name)
        return window
