"""Opens connections through the Cloud SQL connector, and gives a connector up that is stuck.

The connector reads an instance's address and certificates from the Cloud SQL Admin API. It then connects in its event
loop, blocking and without a limit: an address that nobody answers any more would hold up every connection of the
process for minutes, and a frozen instance for as long as it is frozen. So what takes too long is left to itself with
its loop, and the next connection starts with a new connector, which asks for the address anew.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from typing import Any

from google.cloud.sql.connector import Connector, IPTypes, RefreshStrategy
from pg8000.dbapi import Connection

Loop = asyncio.AbstractEventLoop


class CloudSqlLink:
    """Holds the process' one connector, which has a key pair and the certificate of each instance."""

    def __init__(self, create: Callable[[Loop], Connector]) -> None:
        """Create no connector yet. `create` returns one for an event loop, in whose thread it is called."""
        self._create = create
        self._lock = threading.Lock()
        self._current: tuple[Loop, Connector] | None = None

    def connect(self, instance: str, seconds: float, **arguments: Any) -> Connection:
        """Open a connection; blocks.

        Args:
            instance: The instance's connection name, project:region:name.
            seconds: How long that may take.
            arguments: Those of pg8000's connect.

        Raises:
            TimeoutError: It took longer.
        """
        current = loop, connector = self._open()
        connecting = asyncio.run_coroutine_threadsafe(connector.connect_async(instance, "pg8000", **arguments), loop)
        try:
            return connecting.result(seconds)
        except TimeoutError:
            connecting.add_done_callback(_close_late)
            self._give_up(current)
            raise

    def close(self) -> None:
        """Close the connector."""
        if self._current is not None:
            self._give_up(self._current)

    def _open(self) -> tuple[Loop, Connector]:
        with self._lock:
            if self._current is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="Cloud SQL connector", daemon=True).start()
                self._current = loop, asyncio.run_coroutine_threadsafe(self._create_in(loop), loop).result()
            return self._current

    async def _create_in(self, loop: Loop) -> Connector:
        return self._create(loop)

    def _give_up(self, stuck: tuple[Loop, Connector]) -> None:
        """Let the next connection start anew; the loop ends when it is no longer stuck."""
        with self._lock:
            if self._current is not stuck:
                return
            self._current = None
        loop, connector = stuck
        closing = asyncio.run_coroutine_threadsafe(connector.close_async(), loop)
        closing.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))


@cache
def link() -> CloudSqlLink:
    """Return the process' link."""
    return CloudSqlLink(
        lambda loop: Connector(
            ip_type=IPTypes.PRIVATE, enable_iam_auth=True, refresh_strategy=RefreshStrategy.LAZY, loop=loop
        )
    )


def _close_late(connecting: "Future[Connection]") -> None:
    """Close a connection that nobody waits for any more."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()
