"""The figures of all instances together."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from redis import Redis

from local.valkey import Valkey
from utxoiq_persistence import fleet
from utxoiq_persistence.config import Settings
from utxoiq_persistence.records import MetricsQuery
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stores(settings: Settings, anyio_backend: str) -> AsyncIterator[tuple[Store, Store]]:
    """Instances of two functions."""
    other_settings = replace(settings, function="other")
    async with Store.opened(settings) as one, Store.opened(other_settings) as other:
        yield one, other


async def test_any_instance_answers_for_all(stores: tuple[Store, Store]) -> None:
    one, other = stores
    await asyncio.gather(*(one.ping() for _ in range(3)), *(other.ping() for _ in range(4)))
    await other.fleet.publish_own()
    pool: Any = await one.fleet.pool()
    queries: Any = await one.fleet.queries()
    assert pool["instances"] == queries["instances"] == 2
    assert pool["total_connections"] == pool["checked_in"] == 7
    assert (pool["size"], pool["functions"]["other"]["checked_in"]) == (20, 4)
    assert (queries["total_queries"], queries["failed_queries"]) == (7, 0)
    assert queries["functions"]["test"]["total_queries"] == 3
    assert queries["statements"]["ping"]["total_queries"] == 7
    assert 0 < queries["p50"] <= queries["p95"] <= queries["p99"]
    assert queries["slow_query_threshold"] == 200


async def test_slow_and_failed_queries_are_counted(store: Store) -> None:
    await store.database.work("slow", lambda session: session.execute("SELECT pg_sleep(0.21)"))
    queries: Any = await store.fleet.queries()
    assert (queries["slow_queries"], queries["slow_query_percentage"]) == (1, 100)
    assert queries["statements"]["slow"]["average_query_time"] >= 210


async def test_an_instance_that_has_gone_counts_no_more(stores: tuple[Store, Store], valkey: Valkey) -> None:
    one, other = stores
    await other.fleet.publish_own()
    with Redis(valkey.host, valkey.port, password=valkey.password) as redis:
        for field, entry in redis.hgetall(fleet.KEY).items():
            figures = msgspec.msgpack.decode(entry)
            figures["published_at"] -= fleet.EXPIRE_SECONDS + 1
            redis.hset(fleet.KEY, field, msgspec.msgpack.encode(figures))
        assert (await one.fleet.pool())["instances"] == 1
        assert redis.hlen(fleet.KEY) <= 1


async def test_without_redis_an_instance_answers_for_itself(settings: Settings, valkey: Valkey) -> None:
    away = replace(settings, redis=replace(settings.redis, auth="wrong"))
    async with Store.opened(away) as store:
        await store.ping()
        assert (await store.fleet.pool())["instances"] == 1


async def test_published_figures_are_metrics_of_the_persistence_layer(store: Store) -> None:
    await store.ping()
    assert await store.fleet.publish() == "published 6 metrics of 1 instances"
    now = datetime.now(UTC)
    page = await store.metrics.find(MetricsQuery(now - timedelta(minutes=1), now, fleet.SERVICE_NAME))
    kinds = {row["metric_type"] for row in json.loads(page.body)}
    assert {"pool_utilization", "query_time_p95", "instances"} <= kinds
