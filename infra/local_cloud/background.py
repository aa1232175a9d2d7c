"""Loops and tasks that run beside everything else until they are ended, whatever they raise."""

import asyncio
from collections.abc import Awaitable, Callable

# A round that failed at once is not followed by the next one at once.
SHORTEST_REST = 0.1

Say = Callable[[str], None]
Work = Callable[[], Awaitable[None]]
Condition = Callable[[], bool]


def start(
    name: str,
    work: Work,
    seconds: float,
    *,
    say: Say,
    first: float = 0.0,
    until: Condition = lambda: False,
) -> "asyncio.Task[None]":
    """Start a loop that does `work` again and again, `seconds` apart, until it is cancelled or `until` is true.

    No failure ends the loop. It is said once, until a round ends otherwise. `first` is how many seconds pass before the
    first round.
    """
    return asyncio.create_task(_repeat(name, work, seconds, say, first, until))


def start_once(name: str, work: Work, *, say: Say) -> "asyncio.Task[None]":
    """Start work that nobody waits for; where it fails, that is said."""
    return asyncio.create_task(_once(name, work, say))


async def _repeat(name: str, work: Work, seconds: float, say: Say, first: float, until: Condition) -> None:
    await asyncio.sleep(first)
    failing = ""
    while not until():
        failure = await _failure(work)
        if failure is None:
            failing = ""
        elif (described := repr(failure)) != failing:
            failing = described
            say(f"{name} failed and goes on: {described}")
        if not until():
            await asyncio.sleep(seconds if failure is None else max(seconds, SHORTEST_REST))


async def _once(name: str, work: Work, say: Say) -> None:
    failure = await _failure(work)
    if failure is not None:
        say(f"{name} failed: {failure!r}")


async def _failure(work: Work) -> BaseException | None:
    """Return what the work raised, unless its own task was cancelled, which goes on to whoever runs it."""
    try:
        await work()
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return error  # something that the work waited for was cancelled, not this task
    except Exception as error:
        return error
    return None


class BackgroundTasks:
    """Holds a reference to each task, without which the event loop might drop it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def hold(self, task: "asyncio.Task[None]") -> None:
        """Hold a task until `stop` cancels it."""
        self._tasks.add(task)

    async def stop(self) -> None:
        """Cancel all tasks and return when each has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
