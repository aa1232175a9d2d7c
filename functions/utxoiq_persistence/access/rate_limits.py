"""Rate limits over all instances, counted behind the answer: docs/decisions/0040-access.md says how, and at what cost.

A window starts with a caller's first request and lasts an hour. Redis holds granted:{HMAC of the name}, which expires
with the window: how many requests each instance has granted, in a field of its own. An instance that knows a caller to
be far from its limit admits at once and counts a moment later, many requests in one script; near the limit it asks
first. Over all instances a caller gets at most its limit, one request more for each instance, and what is in flight.

Whoever has the password of Redis can write there, too. So an instance writes all that it has granted in the window, not
what is more: what somebody took away is there again with its next count. Counts are signed, and nobody is refused for
one that is not. Only a refusal needs them verified, so a request that is granted costs one signature.
"""

import asyncio
import logging
import math
import secrets
import struct
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextvars import Context
from functools import partial
from itertools import count
from typing import Any

from msgspec import Struct

from utxoiq_persistence import futures
from utxoiq_persistence.redis.pipelines import RedisAway, Script, ScriptRunner
from utxoiq_persistence.redis.signing import SIGNATURE_BYTES, Signer
from utxoiq_persistence.tracing import spans as tracing

WINDOW_SECONDS = 3600
MAX_WINDOWS = 20_000
# The most windows of one script, so that it does not block Redis for long.
MAX_COUNTED = 250
# Whoever has less than this share of the limit left, or fewer requests than these, is near it.
NEAR_SHARE = 0.1
NEAR_REQUESTS = 20
# What Redis said within so many seconds is fresh. Then an instance has no more uncounted than one part in so many of
# what is left: so many instances at once admit together no more than that.
FRESH_SECONDS = 0.02
PARTS = 64
# More requests a second than all instances together answer: so much of what was left may have been used since.
MOST_A_SECOND = 1_000_000
# What comes within so many seconds of a request that is counted behind its answer is counted with it.
GATHERING_SECONDS = 0.01

_log = logging.getLogger(__name__)

# The most instances, and windows of theirs, that count one caller within an hour.
MAX_FIELDS = 1000
# The longest name of a field.
MAX_FIELD_BYTES = 64
# By how much the clock of Redis, as two instances know it, may differ, in seconds: by what an answer takes.
TOLERANCE_SECONDS = 2.0

# What a caller's name is signed as, and how much of that is the caller's key.
CALLER = "caller"
KEY_BYTES = 12

# How many requests an instance has granted in a window, when it signed that, and when the window ends, as far as it
# knows. Times are by the clock of Redis, the same for all instances.
_COUNT = struct.Struct(">Idd")

