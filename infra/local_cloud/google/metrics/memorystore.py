"""Memorystore's metrics, of what Valkey tells of itself."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local_cloud.google.metrics.measurement import Measurement, delta, gauge
from local_cloud.google.monitored_resources import MonitoredResource
from local_cloud.processes.valkey import Valkey

PREFIX = "redis.googleapis.com"
PRIMARY = "primary"
TIMEOUT_SECONDS = 2.0
COUNTERS = ("evicted_keys", "keyspace_hits", "keyspace_misses")


class MemorystoreCollector:
    """Measures Valkey servers. caches: returns those of the moment, each with the resource that it is known as."""

    def __init__(self, caches: Callable[[], list[tuple[MonitoredResource, Valkey]]]) -> None:
        self._caches = caches
        self._before: dict[int, tuple[str, Mapping[str, int]]] = {}

    def collect(self) -> Iterator[Measurement]:
        """Yield what each server tells of itself; nothing of one that does not answer. Blocks."""
        for resource, valkey in self._caches():
            told = _read_information(valkey)
            if told is not None:
                yield from self._measure(resource, valkey, told)

    def _measure(self, resource: MonitoredResource, valkey: Valkey, told: Mapping[str, Any]) -> Iterator[Measurement]:
        used, limit = int(told["used_memory"]), int(told["maxmemory"]) or valkey.memory_bytes
        yield gauge(f"{PREFIX}/stats/memory/usage", resource, used, role=PRIMARY)
        yield gauge(f"{PREFIX}/stats/memory/usage_ratio", resource, used / limit, role=PRIMARY)
        yield gauge(f"{PREFIX}/clients/connected", resource, int(told["connected_clients"]), role=PRIMARY)
        yield gauge(f"{PREFIX}/server/uptime", resource, int(told["uptime_in_seconds"]), role=PRIMARY)
        counted = self._count_since(valkey, told)
        yield delta(f"{PREFIX}/stats/evicted_keys", resource, counted["evicted_keys"], role=PRIMARY)
        lookups = counted["keyspace_hits"] + counted["keyspace_misses"]
        if lookups:
            ratio = counted["keyspace_hits"] / lookups
            yield gauge(f"{PREFIX}/stats/cache_hit_ratio", resource, ratio, role=PRIMARY)

    def _count_since(self, valkey: Valkey, told: Mapping[str, Any]) -> Mapping[str, int]:
        """Return what was counted since the last call.

        Counters begin anew with the server, and when somebody resets them.
        """
        counters = {name: int(told[name]) for name in COUNTERS}
        run = str(told["run_id"])
        run_before, before = self._before.get(valkey.port, (run, counters))
        self._before[valkey.port] = (run, counters)
        if run_before != run or any(counters[name] < before[name] for name in COUNTERS):
            return counters
        return {name: counters[name] - before[name] for name in COUNTERS}


def _read_information(valkey: Valkey) -> Mapping[str, Any] | None:
    """Return what the server tells of itself; None if it does not answer."""
    from redis import Redis, RedisError  # a seventh of a second, which a start without a cache has no need of

    try:
        with Redis(
            valkey.host,
            valkey.port,
            password=valkey.password,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        ) as redis:
            told: Mapping[str, Any] = redis.info("default")
            return told
    except RedisError:
        return None
