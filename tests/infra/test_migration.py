"""The step that brings the schema up to date: when it runs, and what it makes of an answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local_cloud.processes.server import free_port
from utxoiq_infra import migration
from utxoiq_infra.migration import MigrationFailed, MigrationProvider, build_trigger


class Function(ThreadingHTTPServer):
    """Answers with each of the statuses in turn, then with 200."""

    def __init__(self, statuses: list[int], port: int = 0) -> None:
        self.statuses = statuses
        self.authorizations: list[str] = []
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Function

    def do_POST(self) -> None:
        self.server.authorizations.append(self.headers["Authorization"])
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"the database is away")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        """Not to the terminal."""


@contextmanager
def serving(*statuses: int, port: int = 0) -> Iterator[Function]:
    with Function(list(statuses), port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(migration, "PATIENCE_SECONDS", 2)


def inputs(url: str, trigger: str = "1") -> dict[str, str]:
    return {"url": url, "trigger": trigger, "token": "an ID token"}


def test_it_calls_the_function_with_its_token() -> None:
    with serving() as function:
        made = MigrationProvider().create(inputs(function.url))
    assert function.authorizations == ["Bearer an ID token"]
    assert made.outs == {"url": function.url, "trigger": "1"}, "the token is no part of the state"


def test_it_runs_again_for_another_trigger_and_not_for_another_token() -> None:
    provider, old = MigrationProvider(), {"url": "u", "trigger": "1"}
    assert not provider.diff("id", old, inputs("u") | {"token": "another"}).changes
    assert provider.diff("id", old, inputs("u", "2")).changes
    assert provider.diff("id", old, inputs("elsewhere")).changes


def test_it_waits_until_its_permission_has_arrived() -> None:
    with serving(403, 403, 401) as function:
        MigrationProvider().create(inputs(function.url))
    assert len(function.authorizations) == 4


def test_it_waits_for_a_function_that_takes_no_connections_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    refused, done = threading.Event(), threading.Event()

    def serve_once_it_was_refused() -> None:
        refused.wait()
        with serving(port=port):
            done.wait()

    thread = threading.Thread(target=serve_once_it_was_refused)
    thread.start()
    monkeypatch.setattr("utxoiq_infra.migration.time.sleep", lambda _: refused.set())
    try:
        MigrationProvider().create(inputs(f"http://127.0.0.1:{port}"))
    finally:
        refused.set()
        done.set()
        thread.join()


def test_a_failed_migration_is_not_repeated_and_says_what_the_function_said() -> None:
    with serving(500) as function, pytest.raises(MigrationFailed, match=r"answered 500: the database is away"):
        MigrationProvider().update("id", {}, inputs(function.url))
    assert len(function.authorizations) == 1


def test_a_permission_that_never_arrives_ends_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "PATIENCE_SECONDS", 0.05)
    with serving(*[403] * 1000) as function, pytest.raises(MigrationFailed, match="answered 403"):
        MigrationProvider().create(inputs(function.url))


def test_a_connection_that_breaks_is_not_repeated() -> None:
    class Breaking(_Handler):
        def do_POST(self) -> None:
            self.server.authorizations.append("")
            self.connection.close()

    with serving() as function:
        function.RequestHandlerClass = Breaking
        with pytest.raises(MigrationFailed, match="broke off its answer"):
            MigrationProvider().create(inputs(function.url))
        assert len(function.authorizations) == 1


def test_a_trigger_changes_with_any_of_its_parts() -> None:
    assert len({build_trigger("a", ["b", "c"]), build_trigger("a", ["b", "d"]), build_trigger("b", ["b", "c"])}) == 3
    assert build_trigger("a", ["b"]) == build_trigger("a", ["b"])