# Counts only what it lets through: a refusal costs no one anything. Of each window: the instance's field, and what it
# writes there if all that is wanted is granted; how many are wanted; how many are counted whatever is left; the limit;
# how many the instance had granted before; and how long its window lasts. Where less is left, nothing is written, and
# all counts of others are returned. What has not the size of a count is taken away: so nobody is sent more than
# MAX_FIELDS of them. The last of the answer is the time.
_TAKE = Script.from_text(
    """-- rate limit
local longest, most_fields = tonumber(ARGV[1]), tonumber(ARGV[2])
local size, longest_name = tonumber(ARGV[3]), tonumber(ARGV[4])
local answers = {}
for i = 1, #KEYS do
    local at = 7 * i - 3
    local field, entry = ARGV[at + 1], ARGV[at + 2]
    local wanted, granted, limit = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
    local used, lasts = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
    if redis.call('HLEN', KEYS[i]) > most_fields then redis.call('DEL', KEYS[i]) end
    local found, counts, taken = redis.call('HGETALL', KEYS[i]), {}, 0
    for j = 1, #found, 2 do
        if #found[j] > longest_name or #found[j + 1] ~= size then
            taken = taken + redis.call('HDEL', KEYS[i], found[j])
        elseif found[j] ~= field then
            used = used + struct.unpack('>I4', found[j + 1])
            counts[#counts + 1] = found[j]
            counts[#counts + 1] = found[j + 1]
        end
    end
    local left = redis.call('PTTL', KEYS[i])
    local ends = left >= 0 and left <= longest
    if not ends then left = lasts end
    if used + wanted <= limit or wanted <= granted then
        redis.call('HSET', KEYS[i], field, entry)
        if not ends then redis.call('PEXPIRE', KEYS[i], left) end
        answers[i] = {1, used + wanted, left, {}, taken}
    else
        answers[i] = {0, used, left, counts, taken}
    end
end
local now = redis.call('TIME')
answers[#answers + 1] = string.format('%.6f', now[1] + now[2] / 1000000)
return answers
""",
    "hash",
)
_REMOVE = Script.from_text(
    """-- rate limit forged
redis.call('HDEL', KEYS[1], unpack(ARGV))
""",
    "hash",
)


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
    whose count is on its way; `wanted` are how many of them are to be granted now, `certain` how many whatever Redis
    says. This instance has granted `own` in the window, others `others`, as was verified last, and all together `used`,
    as Redis says without proof. `open` are requests that are being answered. Redis answered for the window at
    `learned_at`, which ends at `ends_at`; both are by the monotonic clock, so that a clock that is set neither ends nor
    prolongs a window. Nor does Redis, once the window has begun.
    """

    __slots__ = (
        "behind",
        "certain",
        "counted",
        "counting",
        "ends_at",
        "field",
        "key",
        "learned_at",
        "limit",
        "open",
        "others",
        "own",
        "sent",
        "used",
        "waiting",
        "wanted",
    )

    def __init__(self, key: str, field: str) -> None:
        self.key = key
        self.field = field
        self.limit = 0
        self.own = 0
        self.others = 0
        self.used = 0
        self.wanted = 0
        self.certain = 0
        self.ends_at = -math.inf
        self.learned_at = -math.inf
        self.open = 0
        self.behind = 0
        self.sent = 0
        self.waiting: list[asyncio.Future[Allowance]] = []
        self.counted: list[asyncio.Future[Allowance]] = []
        self.counting = False

    @property
    def uncounted(self) -> int:
        """Return how many requests are admitted that Redis has not confirmed."""
        return self.behind + self.sent

    def is_spent(self, now: float) -> bool:
        """Return whether nothing is left, as this instance knows for certain: nobody is refused for what is not signed.

        It stays so until the window ends, or the limit is raised.
        """
        return now < self.ends_at and self.own + self.others >= self.limit

    def is_far(self, now: float) -> bool:
        """Return whether one more request may be counted behind its answer.

        Of a window of which others may have used all since it was asked about, never are more uncounted than are being
        answered, and one.
        """
        uncounted = self.uncounted
        left = self.limit - self.used - uncounted
        if left <= NEAR_REQUESTS or left <= self.limit * NEAR_SHARE:
            return False
        if uncounted <= self.open:
            return True
        left_for_certain = left - max(0.0, now - self.learned_at - FRESH_SECONDS) * MOST_A_SECOND
        return uncounted < left_for_certain // PARTS

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

    def begin_count(self) -> None:
        """Take what waits for the count that is sent now, in a new window if this one is over."""
        if time.monotonic() >= self.ends_at:
            self._forget()
        self.counting = True
        self.counted, self.waiting = self.waiting, []
        self.sent, self.behind = self.behind, 0
        self.wanted = self.sent + len(self.counted)
        self.certain = self.sent

    def begin(self, seconds: float) -> None:
        """Have the window end in so many seconds, unless it has begun.

        It has not begun before the one that this instance knew had ended, so that nobody makes windows short.
        """
        self.learned_at = time.monotonic()
        if self.learned_at >= self.ends_at:
            least = WINDOW_SECONDS - (self.learned_at - self.ends_at)
            self.ends_at = self.learned_at + min(WINDOW_SECONDS, max(seconds, least))

    def learn_others(self, granted: int) -> None:
        """Note what others have verifiably granted, and want no more than is left."""
        self.others = granted
        self.used = self.own + granted
        left = self.limit - self.used - self.sent
        self.wanted = self.sent + max(0, min(len(self.counted), left))

    def _forget(self) -> None:
        self.own = self.others = self.used = 0

    def take_alone(self) -> int:
        """Return how many requests this instance grants by what it knows itself."""
        now = time.monotonic()
        if now >= self.ends_at:
            self._forget()
            self.ends_at = now + WINDOW_SECONDS
        granted = max(0, min(self.sent + len(self.counted), self.limit - self.used))
        self.own += max(granted, self.sent)
        self.used += granted
        return granted


class _RedisClock:
    """Knows the clock of Redis from its answers; before the first, takes it for this instance's."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def at(self, moment: float) -> float:
        """Return what it shows at a moment of the monotonic clock, in seconds since 1970."""
        return moment + self._ahead

    def learn(self, shown: float, asked_at: float, answered_at: float) -> None:
        """Note what it showed between two moments of the monotonic clock. An answer that took long tells little."""
        self._ahead = min(max(self._ahead, shown - answered_at), shown - asked_at)


