"""The one base URL: every path of the functions under it, the issuers' documents, and the deployer's own pages."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from local_cloud.google.services import GoogleServices
from local_cloud.google.traces import TRACES
from local_cloud.processes.function_process import HEALTH_PATH
from local_cloud.processes.supervisor import Supervisor
from local_cloud.serving.console_proxy import ConsoleProxy
from local_cloud.serving.controls import Controls
from local_cloud.serving.endpoints import Endpoints
from local_cloud.serving.front_end import RESTING
from local_cloud.serving.functions import DeployedFunction
from local_cloud.serving.listener import listen
from local_cloud.serving.openapi import SharedPath, merge_documents
from local_cloud.serving.platform_error import PlatformError
from local_cloud.serving.process_table import list_processes
from local_cloud.serving.proxy import RETRY_AFTER, forward, without_hop_by_hop
from local_cloud.serving.runbooks import Runbooks

CONTROL = "/_local/control/"
API_PAGE = "/console/api"
# What a function may be, each worse than the one before.
_PARTS = ("ok", "degraded", "unavailable")
RUNBOOKS = "/runbooks/"
FALLBACK_SECONDS = 60.0


class Gateway:
    """Listens before anything else does: functions ask for the issuers' keys as they start."""

    def __init__(
        self,
        port: int,
        endpoints: Endpoints,
        google: GoogleServices,
        supervisor: Supervisor,
        controls: Controls,
        runbooks: Runbooks,
    ) -> None:
        self.port = port
        self._endpoints = endpoints
        self._google = google
        self._supervisor = supervisor
        self._controls = controls
        self._runbooks = runbooks
        self._runner: web.ServerRunner | None = None
        self._routes: list[tuple[str, DeployedFunction]] = []
        self._console: ConsoleProxy | None = None
        self._fallback: str | None = None
        self._pages: dict[str, Callable[[], Awaitable[web.Response]]] = {
            "/_local/index.json": self._index,
            "/_local/processes.json": self._processes,
            "/health": self._health,
            "/openapi.json": self._openapi,
            "/docs": self._docs,
        }
        issuers = google.issuers
        for path, issuer in (("/_local/users", issuers.users), ("/_local/google", issuers.google)):
            self._pages[f"{path}/jwks.json"] = _document(issuer.jwks)
            self._pages[f"{path}/.well-known/openid-configuration"] = _document(issuer.configuration)

    async def open(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        self._runner = await listen(self._handle, self.port, for_people=True)

    async def close(self) -> None:
        """Stop listening, and give requests a second to end."""
        if self._runner is not None:
            await self._runner.cleanup()

    def route(
        self, routes: Mapping[str, DeployedFunction], console: ConsoleProxy | None, fallback: str | None = None
    ) -> None:
        """Pass requests on to functions by path prefix; the longest that fits is taken.

        fallback: the origin of another system, which gets what nobody here answers, as behind the load balancer.
        """
        self._fallback = fallback
        self._routes = sorted(routes.items(), key=lambda route: -len(route[0]))
        self._console = console

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        for prefix, function in self._routes:
            if path == prefix or path.startswith(f"{prefix.rstrip('/')}/"):
                return await function.front_end.handle(request)
        if self._console is not None and self._console.serves(path):
            self._check_origin(request)  # whoever opens the console is signed in as the operator
            return await self._console.handle(request)
        if self._fallback is not None and not self._is_own(path):
            return await self._ask_other_system(request, self._fallback)
        self._check_origin(request)
        if path.startswith(CONTROL):
            return await self._controls.handle(request, path.removeprefix(CONTROL))
        if path.startswith(RUNBOOKS) and request.method in ("GET", "HEAD"):
            return self._runbooks.render(path.removeprefix(RUNBOOKS))
        page = self._pages.get(path)
        if page is None:
            raise PlatformError(404, f"no function has the path {path}; /_local/index.json lists those that there are")
        if request.method not in ("GET", "HEAD"):
            raise PlatformError(405, f"{path} takes GET", {"Allow": "GET, HEAD"})
        return await page()

    async def _ask_other_system(self, request: web.BaseRequest, origin: str) -> web.StreamResponse:
        headers = without_hop_by_hop(request.headers)
        try:
            return await forward(request, origin, headers, self._endpoints.session, FALLBACK_SECONDS)
        except PlatformError as error:
            if error.status not in (503, 504):
                raise
            raise PlatformError(error.status, f"{origin} (fallbackService) does not answer", RETRY_AFTER) from error

    def _is_own(self, path: str) -> bool:
        """Return whether the gateway itself answers a path that is no function's."""
        return path in self._pages or path.startswith(("/_local/", RUNBOOKS))

    def _check_origin(self, request: web.BaseRequest) -> None:
        """Refuse pages of other origins; functions say themselves which pages may call them. Raises PlatformError."""
        origin = request.headers.get("Origin")
        if origin not in (None, f"http://{request.host}"):
            raise PlatformError(403, f"{request.rel_url.raw_path} is not for pages of {origin}")

    async def _index(self) -> web.Response:
        base_url, apis = self._endpoints.base_url, self._endpoints.apis.url
        return web.json_response(
            {
                "name": self._google.project,
                "routes": {prefix: function.front_end.name for prefix, function in self._routes},
                "functions": {name: function.front_end.url for name, function in self._endpoints.functions.items()},
                "openapi": f"{base_url}/openapi.json",
                "health": f"{base_url}/health",
                "google_apis": apis,
                "traces": f"{apis}{TRACES}",
                "unpublished": self._google.monitoring.unpublished(),
            }
        )

    async def _processes(self) -> web.Response:
        return web.json_response(list_processes(self._google, self._endpoints.functions, self._supervisor))

    async def _health(self) -> web.Response:
        functions = self._endpoints.functions
        answers = await asyncio.gather(*(self._ask_health(function) for function in functions.values()))
        parts = {
            name: _describe_part(status, answer) for name, (status, answer) in zip(functions, answers, strict=True)
        }
        worst = max(parts.values(), key=_PARTS.index, default="ok")
        return web.json_response(
            {
                "status": "healthy" if worst == "ok" else worst,
                "parts": parts,
                "functions": {
                    name: {"status": status, "answer": answer}
                    for name, (status, answer) in zip(functions, answers, strict=True)
                },
            },
            status=503 if worst == "unavailable" else 200,
        )

    async def _ask_health(self, function: DeployedFunction) -> tuple[int, Any]:
        """Return a function's health. One that rests was well when it was last asked, and is not woken for this."""
        return (200, RESTING) if function.front_end.rests() else await function.front_end.ask(HEALTH_PATH)

    async def _docs(self) -> web.Response:
        """Lead a person to the console's pages of the API, or to the document where there is no console."""
        there = "/openapi.json" if self._console is None else API_PAGE
        return web.Response(status=302, headers={"Location": there})

    async def _openapi(self) -> web.Response:
        functions = {function.front_end.name: function for _, function in self._routes}
        answers = await asyncio.gather(*(function.front_end.ask("/openapi.json") for function in functions.values()))
        documents = {name: body for name, (status, body) in zip(functions, answers, strict=True) if status == 200}
        if len(documents) < len(functions):
            missing = ", ".join(name for name in functions if name not in documents)
            raise PlatformError(503, f"no document of {missing} at the moment; try again", {"Retry-After": "1"})
        try:
            return web.json_response(merge_documents(self._google.project, self._endpoints.base_url, documents))
        except SharedPath as error:
            raise PlatformError(500, f"there is no one document: {error}") from error


def _describe_part(status: int, answer: Any) -> str:
    """Return what one function's health says of it: one of _PARTS."""
    if status != 200:
        return "unavailable"
    return "degraded" if isinstance(answer, dict) and answer.get("status") == "degraded" else "ok"


def _document(content: Mapping[str, Any]) -> Callable[[], Awaitable[web.Response]]:
    async def answer() -> web.Response:
        return web.json_response(content, headers={"Cache-Control": "public, max-age=300"})

    return answer
