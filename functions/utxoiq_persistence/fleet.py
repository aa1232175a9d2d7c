"""What every instance of every function counts, merged: the fleet's pool and queries."""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from utxoiq_persistence.background import end, goes_on
from utxoiq_persistence.database import Database
from utxoiq_persistence.figures import (
    SLOW_SECONDS,
    InstanceFigures,
    PoolFigures,
    QueryFigures,
    merged_pool,
    merged_queries,
)
from utxoiq_persistence.metrics import Metrics
from utxoiq_persistence.records import NewMetric

PUBLISH_SECONDS = 5
# An instance that has not published for so long is gone.
EXPIRE_SECONDS = 60
# One hash of all instances, so that reading costs what there are of them, whatever else Redis holds.
KEY = "fleet"
SERVICE_NAME = "utxoiq-persistence"
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Fleet:
    """Instances write their figures to Redis, where they expire with them; any of them answers for all."""

    def __init__(self, function: str, instance: str, database: Database, redis: "Redis", metrics: Metrics) -> None:
        self._function = function
        self._instance = instance
        self._database = database
        self._redis = redis
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_publishing())

    async def close(self) -> None:
        await end(self._task)

    async def pool(self) -> dict[str, object]:
        """The pools of all instances together, of each function, and of each instance."""
        fleet = await self._read()
        return {
            **_pool_answer(merged_pool(fleet)),
            "instances": len(fleet),
            "functions": {name: _pool_answer(merged_pool(part)) for name, part in _by_function(fleet).items()},
            "by_instance": {f"{one.function}/{one.instance}": _pool_answer(one.pool) for one in fleet},
        }

    async def queries(self) -> dict[str, object]:
        """The queries of all instances together, of each function, and by statement, slowest first. Times in ms."""
        fleet = await self._read()
        statements = merged_queries(fleet)
        ranked = sorted(statements, key=lambda name: -(statements[name].durations.quantile(0.95) or 0))
        return {
            **_queries_answer(statements.values()),
            "slow_query_threshold": SLOW_SECONDS * 1000,
            "instances": len(fleet),
            "functions": {
                name: _queries_answer(merged_queries(part).values()) for name, part in _by_function(fleet).items()
            },
            "statements": {name: _queries_answer([statements[name]]) for name in ranked},
        }

    async def publish(self) -> str:
        """Records the fleet's present figures as metrics of the service utxoiq-persistence; what it did, in words."""
        fleet = await self._read()
        pool = merged_pool(fleet)
        queries = _queries_answer(merged_queries(fleet).values())
        utilization = 100 * pool.checked_out / max(1, pool.size + pool.max_overflow)
        now = datetime.now(UTC)
        values = [
            ("pool_checked_out", pool.checked_out, "connections"),
            ("pool_utilization", utilization, "percent"),
            ("pool_waiting", pool.waiting, "requests"),
            ("query_time_p95", queries["p95"], "ms"),
            ("slow_query_percentage", queries["slow_query_percentage"], "percent"),
            ("instances", len(fleet), "instances"),
        ]
        metrics = [
            NewMetric(SERVICE_NAME, kind, float(value), unit, None, now)
            for kind, value, unit in values
            if isinstance(value, (int, float))
        ]
        await self._metrics.record_batch(metrics)
        return f"published {len(metrics)} metrics of {len(fleet)} instances"

    async def _keep_publishing(self) -> None:
        while goes_on():
            # Where Redis is away, the next round tells all that was counted meanwhile.
            with contextlib.suppress(RedisError, OSError):
                await self.publish_own()
            if goes_on():
                await asyncio.sleep(PUBLISH_SECONDS)

    async def publish_own(self) -> None:
        """Raises RedisError, OSError."""
        await self._redis.hset(KEY, self._instance, msgspec.msgpack.encode(self._own()))

    async def _read(self) -> list[InstanceFigures]:
        """Everyone's latest figures, this instance's as of now; only this one's without Redis."""
        own = self._own()
        try:
            published = [_decode(entry) for entry in await self._redis.hvals(KEY)]
            gone = [one.instance for one in published if one.published_at < own.published_at - EXPIRE_SECONDS]
            if gone:
                await self._redis.hdel(KEY, *gone)
        except (RedisError, OSError):
            return [own]
        return [own, *(one for one in published if one.instance not in (self._instance, *gone))]

    def _own(self) -> InstanceFigures:
        return InstanceFigures(
            self._function, self._instance, time.time(), self._database.pool(), self._database.queries
        )


def _decode(entry: bytes | str) -> InstanceFigures:
    return msgspec.msgpack.decode(cast("bytes", entry), type=InstanceFigures)


def _by_function(fleet: Sequence[InstanceFigures]) -> dict[str, list[InstanceFigures]]:
    parts: dict[str, list[InstanceFigures]] = {}
    for one in fleet:
        parts.setdefault(one.function, []).append(one)
    return parts


def _pool_answer(pool: PoolFigures) -> dict[str, object]:
    return {**msgspec.structs.asdict(pool), "total_connections": pool.checked_in + pool.checked_out}


def _queries_answer(parts: Iterable[QueryFigures]) -> dict[str, object]:
    total = QueryFigures()
    for part in parts:
        total.merge(part)
    durations = total.durations
    return {
        "total_queries": durations.count,
        "failed_queries": total.errors,
        "slow_queries": total.slow,
        "slow_query_percentage": 100 * total.slow / max(1, durations.count),
        "average_query_time": 1000 * durations.total / max(1, durations.count),
        **{name: _milliseconds(durations.quantile(share)) for name, share in QUANTILES.items()},
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds
