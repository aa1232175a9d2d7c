"""Opens and closes everything of the data-access layer that one process needs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from utxoiq_persistence.access.api_keys import ApiKeys
from utxoiq_persistence.access.key_ring import KeyRing
from utxoiq_persistence.access.rate_limits import RateLimits
from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.config import DatabaseSettings, Settings
from utxoiq_persistence.feedback import Feedback
from utxoiq_persistence.figures import RequestFigures
from utxoiq_persistence.fleet.fleet import KEY as FLEET
from utxoiq_persistence.fleet.fleet import Fleet, InstanceReporter
from utxoiq_persistence.jobs import Jobs
from utxoiq_persistence.metrics.metrics import Metrics
from utxoiq_persistence.parts import Parts
from utxoiq_persistence.postgres.database import Database, in_time
from utxoiq_persistence.postgres.server import Server
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.redis.client import Redis, RedisError
from utxoiq_persistence.redis.pipelines import open_redis
from utxoiq_persistence.redis.signing import Forgeries, Signer
from utxoiq_persistence.schedules import Schedules
from utxoiq_persistence.writes.audit import AuditLog

PATIENCE_SECONDS = 5


class Store:
    """Holds all parts of the data-access layer. A store belongs to the event loop that opened it."""

    def __init__(self, settings: Settings, requests: dict[str, RequestFigures] | None = None) -> None:
        """Connect to nothing yet.

        Args:
            settings: The settings of the function.
            requests: The figures of its requests, by method and path template, which the instance publishes.
        """
        self.settings = settings
        self.database = Database(settings.database, connector(settings.database))
        self._redis: Redis = open_redis(settings.redis)
        self._listening: Redis = open_redis(settings.redis, timeout=None)
        self._forgeries = Forgeries()
        common = Signer(settings.common_key, self._forgeries)
        self.cache = Cache(self._redis, self._listening, Signer(settings.cache_key, self._forgeries), common)
        self.jobs = Jobs(self.database, self.cache)
        self.feedback = Feedback(self.database, self.cache)
        self._replica = _open_replica(settings.database, self.database)
        self.metrics = Metrics(self.database, self.cache, settings.max_series, self._replica)
        self.api_keys = ApiKeys(self.database)
        self.key_ring = KeyRing(self.database)
        self.rate_limits = RateLimits(self.cache.scripts, common)
        self.audit = AuditLog(self.database)
        self.schedules = Schedules(self.database)
        self.server = Server(self.database)
        self._parts = Parts(
            {
                "database": lambda: in_time(self.ping(), PATIENCE_SECONDS),
                "redis": lambda: asyncio.wait_for(self._ping_redis(), PATIENCE_SECONDS),
            }
        )
        reporter = InstanceReporter(
            settings.function, self.database, self._replica, self.cache, {} if requests is None else requests
        )
        self.fleet = Fleet(reporter, self._redis, settings.figures_seconds, self.signer(FLEET), settings.fleet_keys)

    @classmethod
    async def open(cls, settings: Settings, requests: dict[str, RequestFigures] | None = None) -> "Store":
        """Return a started store. Connections are opened by the first work that needs them."""
        store = cls(settings, requests)
        store.cache.start()
        store.fleet.start()
        return store

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, settings: Settings, requests: dict[str, RequestFigures] | None = None
    ) -> AsyncIterator["Store"]:
        """Open a store for a block, and close it at the end."""
        store = await cls.open(settings, requests)
        try:
            yield store
        finally:
            await store.close()

    def signer(self, purpose: str) -> Signer:
        """Return what signs for one purpose, by a key that is made from the function's own."""
        return Signer.for_purpose(self.settings.cache_key, purpose, self._forgeries)

    async def parts(self) -> dict[str, str]:
        """Return `ok` or `away` for database and redis; `away` means no answer in time."""
        return await self._parts.states()

    async def ping(self) -> None:
        """Run a statement that reads nothing.

        Raises:
            DatabaseUnavailable: The database cannot be reached.
        """
        await self.database.work("ping", lambda session: session.execute("SELECT 1"), idempotent=True)

    async def _ping_redis(self) -> None:
        """Ping twice if the first ping fails, since a kept connection may be older than the server."""
        try:
            await self._redis.ping()
        except RedisError:
            await self._redis.ping()

    async def close(self) -> None:
        """Publish the last figures, wait for running work, and close every connection."""
        await self.fleet.close()
        await self.cache.close()
        await self._redis.aclose()
        await self._listening.aclose()
        if self._replica is not None:
            await self._replica.close()
        await self.database.close()


def _open_replica(settings: DatabaseSettings, primary: Database) -> Database | None:
    if settings.replica is None:
        return None
    settings = settings.at(settings.replica)
    return Database(settings, connector(settings), beside=primary)
