"""Everything of the data-access layer that one process needs, opened and closed together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from utxoiq_persistence.access.api_keys import ApiKeys
from utxoiq_persistence.access.key_ring import KeyRing
from utxoiq_persistence.access.rate_limits import RateLimits
from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.config import DatabaseSettings, Settings
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.feedback import Feedback
from utxoiq_persistence.figures import RequestFigures
from utxoiq_persistence.fleet.fleet import Fleet, InstanceReporter
from utxoiq_persistence.jobs import Jobs
from utxoiq_persistence.metrics.metrics import Metrics
from utxoiq_persistence.postgres.database import Database, in_time
from utxoiq_persistence.postgres.server import Server
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.redis.client import Redis, RedisError
from utxoiq_persistence.redis.pipelines import open_redis
from utxoiq_persistence.writes.audit import AuditLog

PATIENCE_SECONDS = 5

_log = logging.getLogger(__name__)


class Store:
    """Lives on the event loop that opened it. requests: where those it is opened for are counted."""

    def __init__(self, settings: Settings, requests: dict[str, RequestFigures] | None = None) -> None:
        self.database = Database(settings.database, connector(settings.database))
        self._redis: Redis = open_redis(settings.redis)
        self._listening: Redis = open_redis(settings.redis, timeout=None)
        self.cache = Cache(self._redis, self._listening)
        self.jobs = Jobs(self.database, self.cache)
        self.feedback = Feedback(self.database, self.cache)
        self._replica = _replica(settings.database, self.database)
        self.metrics = Metrics(self.database, self.cache, self._replica)
        self.api_keys = ApiKeys(self.database)
        self.key_ring = KeyRing(self.database)
        self.rate_limits = RateLimits(self.cache.scripts)
        self.audit = AuditLog(self.database)
        self.server = Server(self.database)
        reporter = InstanceReporter(
            settings.function, self.database, self._replica, self.cache, {} if requests is None else requests
        )
        self.fleet = Fleet(reporter, self._redis, settings.figures_seconds)

    @classmethod
    async def open(cls, settings: Settings, requests: dict[str, RequestFigures] | None = None) -> "Store":
        """Connects to nothing yet: connections are opened by the first work that needs them."""
        store = cls(settings, requests)
        store.cache.start()
        store.fleet.start()
        return store

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, settings: Settings, requests: dict[str, RequestFigures] | None = None
    ) -> AsyncIterator["Store"]:
        store = await cls.open(settings, requests)
        try:
            yield store
        finally:
            await store.close()

    async def parts(self) -> dict[str, str]:
        """database and redis: `ok`, or `away` where it does not answer within PATIENCE_SECONDS."""
        database, redis = await asyncio.gather(
            _state(in_time(self.ping(), PATIENCE_SECONDS)),
            _state(asyncio.wait_for(self._ping_redis(), PATIENCE_SECONDS)),
        )
        return {"database": database, "redis": redis}

    async def ping(self) -> None:
        """Raises DatabaseUnavailable."""
        await self.database.work("ping", lambda session: session.execute("SELECT 1"), idempotent=True)

    async def _ping_redis(self) -> None:
        """Once more where the first fails: a connection that was kept may be older than the server."""
        try:
            await self._redis.ping()
        except RedisError:
            await self._redis.ping()

    async def close(self) -> None:
        await self.fleet.close()
        await self.cache.close()
        await self._redis.aclose()
        await self._listening.aclose()
        if self._replica is not None:
            await self._replica.close()
        await self.database.close()


def _replica(settings: DatabaseSettings, primary: Database) -> Database | None:
    if settings.replica is None:
        return None
    settings = settings.at(settings.replica)
    return Database(settings, connector(settings), beside=primary)


async def _state(ping: Awaitable[object]) -> str:
    try:
        await ping
    except (DatabaseUnavailable, RedisError, OSError) as error:
        _log.warning("a part of this service is away: %r", error)
        return "away"
    return "ok"
