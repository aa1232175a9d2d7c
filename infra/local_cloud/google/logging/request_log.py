"""The platform's log of requests: of those that no process of the function saw, for it logs the others itself."""

from pathlib import Path

from aiohttp import web

from local_cloud.google.logging.entry_log import write


class RequestLog:
    """Logs requests that a front end answered itself."""

    def __init__(self, path: Path, project: str) -> None:
        self._path = path
        self._project = project

    def answered(self, request: web.BaseRequest, status: int, detail: str, seconds: float, trace: str) -> None:
        """Log an answer, without the query and the headers: what callers identify themselves by is not for the log."""
        write(
            self._path,
            {
                "severity": "WARNING" if status < 500 else "ERROR",
                "textPayload": detail,
                "httpRequest": {
                    "requestMethod": request.method,
                    "requestUrl": request.rel_url.raw_path,
                    "status": status,
                    "remoteIp": request.remote or "",
                    "latency": f"{seconds:.6f}s",
                },
                "trace": f"projects/{self._project}/traces/{trace}",
            },
        )
