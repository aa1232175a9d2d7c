"""The functions as they are deployed, each a process of functions-framework, and a client of all of them."""

import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from local_cloud.processes.server import Server, free_port

REPOSITORY = Path(__file__).parents[3]
UNKNOWN_ID = "0d2f6c1e-5b8a-4f0e-9c3d-7a1b2c3d4e5f"
# Shorter than a function keeps an idle connection, so that no request meets its close.
CONNECTIONS = httpx.Limits(keepalive_expiry=1)
PREFIXES = {
    "/api/v1/monitoring/backfill": "backfill",
    "/api/v1/feedback": "feedback",
    "/api/v1/monitoring/metrics": "metrics",
    "/api/v1/monitoring/database": "database",
    "/api/v1/access": "keys",
    "/metrics": "database",
}


def function_of(path: str) -> str | None:
    """Which of the functions that run here answers a path; None of what none of them, or each, answers."""
    return next((name for prefix, name in PREFIXES.items() if path.startswith(prefix)), None)


class Function(Server):
    """variables: of its environment. Its log has what it wrote to its standard output.

    repository: whose code it runs, if not today's.
    """

    def __init__(self, folder: Path, name: str, variables: Mapping[str, str], repository: Path = REPOSITORY) -> None:
        super().__init__(folder, folder / f"{name}.log")
        self.name = name
        self.port = free_port()
        self._variables = variables
        self._repository = repository

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> Sequence[str]:
        source = self._repository / "functions" / self.name / "main.py"
        options = {"--target": self.name, "--source": str(source), "--host": "127.0.0.1", "--port": str(self.port)}
        words = [word for option in options.items() for word in option]
        return [sys.executable, "-m", "functions_framework", *words]

    def probe(self) -> bool:
        with socket.socket() as link:
            return link.connect_ex(("127.0.0.1", self.port)) == 0

    def environment(self) -> Mapping[str, str]:
        path = str(self._repository / "functions")
        return {**super().environment(), "PYTHONPATH": path, "FUNCTION_USE_ASGI": "true", **self._variables}


class Api:
    """One client for all paths. credentials: headers by the caller's name."""

    def __init__(self, functions: Mapping[str, Function], credentials: Mapping[str, Mapping[str, str]]) -> None:
        self._functions = functions
        self._credentials = credentials
        self._client = httpx.Client(timeout=120, limits=CONNECTIONS)

    def __call__(
        self,
        method: str,
        path: str,
        caller: str | None = "service",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """more: httpx's own arguments; a path without a function's prefix is the feedback function's."""
        name = function_of(path) or "feedback"
        url = self._functions[name].url + path
        identified = {**(self._credentials[caller] if caller else {}), **(headers or {})}
        return self._client.request(method, url, headers=identified, **more)

    def headers(self, caller: str) -> Mapping[str, str]:
        """What tells who calls."""
        return self._credentials[caller]

    def close(self) -> None:
        self._client.close()
