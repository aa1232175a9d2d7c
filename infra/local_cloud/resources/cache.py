"""Memorystore for Redis: a Valkey server an instance."""

import secrets
from collections.abc import Mapping
from typing import Any

from local_cloud.errors import DeploymentFailed
from local_cloud.processes.valkey import Valkey
from local_cloud.resources.deployment import SERVERS, Declaration, Deployment, Made, Notice
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
async def instance(deployment: Deployment, declaration: Declaration) -> Made:
    inputs = declaration.inputs
    name = declaration.resource_name
    if inputs.get("transitEncryptionMode", "DISABLED") != "DISABLED":
        raise DeploymentFailed(f"{name}: the local Valkey is built without TLS; set cacheEncryption to false")
    configs: Mapping[str, Any] = inputs.get("redisConfigs") or {}
    valkey = Valkey(
        deployment.state.folder / "redis" / name,
        port=deployment.port(f"redis/{name}"),
        password=_password(deployment, name) if inputs.get("authEnabled") else None,
        memory_bytes=int(float(configs.get("maxmemory-gb", inputs["memorySizeGb"])) * GIB),
        policy=str(configs.get("maxmemory-policy", DEFAULT_POLICY)),
        settings=_settings(name, configs),
        log=deployment.state.log(f"{name}-redis"),
    )
    valkey.name = f"{name}-redis"
    with deployment.report.step(f"Memorystore {name}", f"Valkey on {valkey.host}:{valkey.port}"):
        await deployment.supervisor.start(valkey, tier=SERVERS)
    deployment.caches[name] = valkey
    deployment.locations[f"redis/{name}"] = str(inputs.get("region") or "")
    if inputs.get("tier", "BASIC") != "BASIC":
        deployment.declared.append(Notice(declaration.token, name, f"the replica of tier {inputs['tier']}"))
    return Made(
        id=f"projects/{deployment.project}/locations/{inputs.get('region', '')}/instances/{name}",
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


def _password(deployment: Deployment, name: str) -> str:
    return str(deployment.state.keep("passwords", f"redis/{name}", lambda: secrets.token_urlsafe(24)))


def _settings(name: str, configs: Mapping[str, Any]) -> dict[str, str]:
    unknown = configs.keys() - CONFIGS.keys() - {"maxmemory-gb"}
    if unknown:
        raise DeploymentFailed(
            f"{name}: the local deployer does not know the redisConfigs {', '.join(sorted(unknown))}"
        )
    return {CONFIGS[key]: str(value) for key, value in configs.items() if key in CONFIGS and key != "maxmemory-policy"}
