"""Which process of this machine serves which part of the stack."""

from typing import Any

from local_cloud.google.services import GoogleServices
from local_cloud.processes.supervisor import Supervised, Supervisor
from local_cloud.serving.functions import Functions


def list_processes(google: GoogleServices, functions: Functions, supervisor: Supervisor) -> dict[str, Any]:
    """Return each process by the kind and name of what it serves, such as `database/orders`."""
    servers = supervisor.servers
    found = {
        f"function/{name}": _describe(function.supervised, function.front_end.url.removeprefix("http://"))
        for name, function in functions.items()
    }
    for name, postgres in google.cloud_sql.servers.items():
        found[f"database/{name}"] = _describe(servers[postgres.name], f"{postgres.host}:{postgres.port}")
    for name, instance in google.redis.items():
        valkey = instance.server
        found[f"cache/{name}"] = _describe(servers[valkey.name], f"{valkey.host}:{valkey.port}")
    if google.storage.url is not None:
        storage = _describe(servers["storage"], google.storage.url.removeprefix("http://"))
        found |= {f"bucket/{name}": storage for name in google.storage.buckets}
    return found


def _describe(supervised: Supervised, address: str) -> dict[str, Any]:
    return {
        "pid": supervised.pid,
        "address": address,
        "health": supervised.health,
        "restarts": supervised.restarts,
    }
