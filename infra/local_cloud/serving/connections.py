"""Connections that are cut off where the head of a request does not arrive in time, as Google's front end does."""

import asyncio
from typing import Any

from aiohttp import web

# Within which the head of a request arrives, counted from its first byte, however little comes at a time.
HEAD_SECONDS = 30.0
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Server(web.Server):
    """Serves a handler, as aiohttp's own server, on connections that wait for no head for ever."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._options = options.copy()
        for own in ("request_factory", "handler_cancellation", "loop"):
            self._options.pop(own, None)

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return _Connection(self, loop=asyncio.get_running_loop(), **self._options)


class _Connection(web.RequestHandler):
    """Counts the time from the first byte of a head to its last one."""

    __slots__ = ("_deadline",)

    def __init__(self, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._deadline: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        # Only who waits for the next request is sent a head: the rest is of a body.
        is_head = self._waiter is not None and not self._waiter.done()
        super().data_received(data)
        if not is_head or self._waiter is None or self._waiter.done():
            self._stop_counting()
        elif self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._cut_off)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let go of what is lost."""
        self._stop_counting()
        super().connection_lost(exc)

    def _cut_off(self) -> None:
        if self.transport is not None:
            self.transport.write(_TOO_SLOW)
        self.force_close()

    def _stop_counting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
