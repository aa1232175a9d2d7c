"""What every instance of every function counts, brought together in Redis. docs/decisions/0050-fleet-figures.md."""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Mapping
from typing import cast

import msgspec
from msgspec import Struct

from utxoiq_persistence import background
from utxoiq_persistence.background import end
from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.figures import InstanceFigures, PoolFigures, RequestFigures
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.redis.client import Redis, RedisError

# An instance that has not published for so long is gone.
EXPIRE_SECONDS = 120
# One hash of all instances, so that reading costs what there are of them, whatever else Redis holds.
KEY = "fleet"
# There is no next round for the last figures.
LAST_ATTEMPTS = 2

_log = logging.getLogger(__name__)


class Own:
    """This instance, and where it counts."""

    def __init__(
        self,
        function: str,
        database: Database,
        replica: Database | None,
        cache: Cache,
        requests: dict[str, RequestFigures],
    ) -> None:
        self.name = uuid.uuid4().hex[:12]
        self._function = function
        self._started_at = time.time()
        self._database = database
        self._replica = replica
        self._cache = cache
        self._requests = requests

    def figures(self, *, ended: bool) -> bytes:
        """As of now, as they are published. Of one that has ended there is no pool any more."""
        pool = self._database.pool()
        replica = None if self._replica is None else self._replica.pool()
        if ended:
            pool = PoolFigures(timeouts=pool.timeouts)
            replica = None if replica is None else PoolFigures(timeouts=replica.timeouts)
        return msgspec.msgpack.encode(
            InstanceFigures(
                function=self._function,
                instance=self.name,
                started_at=self._started_at,
                published_at=time.time(),
                pool=pool,
                replica=replica,
                checkouts=self._database.checkouts,
                queries=self._database.queries,
                requests=self._requests,
                cache=self._cache.figures,
                ended=ended,
            )
        )


class Fleet:
    """Instances write their figures to Redis, where they expire with them; any of them can read all.

    reachable: whether Redis answered when it was last asked.
    """

    def __init__(self, own: Own, redis: "Redis", seconds: float) -> None:
        self.reachable = False
        self._own = own
        self._redis = redis
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None
        # Instances whose entries could not be read, so that each is logged once.
        self._unreadable: set[bytes] = set()

    def start(self) -> None:
        # Where Redis is away, the next round tells all that was counted meanwhile.
        self._task = background.start("publishing this instance's figures", self.publish_own, self._seconds)

    async def close(self) -> None:
        """Leaves the last figures behind, for whoever adds up."""
        await end(self._task)
        for _ in range(LAST_ATTEMPTS):
            with contextlib.suppress(RedisError, OSError):
                await self._write(self._own.figures(ended=True))
                return

    async def read(self) -> list[InstanceFigures]:
        """This instance's figures as of now, and the latest of all others; only its own where Redis is away."""
        own = _decoded(self._own.figures(ended=False))
        try:
            entries = await self._entries()
            entries.pop(own.instance.encode(), None)
            # In a thread: that of many instances takes long enough for requests to notice.
            others, gone, errors = await asyncio.to_thread(_understood, entries)
            if gone:
                await self._redis.hdel(KEY, *gone)
        except (RedisError, OSError):
            self.reachable = False
            return [own]
        self._tell_of(errors)
        self.reachable = True  # last, so that it is of these figures whatever else asked Redis meanwhile
        return [own, *others]

    async def publish_own(self) -> None:
        """Raises RedisError, OSError."""
        await self._write(self._own.figures(ended=False))

    async def _write(self, entry: bytes) -> None:
        try:
            await self._redis.hset(KEY, self._own.name, entry)
        except (RedisError, OSError):
            self.reachable = False
            raise
        self.reachable = True

    async def _entries(self) -> dict[bytes, bytes]:
        """By instance.

        Once more where the first reading fails: a connection that was kept may be older than the server.
        """
        try:
            entries = await self._redis.hgetall(KEY)
        except RedisError:
            entries = await self._redis.hgetall(KEY)
        return cast("dict[bytes, bytes]", entries)  # its stub allows for a client that decodes

    def _tell_of(self, errors: Mapping[bytes, Exception]) -> None:
        for name in errors.keys() - self._unreadable:
            _log.warning("the figures of instance %s are left out: %s", name.decode(errors="replace"), errors[name])
        self._unreadable = set(errors)


class _Stamp(Struct):
    """What an entry of any version has."""

    published_at: float


def _understood(
    entries: Mapping[bytes, bytes],
) -> tuple[list[InstanceFigures], list[bytes], dict[bytes, Exception]]:
    """Those of living instances; the names of those that are gone; and what cannot be read.

    While a new version of this code takes over, some entries may be of another one that counts otherwise.
    """
    figures: list[InstanceFigures] = []
    gone: list[bytes] = []
    errors: dict[bytes, Exception] = {}
    for name, entry in entries.items():
        try:
            if _is_gone(entry):
                gone.append(name)
            else:
                figures.append(_decoded(entry))
        except msgspec.MsgspecError as error:
            errors[name] = error
    return figures, gone, errors


def _decoded(entry: bytes) -> InstanceFigures:
    return msgspec.msgpack.decode(entry, type=InstanceFigures)


def _is_gone(entry: bytes) -> bool:
    """Raises MsgspecError of an entry that does not tell, which may be of a living instance."""
    return msgspec.msgpack.decode(entry, type=_Stamp).published_at < time.time() - EXPIRE_SECONDS
