"""Memorystore's metrics are those of the real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from tests.integration.platform.conftest import by_name

from local_cloud.google.metrics.measurement import Measurement
from local_cloud.google.metrics.memorystore import MemorystoreCollector
from local_cloud.google.monitored_resources import redis_resource
from local_cloud.processes.valkey import Valkey

PREFIX = "redis.googleapis.com/"
RESOURCE = redis_resource("shop", "us-central1", "cache")
MEMORY = 4 * 2**20


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "cache", password="secret", memory_bytes=MEMORY) as cache:
        yield cache


def collected(collector: MemorystoreCollector) -> dict[str, Measurement]:
    return {name.removeprefix(PREFIX): found for name, (found,) in by_name(collector.collect()).items()}


def test_memory_clients_hits_and_evictions_are_the_servers(cache: Valkey) -> None:
    collector = MemorystoreCollector(lambda: [(RESOURCE, cache)])
    before = collected(collector)
    assert before["stats/evicted_keys"].value == 0
    assert "stats/cache_hit_ratio" not in before  # nobody has asked for anything
    with Redis(cache.host, cache.port, password=cache.password) as redis:
        for number in range(400):
            redis.set(f"key-{number}", b"x" * 20_000)
        redis.set("last", "x")
        assert [redis.get(name) is not None for name in ("last", "last", "last", "none")] == [True] * 3 + [False]
        evicted = redis.info()["evicted_keys"]
        found = collected(collector)
        assert 0 < evicted <= float(str(found["stats/evicted_keys"].value)) <= redis.info()["evicted_keys"]
        assert found["stats/cache_hit_ratio"].value == 0.75
        assert 0.5 < float(str(found["stats/memory/usage_ratio"].value)) < 1.1
        assert found["clients/connected"].value == 2  # this one, and who measures
        redis.flushall()
        collected(collector)
    assert found["stats/evicted_keys"].labels == {"role": "primary"}
    assert found["stats/evicted_keys"].resource.labels["instance_id"] == (
        "projects/shop/locations/us-central1/instances/cache"
    )
    assert collected(collector)["stats/evicted_keys"].value == 0


def test_counters_begin_anew_with_the_server(cache: Valkey) -> None:
    collector = MemorystoreCollector(lambda: [(RESOURCE, cache)])
    for hits in (3, 2):
        with Redis(cache.host, cache.port, password=cache.password) as redis:
            redis.set("key", "x")
            for _ in range(hits):
                redis.get("key")
        assert collected(collector)["stats/evicted_keys"].value == 0
        cache.stop()
        # One that is away publishes nothing.
        assert collected(collector) == {}
        cache.start()
    with Redis(cache.host, cache.port, password=cache.password) as redis:
        redis.get("none")
    assert collected(collector)["stats/cache_hit_ratio"].value == 0
