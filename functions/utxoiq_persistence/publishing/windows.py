"""Publishing once in a window of time, by however many instances, and however often they are asked."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from utxoiq_persistence.postgres.database import in_time
from utxoiq_persistence.publishing.time_series import Series
from utxoiq_persistence.redis.pipelines import RedisAway, Script, ScriptRunner

# Neither a pool that is full nor a database that hangs may keep that from being told.
PATIENCE_SECONDS = 4.0

_IS_MARKED = Script.of("""-- is published
return redis.call('EXISTS', KEYS[1])
""")
_MARK = Script.of("""-- published
return redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
""")

_log = logging.getLogger(__name__)


class Window:
    """The one that is now.

    start: when it began, in seconds since 1970. All that is published in it is as of then, whoever publishes and when:
    so whoever takes it sees what came before. The mark in Redis is only there to spare the calls.
    """

    def __init__(self, name: str, seconds: float, scripts: ScriptRunner, now: float) -> None:
        self.start = math.floor(now / seconds) * seconds
        self._seconds = seconds
        self._scripts = scripts
        self._keys = [f"published:{name}:{self.start:.3f}"]

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.start, UTC)

    async def once(self, publish: Callable[["Window"], Awaitable[str]]) -> str:
        """What `publish` did, in words, or that it was done already. Where it raises, the next one tries again."""
        if await self._is_done():
            return f"published already, as of {self.moment.isoformat()}"
        told = await publish(self)
        with contextlib.suppress(RedisAway):  # whoever comes next finds out by trying
            await self._scripts.run(_MARK, self._keys, str(math.ceil(2000 * self._seconds)))
        return told

    async def _is_done(self) -> bool:
        """False also where Redis does not know, or cannot be asked."""
        try:
            return bool(await self._scripts.run(_IS_MARKED, self._keys))
        except RedisAway:
            return False


async def of_database(asking: Coroutine[Any, Any, list[Series]]) -> tuple[list[Series], Exception | None]:
    """What the database knows, or why that is not known: the rest, and any alert, may not depend on it."""
    try:
        return await in_time(asking, PATIENCE_SECONDS), None
    except Exception as error:
        _log.warning("what the database knows is not published: %s", error)
        return [], error


async def all_of(*work: Awaitable[object]) -> None:
    """Waits for the end of each, whatever becomes of the others; then raises the first one's error."""
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for error in errors[1:]:
        _log.warning("%s", error)
    if errors:
        raise errors[0]
