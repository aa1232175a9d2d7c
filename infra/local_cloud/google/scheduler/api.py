"""Cloud Scheduler's jobs, as Google's client libraries ask for them, run, pause and resume them: v1."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from local_cloud.google.api_error import ApiError
from local_cloud.google.rpc_status import CODES
from local_cloud.google.scheduler.attempts import find_outcome
from local_cloud.google.scheduler.scheduler import Job, Scheduler

LARGEST_PAGE = 500
JOBS = "/v1/projects/{project}/locations/{location}/jobs"
JOB = JOBS + "/{job:[^/:]+}"


class JobsApi:
    """Answers the calls of clients."""

    def __init__(self, project: str, scheduler: Scheduler) -> None:
        self._project = project
        self._scheduler = scheduler

    def routes(self) -> list[web.RouteDef]:
        """Return a route for each call."""
        return [
            web.get(JOBS, self._list),
            web.get(JOB, self._answer_after(lambda job: None)),
            web.post(f"{JOB}:run", self._answer_after(self._scheduler.dispatch)),
            web.post(f"{JOB}:pause", self._answer_after(Job.pause)),
            web.post(f"{JOB}:resume", self._answer_after(Job.resume)),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        start, size = _parse_number(request, "pageToken", 0), _parse_number(request, "pageSize", LARGEST_PAGE)
        jobs = self._jobs(request)
        end = start + min(size or LARGEST_PAGE, LARGEST_PAGE)
        answer: dict[str, Any] = {"jobs": [_show_job(self._project, job) for job in jobs[start:end]]}
        return web.json_response({**answer, "nextPageToken": str(end)} if end < len(jobs) else answer)

    def _answer_after(self, action: Callable[[Job], None]) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return a handler that acts on a job, and answers the job as it is then."""

        async def answer(request: web.Request) -> web.Response:
            job = self._job(request)
            action(job)
            return web.json_response(_show_job(self._project, job))

        return answer

    def _jobs(self, request: web.Request) -> list[Job]:
        project, location = request.match_info["project"], request.match_info["location"]
        if project != self._project:
            raise ApiError(403, f"Permission denied on resource project {project}.")
        return [job for _, job in sorted(self._scheduler.jobs.items()) if job.spec.location == location]

    def _job(self, request: web.Request) -> Job:
        name = request.match_info["job"]
        found = next((job for job in self._jobs(request) if job.spec.name == name), None)
        if found is None:
            raise ApiError(404, f"Job not found: {name}")
        return found


def _show_job(project: str, job: Job) -> dict[str, Any]:
    spec = job.spec
    body: dict[str, Any] = {
        "name": f"projects/{project}/locations/{spec.location}/jobs/{spec.name}",
        "description": spec.description,
        "schedule": spec.cron,
        "timeZone": spec.zone,
        "state": "PAUSED" if job.paused else "ENABLED",
        "attemptDeadline": f"{spec.deadline:g}s",
        "httpTarget": {"uri": spec.url, "httpMethod": spec.method},
        "retryConfig": {
            "retryCount": spec.retries.count,
            "maxRetryDuration": f"{spec.retries.longest_total:g}s",
            "minBackoffDuration": f"{spec.retries.first_wait:g}s",
            "maxBackoffDuration": f"{spec.retries.longest_wait:g}s",
            "maxDoublings": spec.retries.doublings,
        },
    }
    if spec.account is not None:
        token = {"serviceAccountEmail": spec.account, "audience": spec.audience or spec.url}
        body["httpTarget"]["oidcToken"] = token
    if not job.paused:
        body["scheduleTime"] = _format_time(spec.next_run(datetime.now(UTC)))
    if job.began is not None:
        body["lastAttemptTime"] = _format_time(job.began)
    if job.last is not None:
        body["status"] = {} if job.last.succeeded else {"code": CODES[find_outcome(job.last)]}
    return body


def _parse_number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise ApiError(400, f"Invalid value at '{name}': {text!r}")
    return int(text)


def _format_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
