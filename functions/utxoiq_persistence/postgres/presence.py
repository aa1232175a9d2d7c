"""Whether the server answers at all, asked once something took suspiciously long: not everybody waits for it then."""

import asyncio
from collections.abc import Callable

from utxoiq_persistence import background, futures
from utxoiq_persistence.postgres.session import Session

# A new connection takes milliseconds. The server counts as silent if that took so many seconds.
PATIENCE_SECONDS = 2.0
PROBE_SECONDS = 0.25


class Presence:
    """Looks for a server that may have gone silent, on connections of its own, until it answers.

    Attributes:
        is_silent: Whether the last look found no answer in time.
    """

    def __init__(self, connect: Callable[[], Session], silent: Callable[[], None]) -> None:
        """Look for nothing yet.

        Args:
            connect: Opens a session; blocks.
            silent: Is called when the server is found silent.
        """
        self.is_silent = False
        self._answered = True
        self._connect = connect
        self._silent = silent
        self._looking: asyncio.Task[None] | None = None

    def doubt(self) -> None:
        """Start to look, unless somebody does."""
        if self._answered:
            self._answered = False
            self._looking = background.start(
                "looking for the database", self._look, PROBE_SECONDS, until=lambda: self._answered
            )

    async def close(self) -> None:
        """Stop looking."""
        await background.end(self._looking)

    async def _look(self) -> None:
        asking = asyncio.create_task(asyncio.to_thread(self._ask))
        asking.add_done_callback(futures.retrieve)
        done, _ = await asyncio.wait([asking], timeout=PATIENCE_SECONDS)
        if not done:
            self.is_silent = True
            self._silent()
        await asyncio.wait([asking])
        # Any other error is an answer: the next attempt gets it as well, and need not wait for it.
        self._answered = not isinstance(asking.exception(), TimeoutError)
        self.is_silent = not self._answered

    def _ask(self) -> None:
        session = self._connect()
        try:
            session.execute("SELECT 1")
        finally:
            session.close()
