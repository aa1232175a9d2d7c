from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.engine.running import PULUMI, Cli


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without the CLI there is no engine to run the program with."""
    if PULUMI is None:
        for item in items:
            if item.path.is_relative_to(Path(__file__).parent):
                item.add_marker(pytest.mark.skip(reason="there is no `pulumi` on the PATH"))


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The CLI, in a project of its own without any stack."""
    return Cli(tmp_path)


@pytest.fixture
def migrated(cli: Cli) -> Iterator[list[str]]:
    """The credentials of each call of the migrate function. A server of this test answers for all functions."""
    with _migrate_function() as (url, credentials):
        cli.environment["STAND_IN_URL"] = url
        yield credentials


@contextmanager
def _migrate_function() -> Iterator[tuple[str, list[str]]]:
    credentials: list[str] = []

    class Function(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            credentials.append(str(self.headers["Authorization"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Function)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", credentials
    finally:
        server.shutdown()
        server.server_close()
