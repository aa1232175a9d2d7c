"""Memorystore for Redis: its instances, each a Valkey server."""

from dataclasses import dataclass

from local_cloud.processes.valkey import Valkey


@dataclass(frozen=True)
class RedisInstance:
    """A declared instance and the server behind it."""

    name: str
    region: str
    server: Valkey
