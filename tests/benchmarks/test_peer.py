"""The peer does the same work as we do, else what is compared is not the same."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

import pytest
from tests.benchmarks import data, servers
from tests.benchmarks.callers import callers
from tests.benchmarks.requests import Requests, Route
from tests.benchmarks.servers import Backends, Function, Peer

SAMPLES = 5
# Made anew by each side.
OWN = {"id", "created_at", "updated_at"}


@dataclass(frozen=True)
class Stand:
    backends: Backends
    routes: dict[str, Route]
    functions: dict[str, Function]
    peer: Peer


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with ExitStack() as stack:
        folder = stack.enter_context(servers.scratch_folder())
        known = stack.enter_context(callers())
        backends = stack.enter_context(servers.backends(folder))
        backends.create("ours", known.declared)
        with backends.postgres.connect(database="ours") as connection:
            jobs = data.load_routes(connection)
        backends.copy("ours", "peer")
        functions = {
            name: stack.enter_context(Function(name, folder / name, backends, known, "ours"))
            for name in ("backfill", "feedback", "metrics")
        }
        peer = stack.enter_context(Peer(folder / "peer", backends, "peer"))
        routes = {route.name: route for route in Requests(known, jobs).routes()}
        yield Stand(backends, routes, functions, peer)


@pytest.mark.parametrize("name", ["page", "aggregate", "job", "stats"])
def test_both_read_the_same(stand: Stand, name: str) -> None:
    route = stand.routes[name]
    for pair in route.pairs[:SAMPLES]:
        ours = _answer(stand.functions[route.function].port, pair.ours)
        assert ours == _answer(stand.peer.port, pair.peer)


@pytest.mark.parametrize("name", ["rate", "batch"])
def test_both_write_the_same(stand: Stand, name: str) -> None:
    route = stand.routes[name]
    for pair in route.pairs[:SAMPLES]:
        ours = _answer(stand.functions[route.function].port, pair.ours)
        assert _without_own(ours) == _without_own(_answer(stand.peer.port, pair.peer))


def test_both_see_writes_in_what_they_had_cached(stand: Stand) -> None:
    port = stand.functions["feedback"].port
    read = stand.routes["stats"].pairs[0]
    before = _answer(port, read.ours)
    assert before == _answer(stand.peer.port, read.peer)
    insight = _insight_read(read.peer)
    for pair in stand.routes["rate"].pairs:
        if insight in pair.peer:
            _answer(port, pair.ours)
            _answer(stand.peer.port, pair.peer)
    after = _answer(port, read.ours)
    assert after == _answer(stand.peer.port, read.peer)
    assert after != before


def test_loaded_statistics_are_those_that_the_trigger_takes_away_again(stand: Stand) -> None:
    with stand.backends.postgres.connect(database="peer") as connection:
        connection.run("BEGIN")
        connection.run("DELETE FROM insight_feedback WHERE insight_id = :insight", insight=data.insight(0))
        rows = connection.run("SELECT * FROM insight_stats WHERE insight_id = :insight", insight=data.insight(0))
        connection.run("ROLLBACK")
    assert rows is not None
    assert not any(any(row[1:]) for row in rows)


def _insight_read(request: bytes) -> bytes:
    return request.partition(b"insight_id=")[2].partition(b" ")[0]


def _answer(port: int, request: bytes) -> tuple[int, object]:
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(request)
        response = http.client.HTTPResponse(link)
        response.begin()
        return response.status, _comparable(json.loads(response.read()))


def _comparable(value: object) -> object:
    """Times as times, however they are written; numbers to the digits that two ways of adding up agree on."""
    if isinstance(value, dict):
        return {name: _comparable(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_comparable(part) for part in value]
    if isinstance(value, float):
        return pytest.approx(value)
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value


def _without_own(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_without_own(part) for part in value]
    if isinstance(value, dict):
        return {name: part for name, part in value.items() if name not in OWN}
    return value
