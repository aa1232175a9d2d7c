"""Resources that a process opens once, on first use, and closes when its event loop ends."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from typing import Generic, TypeVar

T = TypeVar("T")


class OpenOnce(Generic[T]):
    """Opens a resource on the first request, and closes it when the event loop cancels its tasks.

    The platform gives no start-up or shutdown hook. A server that is ended by a signal has answered its requests by
    then; if it is killed, the operating system closes what is open.
    """

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._opening = opening
        self._opened: asyncio.Future[T] | None = None
        self._holding: asyncio.Task[None] | None = None

    async def get(self) -> T:
        """Return the open resource, and open it if necessary.

        Raises what opening raised; the next call then tries again.
        """
        if self._opened is None:
            self._opened = asyncio.get_running_loop().create_future()
            # The resource outlives the request, so its logs and spans must not carry the request's context.
            self._holding = asyncio.create_task(self._hold(self._opened), context=Context())
        if self._opened.done():
            return self._opened.result()
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        """Close the resource if it is open, and wait until it is closed."""
        if self._holding is not None:
            self._holding.cancel()
            await asyncio.wait([self._holding])

    async def _hold(self, opened: "asyncio.Future[T]") -> None:
        try:
            async with self._opening() as resource:
                opened.set_result(resource)
                await asyncio.Event().wait()
        except Exception as error:
            if opened.done():
                raise
            self._opened = None
            opened.set_exception(error)