class RateLimits:
    """Counts requests, those of many callers in one script. A caller has one count on its way at a time."""

    def __init__(self, scripts: ScriptRunner, signer: Signer) -> None:
        """Know no caller yet. `signer` signs counts by a key that all have who count."""
        self._scripts = scripts
        self._signer = signer
        self._clock = _RedisClock()
        self._name = secrets.token_hex(6)
        self._numbers = count()
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        # The windows of which something waits to be counted, and what will send that.
        self._due: dict[_Window, None] = {}
        self._gathering: asyncio.TimerHandle | None = None
        self._sending: asyncio.Handle | None = None
        # A count is of many requests, so it is no part of the trace of the one that sends it.
        self._outside = Context()

    def admit(self, name: str, limit: int) -> Allowance | None:
        """Count one request of a caller behind its answer, and return its allowance; None if `take` must be asked.

        Whoever is granted one calls `leave` once the request is answered.
        """
        window = self._window(name)
        window.limit = limit
        now = time.monotonic()
        if now >= window.ends_at or window.is_spent(now) or not window.is_far(now):
            return None
        if (span := tracing.current()) is not None:
            span.point("rate limit")
        window.open += 1
        window.behind += 1
        self._gather(window)
        return window.allowance(True, window.used + window.uncounted)

    async def take(self, name: str, limit: int) -> Allowance:
        """Count one request of a caller, and return its allowance. Without Redis this instance counts alone.

        Whoever is granted one calls `leave` once the request is answered.
        """
        admitted = self.admit(name, limit)
        if admitted is not None:
            return admitted
        window = self._window(name)
        if window.is_spent(time.monotonic()):
            return window.allowance(False, window.used)
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
        return window is not None and window.is_spent(time.monotonic())

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
        for window in windows:
            window.begin_count()
        self._ask(windows)

    def _ask(self, windows: Sequence[_Window]) -> None:
        now = time.monotonic()
        arguments: list[str | bytes] = [
            str(limit) for limit in (WINDOW_SECONDS * 1000, MAX_FIELDS, _COUNT.size + SIGNATURE_BYTES, MAX_FIELD_BYTES)
        ]
        for window in windows:
            lasts = window.ends_at - now if window.ends_at > now else WINDOW_SECONDS
            signed_at = self._clock.at(now)
            count = _COUNT.pack(window.own + window.wanted, signed_at, signed_at + lasts)
            entry = self._signer.sign(_place(window.key, window.field), count)
            numbers = window.wanted, window.certain, window.limit, window.own, math.ceil(lasts * 1000)
            arguments += (window.field, entry, *map(str, numbers))
        keys = [window.key for window in windows]
        answer = self._outside.copy().run(self._scripts.run, _TAKE, keys, *arguments)
        answer.add_done_callback(partial(self._settle, windows, now), context=self._outside)

    def _settle(self, windows: Sequence[_Window], asked_at: float, answer: "asyncio.Future[Any]") -> None:
        """Take what a count was answered with, and have what came meanwhile counted."""
        try:
            again = []
            *answers, now = answer.result()
            self._clock.learn(float(now), asked_at, time.monotonic())
            for window, (is_granted, used, left, counts, taken) in zip(windows, answers, strict=True):
                self._signer.forgeries.count += taken
                window.begin(left / 1000)
                if is_granted:
                    window.own += window.wanted
                    window.used = used
                    self._end(window, window.wanted)
                elif self._want_less(window, counts):
                    again.append(window)
                else:
                    self._end(window, 0)
            if again:
                self._ask(again)
            return
        except (RedisAway, asyncio.CancelledError):
            pass
        except Exception:
            _log.exception("rate limits cannot be counted in Redis; this instance counts alone")
        for window in windows:
            if window.counting:
                self._end(window, window.take_alone())

    def _want_less(self, window: _Window, counts: Sequence[bytes]) -> bool:
        """Find out how many requests are left, of all that is counted truly. Return whether anything is to be counted.

        Counts that nobody has signed are removed, and the next count is taken whatever is there again by then.
        """
        others = dict(zip(counts[0::2], counts[1::2], strict=True))
        others.pop(window.field.encode(), None)
        known = {field: self._read(window, field, entry) for field, entry in others.items()}
        window.learn_others(sum(granted for granted in known.values() if granted is not None))
        forged = [field for field, granted in known.items() if granted is None]
        if forged:
            _log.warning("%d counts of a rate limit in Redis are of no function's making", len(forged))
            window.certain = window.wanted
            removing = self._outside.copy().run(self._scripts.run, _REMOVE, [window.key], *forged)
            removing.add_done_callback(futures.retrieve, context=self._outside)
        return window.wanted > 0

    def _read(self, window: _Window, field: bytes, entry: bytes) -> int | None:
        """Return how many requests an instance has granted; None if it has not signed that, or for another window.

        A count is of this window if it was signed since this one began, and for one that was not over by then: whoever
        keeps the counts of a window and puts them back in the next one refuses nobody by them.
        """
        content = self._signer.open(_place(window.key, field.decode(errors="replace")), entry)
        if content is None:
            return None
        if len(content) == _COUNT.size:
            granted, signed_at, ends_at = _COUNT.unpack(content)
            began_at = self._clock.at(window.ends_at) - WINDOW_SECONDS
            if signed_at >= began_at - TOLERANCE_SECONDS and ends_at > began_at + TOLERANCE_SECONDS:
                return int(granted)
        self._signer.forgeries.count += 1
        return None

    def _end(self, window: _Window, granted: int) -> None:
        window.answer(granted)
        window.counting = False
        if window.waiting or window.behind:
            self._gather(window, at_once=bool(window.waiting))

    def _derive_key(self, name: str) -> str:
        """Return the key of a caller in Redis, which tells nobody of the caller who has not the key of functions."""
        return f"granted:{self._signer.signature(CALLER, name.encode())[:KEY_BYTES].hex()}"

    def _window(self, name: str) -> _Window:
        window = self._windows.get(name)
        if window is None:
            # A window that was forgotten for lack of room is another's, so a new one has a field of its own.
            window = self._windows[name] = _Window(self._derive_key(name), f"{self._name}.{next(self._numbers)}")
            if len(self._windows) > MAX_WINDOWS:
                self._windows.popitem(last=False)
        else:
            self._windows.move_to_end(name)
        return window


def _place(key: str, field: str) -> str:
    return f"{key}:{field}"
