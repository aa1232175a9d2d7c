"""One base URL before the functions that run here, which can fail as networks and load balancers do."""

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from tests.integration.http.functions import CONNECTIONS, Function, function_of

HOP_BY_HOP = {"connection", "content-length", "host", "transfer-encoding", "keep-alive", "date", "server"}


@dataclass(frozen=True)
class Failure:
    """Instead of the next answer: this status and headers, or, without a status, a connection that is cut.

    applied: whether the function gets the request all the same.
    """

    status: int | None
    headers: Mapping[str, str]
    applied: bool


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    size: int


class Gateway:
    """Forwards requests by their paths, notes what came, and fails as often as it is told to."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self.received: list[Received] = []
        self.failures: deque[Failure | None] = deque()
        self._functions = functions
        self._client = httpx.Client(timeout=120, limits=CONNECTIONS)

    def fail(self, status: int | None, *, applied: bool = False, **headers: str) -> None:
        """Fail the next request that comes, after those that fail already."""
        self.failures.append(Failure(status, {k.replace("_", "-"): v for k, v in headers.items()}, applied))

    def pass_on(self, requests: int) -> None:
        """Let so many requests pass before the failures that are named after this."""
        self.failures.extend([None] * requests)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve on a port of its own; yield the base URL."""
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                gateway.answer(self)

            def do_POST(self) -> None:
                gateway.answer(self)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                """Write nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
            self._client.close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        self.received.append(
            Received(request.command, request.path, {k.lower(): v for k, v in headers.items()}, len(body))
        )
        failure = self.failures.popleft() if self.failures else None
        if failure is not None and not failure.applied:
            self._answer(request, failure.status, failure.headers, b"")
            return
        name = function_of(request.path) or "feedback"
        url = self._functions[name].url + request.path
        with self._client.stream(request.command, url, headers=headers, content=body) as response:
            content = b"".join(response.iter_raw())
        if failure is not None:
            self._answer(request, failure.status, failure.headers, b"")
        else:
            self._answer(request, response.status_code, response.headers, content)

    @staticmethod
    def _answer(
        request: BaseHTTPRequestHandler, status: int | None, headers: Mapping[str, str], content: bytes
    ) -> None:
        if status is None:
            request.close_connection = True
            return
        request.send_response(status)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
