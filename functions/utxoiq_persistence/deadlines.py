"""The deadline of the task at hand: one moment for all that a request waits for, on its way and in a server."""

import time
from contextvars import ContextVar

_moment: ContextVar[float | None] = ContextVar("deadline", default=None)


def limit(seconds: float) -> None:
    """Give this task and its children `seconds` from now."""
    _moment.set(time.monotonic() + seconds)


def current() -> float | None:
    """Return the task's deadline in seconds of time.monotonic(), or None where it has none."""
    return _moment.get()


def seconds_left(deadline: float | None, longest: float) -> float:
    """Return how many seconds are left until a deadline, at least 0 and at most `longest`."""
    return longest if deadline is None else max(0.0, min(longest, deadline - time.monotonic()))
