"""What `make down`'s siblings ask of a deployer that runs: its status, to fire a job, to wake a process."""

import hmac
from typing import Any

from aiohttp import web

from local_cloud.google.scheduler.scheduler import Run
from local_cloud.google.services import GoogleServices
from local_cloud.processes.server import ServerFailed
from local_cloud.processes.supervisor import Supervisor
from local_cloud.serving.platform_error import PlatformError


class Controls:
    """Carries out commands for whoever may read the deployer's state, which holds the token."""

    def __init__(self, token: str, base_url: str, google: GoogleServices, supervisor: Supervisor) -> None:
        self._token = token
        self._base_url = base_url
        self._google = google
        self._supervisor = supervisor

    async def handle(self, request: web.BaseRequest, command: str) -> web.Response:
        """Carry out a command: `status`, `jobs/<name>/run` or `processes/<name>/wake`. Raises PlatformError."""
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise PlatformError(401, "the deployer's controls are for whoever may read its state")
        if command == "status" and request.method == "GET":
            return web.json_response(self._status())
        match (request.method, *command.split("/")):
            case ("POST", "jobs", job, "run"):
                return await self._run_job(job)
            case ("POST", "processes", process, "wake"):
                return await self._wake(process)
        raise PlatformError(404, f"there is no control {command}")

    async def _run_job(self, name: str) -> web.Response:
        scheduler = self._google.scheduler
        job = scheduler.find(name)
        if job is None:
            known = ", ".join(sorted(scheduler.jobs)) or "none"
            raise PlatformError(404, f"there is no job {name!r}; there are: {known}")
        return web.json_response({"job": job.spec.name, **_describe(await scheduler.fire(job))})

    async def _wake(self, name: str) -> web.Response:
        supervised = self._supervisor.servers.get(name)
        if supervised is None:
            raise PlatformError(404, f"there is no process {name!r}")
        try:
            await self._supervisor.wake(supervised)
        except ServerFailed as failure:
            raise PlatformError(503, str(failure)) from None
        return web.json_response({"pid": supervised.pid})

    def _status(self) -> dict[str, Any]:
        monitoring = self._google.monitoring
        return {
            "base_url": self._base_url,
            "processes": {
                name: {"pid": one.pid, "health": one.health, "restarts": one.restarts}
                for name, one in self._supervisor.servers.items()
            },
            # In the order of their names: that of their creation is another at each deployment.
            "jobs": {
                name: _describe(job.last) if job.last else None
                for name, job in sorted(self._google.scheduler.jobs.items())
            },
            "incidents": monitoring.status(),
            "unpublished": monitoring.unpublished(),
            "evaluation_seconds": monitoring.cost,
        }


def _describe(run: Run) -> dict[str, Any]:
    return {"at": run.at.isoformat(), "succeeded": run.succeeded, "status": run.status, "answer": run.answer}
