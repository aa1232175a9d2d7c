"""Memorystore for Redis: a Valkey server an instance."""

import secrets
from collections.abc import Mapping
from typing import Any

from local_cloud.errors import DeploymentFailed
from local_cloud.google.memorystore import RedisInstance
from local_cloud.processes.supervisor import Tier
from local_cloud.processes.valkey import Valkey
from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import handles

GIB = 2**30
# Memorystore's name of a setting, and Valkey's.
CONFIGS = {
    "maxmemory-policy": "maxmemory-policy",
    "notify-keyspace-events": "notify-keyspace-events",
    "timeout": "timeout",
    "activedefrag": "activedefrag",
    "lfu-decay-time": "lfu-decay-time",
    "lfu-log-factor": "lfu-log-factor",
}
DEFAULT_POLICY = "volatile-lru"


@handles("gcp:redis/instance:Instance")
async def instance(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Start a Valkey server for an instance."""
    inputs = declaration.inputs
    name = declaration.resource_name
    if inputs.get("transitEncryptionMode", "DISABLED") != "DISABLED":
        raise DeploymentFailed(f"{name}: the local Valkey is built without TLS; set cacheEncryption to false")
    configs: Mapping[str, Any] = inputs.get("redisConfigs") or {}
    valkey = Valkey(
        cloud.state.folder / "redis" / name,
        port=cloud.processes.ports.allocate(f"redis/{name}"),
        password=_keep_password(cloud, name) if inputs.get("authEnabled") else None,
        memory_bytes=int(float(configs.get("maxmemory-gb", inputs["memorySizeGb"])) * GIB),
        policy=str(configs.get("maxmemory-policy", DEFAULT_POLICY)),
        settings=_read_settings(name, configs),
        log=cloud.state.log(f"{name}-redis"),
    )
    valkey.name = f"{name}-redis"
    with cloud.report.step(f"Memorystore {name}", f"Valkey on {valkey.host}:{valkey.port}"):
        await cloud.processes.supervisor.start(valkey, tier=Tier.SERVER)
    cloud.google.redis[name] = RedisInstance(name, str(inputs.get("region") or ""), valkey)
    if inputs.get("tier", "BASIC") != "BASIC":
        cloud.note(declaration.token, name, f"the replica of tier {inputs['tier']}")
    return CreatedResource(
        id=f"projects/{cloud.project}/locations/{inputs.get('region', '')}/instances/{name}",
        outputs={
            "name": name,
            "host": valkey.host,
            "port": valkey.port,
            "authString": valkey.password or "",
            "readEndpoint": valkey.host,
            "readEndpointPort": valkey.port,
            "serverCaCerts": [],
        },
        secret=frozenset({"authString"}),
    )


def _keep_password(cloud: LocalCloud, name: str) -> str:
    return str(cloud.state.keep("passwords", f"redis/{name}", lambda: secrets.token_urlsafe(24)))


def _read_settings(name: str, configs: Mapping[str, Any]) -> dict[str, str]:
    unknown = configs.keys() - CONFIGS.keys() - {"maxmemory-gb"}
    if unknown:
        raise DeploymentFailed(
            f"{name}: the local deployer does not know the redisConfigs {', '.join(sorted(unknown))}"
        )
    return {CONFIGS[key]: str(value) for key, value in configs.items() if key in CONFIGS and key != "maxmemory-policy"}
