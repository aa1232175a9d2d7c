"""The operators' page under the base URL."""

import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from local_cloud.google.issuer import Issuers
from local_cloud.serving.functions import DeployedFunction
from local_cloud.serving.platform_error import PlatformError

TOKEN_SECONDS = 3600.0
HOSTS = ("127.0.0.1", "localhost", "[::1]")


class ConsoleProxy:
    """Signs in whoever opens the page on this machine as its operator, as `gcloud run services proxy` does.

    So a web page must not come in by a name of its own that leads here (DNS rebinding): only this machine's names do.
    """

    def __init__(self, issuers: Issuers, console: DeployedFunction, operator: str, port: int) -> None:
        self._issuers = issuers
        self._console = console
        self._operator = operator
        self._port = port
        self._hosts = frozenset(f"{host}:{port}" for host in HOSTS)
        self._token, self._renew_at = "", 0.0

    @staticmethod
    def serves(path: str) -> bool:
        """Return whether a path is one of the console's."""
        return path in ("/", "/console") or path.startswith("/console/")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the console's answer to the operator. Raises PlatformError."""
        if request.headers.get("Host", "").lower() not in self._hosts:
            raise PlatformError(403, f"the console is this machine's own: open http://127.0.0.1:{self._port}/")
        headers = CIMultiDict(request.headers)
        headers["Authorization"] = f"Bearer {self._renew_token()}"
        return await self._console.front_end.handle(request.clone(headers=headers))

    def _renew_token(self) -> str:
        if time.monotonic() >= self._renew_at:
            audience = self._console.front_end.audience
            self._token = self._issuers.account_token(self._operator, audience, TOKEN_SECONDS)
            self._renew_at = time.monotonic() + TOKEN_SECONDS / 2
        return self._token


def find_console(
    issuers: Issuers, outputs: Mapping[str, Any], functions: Mapping[str, DeployedFunction], port: int
) -> ConsoleProxy | None:
    """Return the way to the console; None if the program has none, or nobody may open it."""
    console, operators = functions.get("console"), outputs.get("operators")
    return ConsoleProxy(issuers, console, str(operators[0]), port) if console and operators else None
