"""The Admin API over HTTP, as Google's client libraries and gcloud speak it: sqladmin v1."""

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from local_cloud.google.cloud_sql.errors import Refused
from local_cloud.google.cloud_sql.registry import Resource
from local_cloud.google.cloud_sql.service import CloudSql

Call = Callable[[CloudSql, Resource, Resource], Resource]

INSTANCES = r"/instances"
INSTANCE = rf"{INSTANCES}/(?P<instance>[^/]+)"
BACKUPS = rf"{INSTANCE}/backupRuns"
BACKUP = rf"{BACKUPS}/(?P<id>[^/]+)"
OPERATIONS = r"/operations"


def _operations(cloud_sql: CloudSql, path: Resource, _: Resource) -> Resource:
    items = cloud_sql.operations.all()
    wanted = path.get("instance")
    shown = [operation for operation in items if wanted is None or operation["targetId"] == wanted]
    return {"kind": "sql#operationsList", "items": shown}


CALLS: list[tuple[str, str, Call]] = [
    ("GET", INSTANCES, lambda sql, _, __: {"kind": "sql#instancesList", "items": sql.instances()}),
    ("POST", INSTANCES, lambda sql, _, body: sql.insert(body)),
    ("GET", INSTANCE, lambda sql, path, _: sql.instance(path["instance"])),
    ("DELETE", INSTANCE, lambda sql, path, _: sql.delete(path["instance"])),
    ("POST", rf"{INSTANCE}/clone", lambda sql, path, body: sql.clone(path["instance"], body)),
    ("POST", rf"{INSTANCE}/restoreBackup", lambda sql, path, body: sql.restore(path["instance"], body)),
    (
        "GET",
        BACKUPS,
        lambda sql, path, _: {"kind": "sql#backupRunsList", "items": sql.backups(path["instance"])},
    ),
    ("POST", BACKUPS, lambda sql, path, body: sql.back_up(path["instance"], body)),
    ("GET", BACKUP, lambda sql, path, _: sql.backup(path["instance"], path["id"])),
    ("DELETE", BACKUP, lambda sql, path, _: sql.delete_backup(path["instance"], path["id"])),
    ("GET", OPERATIONS, _operations),
    ("GET", rf"{OPERATIONS}/(?P<operation>[^/]+)", lambda sql, path, _: sql.operations.get(path["operation"])),
]


class AdminApi:
    """On 127.0.0.1; answers from threads of its own between start and stop."""

    def __init__(self, cloud_sql: CloudSql, port: int = 0) -> None:
        prefix = rf"(?:/sql)?/(?:v1|v1beta4)/projects/{re.escape(cloud_sql.project)}"
        calls = [(method, re.compile(prefix + pattern), call) for method, pattern, call in CALLS]
        handler = type("Handler", (_Handler,), {"cloud_sql": cloud_sql, "calls": calls})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="cloudsql-api", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Once more does nothing."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud_sql: ClassVar[CloudSql]
    calls: ClassVar[list[tuple[str, re.Pattern[str], Call]]]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Nothing: operations are the record of what was asked."""

    def _answer(self) -> None:
        try:
            status, body = 200, self._call()
        except Refused as refusal:
            error = {"message": str(refusal), "domain": "global", "reason": refusal.reason}
            status = refusal.status
            body = {"error": {"code": status, "message": str(refusal), "errors": [error]}}
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _call(self) -> Resource:
        body = self._body()
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        for method, pattern, call in self.calls:
            match = pattern.fullmatch(url.path)
            if match is not None and method == self.command:
                if query.get("filter"):
                    raise Refused(400, "invalid", "The local Cloud SQL has no filters; choose among all.")
                return call(self.cloud_sql, {**query, **match.groupdict()}, body)
        raise Refused(404, "notFound", f"The local Cloud SQL does not know {self.command} {url.path}")

    def _body(self) -> Resource:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body: Any = json.loads(text) if text else {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refused(400, "parseError", "The body is no JSON object.")
        return body
