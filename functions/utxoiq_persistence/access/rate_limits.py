"""Rate limits over all instances, counted behind the answer: docs/decisions/0040-access.md says how, and at what cost.

A window starts with a caller's first request and lasts an hour. Redis holds limit:{name's digest}, the number of
requests that were granted, which expires with the window. An instance that knows a caller to be far from its limit
admits at once and counts a moment later, many requests in one script; near the limit it asks first. Over all instances
a caller gets at most its limit, one request more for each instance, and what is in flight.
"""

import asyncio
import hashlib
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextvars import Context
from functools import partial
from typing import Any

from msgspec import Struct

from utxoiq_persistence import futures
from utxoiq_persistence.redis.pipelines import RedisAway, Script, ScriptRunner
from utxoiq_persistence.tracing import spans as tracing

WINDOW_SECONDS = 3600
MAX_WINDOWS = 20_000
# The most windows of one script, so that it does not block Redis for long.
MAX_COUNTED = 250
# Whoever has less than this share of the limit left, or fewer requests than these, is near it.
NEAR_SHARE = 0.1
NEAR_REQUESTS = 20
# What Redis told within so many seconds is fresh. Then an instance has no more uncounted than one part in so many of
# what is left: so many instances at once admit together no more than that.
FRESH_SECONDS = 0.02
PARTS = 64
# What comes within so many seconds of a request that is counted behind its answer is counted with it.
GATHERING_SECONDS = 0.005

_log = logging.getLogger(__name__)

# Counts only what it lets through: a refusal costs no one anything. Of each window: how many are wanted, the limit.
_TAKE = Script.from_text("""-- rate limit
local told = {}
for i = 1, #KEYS do
    local used = tonumber(redis.call('GET', KEYS[i]) or '0')
    local granted = math.max(0, math.min(tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1]) - used))
    if granted > 0 then redis.call('INCRBY', KEYS[i], granted) end
    local left = redis.call('PTTL', KEYS[i])
    if left == -1 then
        left = tonumber(ARGV[1])
        redis.call('PEXPIRE', KEYS[i], left)
    end
    told[3 * i - 2], told[3 * i - 1], told[3 * i] = granted, used + granted, left
end
return told
""")


class Allowance(Struct, frozen=True):
    """Reports whether a request is granted, and what its caller has left.

    Attributes:
        granted: Whether the request is granted.
        limit: How many requests a window allows.
        remaining: How many requests are left in this window.
        resets_at: When the window ends, in seconds since 1970.
    """

    granted: bool
    limit: int
    remaining: int
    resets_at: float


