"""The operators' page under the base URL, and what only this machine can tell it: which process serves what."""

import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from local_cloud.processes.supervisor import Supervised
from local_cloud.resources.deployment import Deployment, Function
from local_cloud.serving.problems import Problem

TOKEN_SECONDS = 3600.0
HOSTS = ("127.0.0.1", "localhost", "[::1]")


class Door:
    """Whoever opens the page on this machine is its operator, as with `gcloud run services proxy`: no one signs in.

    So a web page must not come in by a name of its own that leads here (DNS rebinding): only this machine's names do.
    """

    def __init__(self, deployment: Deployment, console: Function, operator: str, port: int) -> None:
        self._deployment = deployment
        self._console = console
        self._operator = operator
        self._hosts = frozenset(f"{host}:{port}" for host in HOSTS)
        self._token, self._renew_at = "", 0.0

    @staticmethod
    def leads(path: str) -> bool:
        return path in ("/", "/console") or path.startswith("/console/")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Raises Problem."""
        if request.headers.get("Host", "").lower() not in self._hosts:
            raise Problem(403, f"the console is this machine's own: open {self._deployment.base_url}/")
        headers = CIMultiDict(request.headers)
        headers["Authorization"] = f"Bearer {self._fresh_token()}"
        return await self._console.front_end.handle(request.clone(headers=headers))

    def _fresh_token(self) -> str:
        if time.monotonic() >= self._renew_at:
            audience = self._console.front_end.audience
            self._token = self._deployment.issuers.account_token(self._operator, audience, TOKEN_SECONDS)
            self._renew_at = time.monotonic() + TOKEN_SECONDS / 2
        return self._token


def door_of(
    deployment: Deployment, outputs: Mapping[str, Any], functions: Mapping[str, Function], port: int
) -> Door | None:
    """Of a program that has a console, and somebody who may open it."""
    console, operators = functions.get("console"), outputs.get("operators")
    return Door(deployment, console, str(operators[0]), port) if console and operators else None


def processes(deployment: Deployment) -> dict[str, Any]:
    """By the kinds and names of what they serve."""
    servers = deployment.supervisor.servers
    found = {
        f"function/{name}": _process(function.supervised, function.front_end.url.removeprefix("http://"))
        for name, function in deployment.functions.items()
    }
    for name, postgres in deployment.databases.items():
        found[f"database/{name}"] = _process(servers[postgres.name], f"{postgres.host}:{postgres.port}")
    for name, valkey in deployment.caches.items():
        found[f"cache/{name}"] = _process(servers[valkey.name], f"{valkey.host}:{valkey.port}")
    url = deployment.storage_url()
    if url is not None:
        storage = _process(servers["storage"], url.removeprefix("http://"))
        found |= {f"bucket/{name}": storage for name in deployment.buckets}
    return found


def _process(supervised: Supervised, address: str) -> dict[str, Any]:
    return {
        "pid": supervised.pid,
        "address": address,
        "health": supervised.health,
        "restarts": supervised.restarts,
    }
