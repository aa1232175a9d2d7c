"""Cached values from other services, with a limit on how often they are requested and how long a page waits."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
# What follows where there is no answer: pages ask anew by themselves, and what somebody sends is sent once.
ASKED_AGAIN = "The console retries."
SENT_ONCE = "It may have been done all the same; the console does not send it again."
_log = logging.getLogger(__name__)


class SourceUnavailable(Exception):
    """A source did not respond, or refused the request. The text says what is wrong and what to do."""


@dataclass(frozen=True)
class Reading(Generic[T]):
    """Has the latest value of a source; None if there has been none.

    `age` is the age of the value in seconds. `problem` says why there is no newer value; None if there is no problem.
    """

    value: T | None = None
    age: float = 0.0
    problem: str | None = None

    @property
    def waits(self) -> bool:
        """Return whether the first request to the source is still running."""
        return self.value is None and self.problem is None


class Source(Generic[T]):
    """Caches what `ask` returns or raises for some seconds. Concurrent readers share one request."""

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._value: T | None = None
        self._answered_at = 0.0
        self._asked_at = float("-inf")
        self._problem: str | None = None
        self._asking: asyncio.Task[None] | None = None

    async def read(self, patience: float) -> Reading[T]:
        """Return a fresh value at once; else wait up to `patience` seconds for one, else return the previous value."""
        if time.monotonic() - self._asked_at >= self._seconds and self._asking is None:
            self._asking = asyncio.create_task(self._refresh())
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=patience)
        return Reading(self._value, time.monotonic() - self._answered_at, self._problem)

    def ask_next(self, ask: Callable[[], Awaitable[T]]) -> None:
        """Have the next request made by `ask`, which knows the time or the state that it is about."""
        self._ask = ask

    def expire(self) -> None:
        """Make the next read request a new value."""
        self._asked_at = float("-inf")

    async def _refresh(self) -> None:
        try:
            self._value = await self._ask()
            self._answered_at = time.monotonic()
            self._problem = None
        except SourceUnavailable as away:
            self._problem = str(away)
        except Exception:
            # An unexpected response must not affect other sections of the page.
            _log.exception("an answer cannot be shown")
            self._problem = "Its response cannot be shown: this is an error of the console, which is logged."
        finally:
            self._asked_at = time.monotonic()
            self._asking = None