class _Window:
    """Holds one caller's window, as this instance last learned of it.

    `behind` are admitted and wait to be counted; `waiting` ask first. `counted` and `sent` are those of either kind
    whose count is on its way. `open` are requests that are being answered. Redis told of the window at `told_at`, which
    ends at `ends_at`; both are by the monotonic clock, so that a clock that is set neither ends nor prolongs a window.
    """

    __slots__ = (
        "behind",
        "counted",
        "counting",
        "ends_at",
        "key",
        "limit",
        "open",
        "sent",
        "told_at",
        "used",
        "waiting",
    )

    def __init__(self, name: str) -> None:
        self.key = f"limit:{hashlib.blake2b(name.encode(), digest_size=12).hexdigest()}"
        self.limit = 0
        self.used = 0
        self.ends_at = -math.inf
        self.told_at = -math.inf
        self.open = 0
        self.behind = 0
        self.sent = 0
        self.waiting: list[asyncio.Future[Allowance]] = []
        self.counted: list[asyncio.Future[Allowance]] = []
        self.counting = False

    @property
    def uncounted(self) -> int:
        """Return how many requests are admitted of which Redis has not told that it knows."""
        return self.behind + self.sent

    def is_far(self, now: float) -> bool:
        """Return whether one more request may be counted behind its answer.

        Of a window that was not asked about just now, never are more uncounted than are being answered, and one.
        """
        uncounted = self.uncounted
        left = self.limit - self.used - uncounted
        if left <= NEAR_REQUESTS or left <= self.limit * NEAR_SHARE:
            return False
        return uncounted <= self.open or (now - self.told_at < FRESH_SECONDS and uncounted < left // PARTS)

    def allowance(self, granted: bool, used: int) -> Allowance:
        """Return the allowance of a request after which `used` requests are used up."""
        resets_at = time.time() + max(0.0, self.ends_at - time.monotonic())
        return Allowance(granted, self.limit, max(0, self.limit - used), resets_at)

    def answer(self, granted: int) -> None:
        """Tell those that asked first what became of their count, in the order of their coming."""
        granted -= self.sent  # they were admitted, whatever there is left for those who ask
        before = self.used - granted
        counted, self.counted, self.sent = self.counted, [], 0
        for place, turn in enumerate(counted, start=1):
            futures.answer(turn, self.allowance(place <= granted, min(before + place, self.used)))

    def take_alone(self, wanted: int) -> int:
        """Return how many requests this instance grants by what it knows itself."""
        now = time.monotonic()
        if now >= self.ends_at:
            self.used, self.ends_at = 0, now + WINDOW_SECONDS
        granted = max(0, min(wanted, self.limit - self.used))
        self.used += granted
        return granted


class RateLimits:
    """Counts requests, those of many callers in one script. A caller has one count on its way at a time."""

    def __init__(self, scripts: ScriptRunner) -> None:
        self._scripts = scripts
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        # The windows of which something waits to be counted, and what will send that.
        self._due: dict[_Window, None] = {}
        self._gathering: asyncio.TimerHandle | None = None
        self._sending: asyncio.Handle | None = None
        # A count is of many requests, so it is no part of the trace of the one that sends it.
        self._outside = Context()

    async def take(self, name: str, limit: int) -> Allowance:
        """Count one request of a caller, and return its allowance. Without Redis this instance counts alone.

        Whoever is granted one calls `leave` once the request is answered.
        """
        window = self._window(name)
        window.limit = limit
        now = time.monotonic()
        known = now < window.ends_at
        if known and window.used >= limit:
            return window.allowance(False, window.used)
        if known and window.is_far(now):
            if (span := tracing.current()) is not None:
                span.point("rate limit")
            window.open += 1
            window.behind += 1
            self._gather(window)
            return window.allowance(True, window.used + window.uncounted)
        window.open += 1
        turn: asyncio.Future[Allowance] = asyncio.get_running_loop().create_future()
        window.waiting.append(turn)
        self._gather(window, at_once=True)
        if (span := tracing.current()) is not None:
            span.follow(turn, "rate limit")
        granted = False
        try:
            allowance = await turn
            granted = allowance.granted
        finally:
            if not granted:
                window.open -= 1
        return allowance

    def leave(self, names: Sequence[str]) -> None:
        """Note that a request is answered that was counted under these names."""
        for name in names:
            window = self._windows.get(name)
            if window is not None and window.open:
                window.open -= 1

    def is_spent(self, name: str) -> bool:
        """Return whether the caller is known to have nothing left; does not ask Redis."""
        window = self._windows.get(name)
        return window is not None and window.used >= window.limit and time.monotonic() < window.ends_at

    def _gather(self, window: _Window, *, at_once: bool = False) -> None:
        """Have what waits counted: soon, or if somebody waits for the answer in the loop's next turn."""
        if window.counting:
            return
        self._due[window] = None
        if at_once and self._sending is None:
            self._sending = asyncio.get_running_loop().call_soon(self._send, context=self._outside)
        elif self._gathering is None and self._sending is None:
            loop = asyncio.get_running_loop()
            self._gathering = loop.call_later(GATHERING_SECONDS, self._send, context=self._outside)

    def _send(self) -> None:
        """Count all that waits."""
        for handle in (self._gathering, self._sending):
            if handle is not None:
                handle.cancel()
        self._gathering = self._sending = None
        due, self._due = list(self._due), {}
        for start in range(0, len(due), MAX_COUNTED):
            self._count(due[start : start + MAX_COUNTED])

    def _count(self, windows: Sequence[_Window]) -> None:
        arguments = [str(WINDOW_SECONDS * 1000)]
        for window in windows:
            window.counting = True
            window.counted, window.waiting = window.waiting, []
            window.sent, window.behind = window.behind, 0
            arguments += (str(window.sent + len(window.counted)), str(window.limit))
        keys = [window.key for window in windows]
        answer = self._outside.copy().run(self._scripts.run, _TAKE, keys, *arguments)
        answer.add_done_callback(partial(self._settle, windows), context=self._outside)

    def _settle(self, windows: Sequence[_Window], answer: "asyncio.Future[Any]") -> None:
        """Take what a count was answered with, and have what came meanwhile counted."""
        try:
            told = answer.result()
            counts = list(zip(told[0::3], told[1::3], told[2::3], strict=True))
            now = time.monotonic()
            for window, (granted, used, left) in zip(windows, counts, strict=True):
                window.used, window.ends_at, window.told_at = used, now + left / 1000, now
                self._end(window, granted)
            return
        except (RedisAway, asyncio.CancelledError):
            pass
        except Exception:
            _log.exception("rate limits cannot be counted in Redis; this instance counts alone")
        for window in windows:
            if window.counting:
                self._end(window, window.take_alone(window.sent + len(window.counted)))

    def _end(self, window: _Window, granted: int) -> None:
        window.answer(granted)
        window.counting = False
        if window.waiting or window.behind:
            self._gather(window, at_once=bool(window.waiting))

    def _window(self, name: str) -> _Window:
        window = self._windows.get(name)
        if window is None:
            window = self._windows[name] = _Window(name)
            if len(self._windows) > MAX_WINDOWS:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(name)
        return window
