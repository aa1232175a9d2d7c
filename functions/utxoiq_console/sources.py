"""What others tell, asked for no more often than it is worth, and never waited for longer than a reader would."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
_log = logging.getLogger(__name__)


class SourceAway(Exception):
    """A source did not answer, or refused. The text says what is wrong and what to do."""


@dataclass(frozen=True)
class Reading(Generic[T]):
    """value: the latest there was; None where there never was one. problem: why there is none that is newer.

    age: of the value, in seconds.
    """

    value: T | None = None
    age: float = 0.0
    problem: str | None = None

    @property
    def waits(self) -> bool:
        """It is being asked for the first time."""
        return self.value is None and self.problem is None


class Source(Generic[T]):
    """seconds: how long an answer, or a failure, stands for the next. Whoever asks meanwhile shares it."""

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._value: T | None = None
        self._told_at = 0.0
        self._asked_at = float("-inf")
        self._problem: str | None = None
        self._asking: asyncio.Task[None] | None = None

    async def read(self, patience: float) -> Reading[T]:
        """At once what is fresh; otherwise what comes within so many seconds, or what there was before."""
        if time.monotonic() - self._asked_at >= self._seconds and self._asking is None:
            self._asking = asyncio.create_task(self._refresh())
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=patience)
        return Reading(self._value, time.monotonic() - self._told_at, self._problem)

    def expire(self) -> None:
        """What was told holds no more: something has been done about it."""
        self._asked_at = float("-inf")

    async def _refresh(self) -> None:
        try:
            self._value = await self._ask()
            self._told_at = time.monotonic()
            self._problem = None
        except SourceAway as away:
            self._problem = str(away)
        except Exception:
            # Of one section alone, whatever an answer held that nobody expected.
            _log.exception("an answer cannot be shown")
            self._problem = "What it answered cannot be shown: a fault of the console's, which is logged."
        finally:
            self._asked_at = time.monotonic()
            self._asking = None
