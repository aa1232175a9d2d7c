"""The one base URL: every path of the functions under it, the issuers' documents, and the deployer's own controls."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from local_cloud.google.scheduler.scheduler import Run
from local_cloud.google.traces import TRACES
from local_cloud.resources.deployment import Deployment, Function
from local_cloud.serving import console
from local_cloud.serving.console import Door
from local_cloud.serving.front_end import listen
from local_cloud.serving.openapi import merged
from local_cloud.serving.problems import Problem
from local_cloud.serving.runbooks import Runbooks

PROBE_TIMEOUT = aiohttp.ClientTimeout(total=5)
CONTROL = "/_local/control/"
RUNBOOKS = "/runbooks/"


class Gateway:
    """Listens before anything else does: functions ask for the issuers' keys as they start."""

    def __init__(self, port: int, token: str, runbooks: Path) -> None:
        self.port = port
        self._token = token
        self._runbooks = Runbooks(runbooks)
        self._runner: web.ServerRunner | None = None
        self._deployment: Deployment | None = None
        self._routes: list[tuple[str, Function]] = []
        self._door: Door | None = None
        self._own: dict[str, Callable[[], Awaitable[web.Response]]] = {}

    async def open(self, deployment: Deployment) -> None:
        """Raises OSError where the port is taken."""
        self._deployment = deployment
        issuers = deployment.issuers
        for path, issuer in (("/_local/users", issuers.users), ("/_local/google", issuers.google)):
            self._own[f"{path}/jwks.json"] = _document(issuer.jwks)
            self._own[f"{path}/.well-known/openid-configuration"] = _document(issuer.configuration)
        self._own |= {"/_local/index.json": self._index, "/health": self._health, "/openapi.json": self._openapi}
        self._own["/_local/processes.json"] = self._processes
        self._runner = await listen(self._handle, self.port)

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def route(self, routes: Mapping[str, Function], door: Door | None) -> None:
        """By path prefix; the longest that fits is taken. door: to the operators' page."""
        self._routes = sorted(routes.items(), key=lambda route: -len(route[0]))
        self._door = door

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        for prefix, function in self._routes:
            if path == prefix or path.startswith(f"{prefix.rstrip('/')}/"):
                return await function.front_end.handle(request)
        if self._door is not None and self._door.leads(path):
            return await self._door.handle(request)
        if path.startswith(CONTROL):
            return await self._control(request, path.removeprefix(CONTROL))
        if path.startswith(RUNBOOKS) and request.method in ("GET", "HEAD"):
            return self._runbooks.page(path.removeprefix(RUNBOOKS))
        own = self._own.get(path)
        if own is None:
            raise Problem(404, f"no function has the path {path}; /_local/index.json lists those that there are")
        if request.method not in ("GET", "HEAD"):
            raise Problem(405, f"{path} takes GET", {"Allow": "GET, HEAD"})
        return await own()

    async def _index(self) -> web.Response:
        deployment = self._started()
        return web.json_response(
            {
                "name": deployment.project,
                "routes": {prefix: function.front_end.name for prefix, function in self._routes},
                "functions": {name: function.front_end.url for name, function in deployment.functions.items()},
                "openapi": f"{deployment.base_url}/openapi.json",
                "health": f"{deployment.base_url}/health",
                "google_apis": deployment.google_apis.url,
                "traces": f"{deployment.google_apis.url}{TRACES}",
                "unpublished": deployment.monitoring.unpublished(),
            }
        )

    async def _processes(self) -> web.Response:
        return web.json_response(console.processes(self._started()))

    async def _health(self) -> web.Response:
        functions = self._started().functions
        answers = await asyncio.gather(*(self._ask(function, "/health") for function in functions.values()))
        well = all(status == 200 for status, _ in answers)
        return web.json_response(
            {
                "status": "ok" if well else "unavailable",
                "functions": {
                    name: {"status": status, "answer": answer}
                    for name, (status, answer) in zip(functions, answers, strict=True)
                },
            },
            status=200 if well else 503,
        )

    async def _openapi(self) -> web.Response:
        functions = list(dict.fromkeys(function.front_end.name for _, function in self._routes))
        started = self._started()
        answers = await asyncio.gather(*(self._ask(started.functions[name], "/openapi.json") for name in functions))
        documents = {name: body for name, (status, body) in zip(functions, answers, strict=True) if status == 200}
        if len(documents) < len(functions):
            missing = ", ".join(name for name in functions if name not in documents)
            raise Problem(503, f"no document of {missing} at the moment; try again", {"Retry-After": "1"})
        return web.json_response(merged(started.project, started.base_url, documents))

    async def _ask(self, function: Function, path: str) -> tuple[int, Any]:
        """At the process itself, past IAM: the platform asks."""
        origin = function.front_end.origin()
        if origin is None:
            return 503, None
        try:
            async with self._started().session.get(f"{origin}{path}", timeout=PROBE_TIMEOUT) as answer:
                return answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return 503, str(error)

    async def _control(self, request: web.BaseRequest, command: str) -> web.Response:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise Problem(401, "the deployer's controls are for whoever may read its state")
        if command == "status" and request.method == "GET":
            return web.json_response(self._status())
        job, _, action = command.removeprefix("jobs/").partition("/")
        if command.startswith("jobs/") and action == "run" and request.method == "POST":
            return await self._run_job(job)
        raise Problem(404, f"there is no control {command}")

    async def _run_job(self, name: str) -> web.Response:
        scheduler = self._started().scheduler
        job = scheduler.find(name)
        if job is None:
            known = ", ".join(sorted(scheduler.jobs)) or "none"
            raise Problem(404, f"there is no job {name!r}; there are: {known}")
        return web.json_response({"job": job.spec.name, **_described(await scheduler.fire(job))})

    def _status(self) -> dict[str, Any]:
        deployment = self._started()
        return {
            "base_url": deployment.base_url,
            "processes": {
                name: {"pid": one.pid, "health": one.health, "restarts": one.restarts}
                for name, one in deployment.supervisor.servers.items()
            },
            "jobs": {
                name: _described(job.last) if job.last else None for name, job in deployment.scheduler.jobs.items()
            },
            "incidents": deployment.monitoring.status(),
            "unpublished": deployment.monitoring.unpublished(),
            "evaluation_seconds": deployment.monitoring.cost,
        }

    def _started(self) -> Deployment:
        if self._deployment is None:
            raise Problem(503, "the deployer is starting; try again", {"Retry-After": "1"})
        return self._deployment


def _document(content: Mapping[str, Any]) -> Callable[[], Awaitable[web.Response]]:
    async def answer() -> web.Response:
        return web.json_response(content, headers={"Cache-Control": "public, max-age=300"})

    return answer


def _described(run: Run) -> dict[str, Any]:
    return {"at": run.at.isoformat(), "succeeded": run.succeeded, "status": run.status, "answer": run.answer}
