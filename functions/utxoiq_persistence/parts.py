"""Whether the parts that a process stands on answer, looked at no more often than that is worth."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from utxoiq_persistence import futures

# What was found stands for so long. Anybody may ask, and each look costs the database a transaction.
FRESH_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Parts:
    """Those who ask at once share one look. looks: what to await of each part, which raises where it is away."""

    def __init__(self, looks: Mapping[str, Callable[[], Awaitable[object]]]) -> None:
        self._looks = looks
        self._found: dict[str, str] = {}
        self._looked = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    async def states(self) -> dict[str, str]:
        """Return `ok` or `away` by part, as it was within the last FRESH_SECONDS."""
        if time.monotonic() - self._looked >= FRESH_SECONDS:
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
                self._looking.add_done_callback(self._end_look)
            await asyncio.shield(self._looking)
        return dict(self._found)

    async def _look(self) -> None:
        states = await asyncio.gather(*(_state(name, look) for name, look in self._looks.items()))
        self._found = dict(zip(self._looks, states, strict=True))
        self._looked = time.monotonic()

    def _end_look(self, looking: "asyncio.Task[None]") -> None:
        futures.retrieve(looking)
        self._looking = None


async def _state(name: str, look: Callable[[], Awaitable[object]]) -> str:
    try:
        await look()
    except Exception as error:  # whatever keeps a part from answering, it is away
        _log.warning("%s is away: %r", name, error)
        return "away"
    return "ok"
