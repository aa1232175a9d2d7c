"""Loops that run beside the requests until they are ended, whatever a round of theirs raises.

Redis' client may turn a cancellation into an error of the connection that it broke. A loop that survives such errors
must therefore ask whether it goes on.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import Context

# A round that failed at once is not followed by the next one at once.
SHORTEST_REST = 0.1
# A round that lasted longer did its work before it failed: its failure is a new one.
SOUND_SECONDS = 60.0

_log = logging.getLogger(__name__)


Work = Callable[[], Awaitable[None]]
Condition = Callable[[], bool]


def start(
    name: str, work: Work, seconds: float, *, first: float = 0.0, until: Condition = lambda: False
) -> "asyncio.Task[None]":
    """Start a loop that does `work` again and again, `seconds` apart, until it is cancelled or `until` is true.

    No failure ends the loop. It is logged once, until a round ends otherwise. `first` is how many seconds pass before
    the first round. The loop belongs to no request, so its logs and spans are not those of the request that started it.
    """
    return asyncio.create_task(_repeat(name, work, seconds, first, until), context=Context())


async def _repeat(name: str, work: Work, seconds: float, first: float, until: Condition) -> None:
    await asyncio.sleep(first)
    failing = ""
    while goes_on() and not until():
        began = time.monotonic()
        failure: BaseException | None = None
        try:
            await work()
        except asyncio.CancelledError as error:
            if not goes_on():
                raise
            failure = error  # something that the work waited for was cancelled, not this loop
        except Exception as error:
            failure = error
        if failure is None or time.monotonic() - began > SOUND_SECONDS:
            failing = ""
        if failure is not None and (described := describe(failure)) != failing:
            failing = described
            _log.warning("%s failed and goes on: %s", name, described, exc_info=failure)
        if goes_on() and not until():
            await asyncio.sleep(seconds if failure is None else max(seconds, SHORTEST_REST))


def describe(error: BaseException) -> str:
    """Return an error in words; of a group that holds one error, that one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return repr(error)


def goes_on() -> bool:
    """Return False in a task that was cancelled, even if the cancellation was lost."""
    task = asyncio.current_task()
    return task is None or task.cancelling() == 0


async def end(task: "asyncio.Task[None] | None") -> None:
    """Cancel the task, and wait for its end."""
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
