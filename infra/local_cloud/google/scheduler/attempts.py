"""What Cloud Scheduler logs of each attempt: that it began, and how it ended."""

from pathlib import Path
from typing import Any

from local_cloud.google.logging.entry_log import write
from local_cloud.google.monitored_resources import job_resource
from local_cloud.google.rpc_status import find_rpc_status
from local_cloud.google.scheduler.scheduler import JobSpec, Run

TYPE = "type.googleapis.com/google.cloud.scheduler.logging"


class AttemptLog:
    """Logs attempts as Cloud Scheduler does."""

    def __init__(self, path: Path, project: str) -> None:
        self._path = path
        self._project = project

    def record(self, spec: JobSpec, run: Run | None) -> None:
        """Log that an attempt begins, or how it ended. run: None as it begins."""
        payload = {
            "jobName": f"projects/{self._project}/locations/{spec.location}/jobs/{spec.name}",
            "targetType": "HTTP",
            "url": spec.url,
        }
        entry: dict[str, Any] = {"resource": job_resource(self._project, spec.location, spec.name).as_json()}
        if run is None:
            entry |= {"severity": "INFO", "jsonPayload": {"@type": f"{TYPE}.AttemptStarted", **payload}}
        else:
            ended = {"@type": f"{TYPE}.AttemptFinished", **payload, **_describe_end(run)}
            entry |= {"severity": "INFO" if run.succeeded else "ERROR", "jsonPayload": ended}
        if run is not None and run.status is not None:
            entry["httpRequest"] = {"status": run.status}
        write(self._path, entry)


def find_outcome(run: Run) -> str:
    """Return google.rpc's name of how an attempt ended."""
    if run.status is not None:
        return find_rpc_status(run.status)
    return "DEADLINE_EXCEEDED" if run.timed_out else "UNAVAILABLE"


def _describe_end(run: Run) -> dict[str, str]:
    status = find_outcome(run)
    if run.succeeded:
        return {}
    if run.status is None:
        kind = "URL_TIMEOUT-TIMEOUT_WEB" if run.timed_out else "URL_UNREACHABLE-UNREACHABLE_CONNECTION"
        return {"status": status, "debugInfo": f"{kind}. {run.answer}"}
    kind = "URL_UNREACHABLE-UNREACHABLE_5xx" if run.status >= 500 else f"URL_REJECTED-REJECTED_{status}"
    return {"status": status, "debugInfo": f"{kind}. Original HTTP response code number = {run.status}"}
