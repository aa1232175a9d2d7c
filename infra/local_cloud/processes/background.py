"""Tasks that run beside the deployment until it stops."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class BackgroundTasks:
    """Holds a reference to each task, without which the event loop might drop it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine until it ends or `stop` cancels it."""
        self._tasks.add(asyncio.create_task(work))

    async def stop(self) -> None:
        """Cancel all tasks and return when each has ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
