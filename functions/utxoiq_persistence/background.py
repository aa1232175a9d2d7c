"""Tasks that run beside the requests, until they are ended.

Redis' client may turn a cancellation into an error of the connection that it broke. A loop that survives such errors
must therefore ask whether it goes on.
"""

import asyncio


def goes_on() -> bool:
    """Return False in a task that was cancelled, even if the cancellation was lost."""
    task = asyncio.current_task()
    return task is None or task.cancelling() == 0


async def end(task: "asyncio.Task[None] | None") -> None:
    """Cancel the task, and wait for its end."""
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
