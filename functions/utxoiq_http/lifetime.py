"""Resources that a process opens once, on first use, and closes when its event loop ends."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from functools import partial
from typing import Generic, TypeVar

from utxoiq_persistence import futures
from utxoiq_persistence.errors import DatabaseUnavailable

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
            self._opened.add_done_callback(futures.retrieve)
            # The resource outlives the request, so its logs and spans must not carry the request's context.
            self._holding = asyncio.create_task(self._hold(self._opened), context=Context())
            self._holding.add_done_callback(partial(self._give_up, self._opened))
        if self._opened.done():
            return self._opened.result()
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        """Close the resource if it is open, and wait until it is closed."""
        if self._holding is not None:
            self._holding.cancel()
            await asyncio.wait([self._holding])

    def _give_up(self, opened: "asyncio.Future[T]", holding: "asyncio.Task[None]") -> None:
        """Raise DatabaseUnavailable in tasks that wait for an opening that was cancelled, even before it began."""
        futures.fail([opened], DatabaseUnavailable("this instance is shutting down; try again"))

    async def _hold(self, opened: "asyncio.Future[T]") -> None:
        try:
            async with self._opening() as resource:
                opened.set_result(resource)
                await asyncio.Event().wait()
        except Exception as error:
            if opened.done():
                raise
            self._opened = None
            futures.fail([opened], error)
