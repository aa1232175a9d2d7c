"""The platform's log of requests: a line for each, as Cloud Run writes it."""

from pathlib import Path

from aiohttp import web

from local_cloud.google.logging.entry_log import write


class RequestLog:
    """Logs the requests of a front end."""

    def __init__(self, path: Path, project: str) -> None:
        self._path = path
        self._project = project

    def answered(
        self, request: web.BaseRequest, status: int, seconds: float, trace: str, *, size: int = 0, detail: str = ""
    ) -> None:
        """Log an answer, without the query and the headers: what callers identify themselves by is not for the log.

        size: of the body, in bytes. detail: what the front end said, where it answered itself.
        """
        entry: dict[str, object] = {
            "severity": "INFO" if status < 400 else "WARNING" if status < 500 else "ERROR",
            "httpRequest": {
                "requestMethod": request.method,
                "requestUrl": request.rel_url.raw_path,
                "status": status,
                "responseSize": str(size),
                "remoteIp": request.remote or "",
                "latency": f"{seconds:.6f}s",
            },
            "trace": f"projects/{self._project}/traces/{trace}",
        }
        if detail:
            entry["textPayload"] = detail
        write(self._path, entry)
