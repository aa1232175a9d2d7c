"""Windows of time in which something is published once, whichever instances are asked and however often."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from utxoiq_persistence.postgres.database import in_time
from utxoiq_persistence.publishing.time_series import SeriesPoint
from utxoiq_persistence.redis.pipelines import RedisAway, Script, ScriptRunner
from utxoiq_persistence.redis.signing import SIGNATURE_BYTES, Signer

# Neither a full pool nor a database that hangs may keep the metrics about it from being published.
PATIENCE_SECONDS = 4.0

# A longer one is cut off, so that nobody has to load it, and is not true.
_READ_MARK = Script.from_text(
    """-- is published
return redis.call('EXISTS', KEYS[1]) == 1 and redis.call('GETRANGE', KEYS[1], 0, ARGV[1])
""",
    "string",
)
_MARK = Script.from_text("-- published\nreturn redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])", "string")

# What marks are signed for.
PURPOSE = "publication"

_log = logging.getLogger(__name__)


class Window:
    """The present window of time.

    All points published in it carry its beginning as their time, whichever instance publishes them and when. Cloud
    Monitoring refuses a second point of that time, so the mark in Redis only spares calls.

    Attributes:
        start: When the window began, in seconds since 1970.
    """

    def __init__(self, name: str, seconds: float, scripts: ScriptRunner, signer: Signer, now: float) -> None:
        """Find the window that is at `now`. `signer` signs its mark, so that nobody else's stops a publication."""
        self.start = math.floor(now / seconds) * seconds
        self._seconds = seconds
        self._scripts = scripts
        self._signer = signer
        self._key = f"publication:{name}:{self.start:.3f}"

    @property
    def moment(self) -> datetime:
        """Return when the window began."""
        return datetime.fromtimestamp(self.start, UTC)

    async def run_once(self, publish: Callable[["Window"], Awaitable[str]]) -> str:
        """Call `publish`, unless that succeeded in this window before. Return what was done, in words.

        If it raises, the next call tries again.
        """
        if await self._is_done():
            return f"published already, as of {self.moment.isoformat()}"
        outcome = await publish(self)
        with contextlib.suppress(RedisAway):  # The mark only spares calls: publishing twice does no harm.
            lasts = str(math.ceil(2000 * self._seconds))
            await self._scripts.run(_MARK, [self._key], lasts, self._signer.sign(self._key, b""))
        return outcome

    async def _is_done(self) -> bool:
        """Return whether it was published, False also if Redis does not answer."""
        try:
            mark = await self._scripts.run(_READ_MARK, [self._key], str(SIGNATURE_BYTES))
        except RedisAway:
            return False
        return mark is not None and self._signer.open(self._key, mark) is not None


async def try_reading(asking: Coroutine[Any, Any, list[SeriesPoint]]) -> tuple[list[SeriesPoint], Exception | None]:
    """Return the series read from the database, or none and the error: other metrics must not depend on it."""
    try:
        return await in_time(asking, PATIENCE_SECONDS), None
    except Exception as error:
        _log.warning("metrics that need the database are not published: %s", error)
        return [], error


async def wait_for_all(*work: Awaitable[object]) -> None:
    """Wait for the end of each awaitable, even if another one fails. Then raise the first error."""
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for error in errors[1:]:
        _log.warning("%s", error)
    if errors:
        raise errors[0]
