"""The short way of a response sends what the long way sends, in one write, and leaves to the server what is special."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState
from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

from utxoiq_http import answer, worker
from utxoiq_http.answer import Answer
from utxoiq_http.bodies import BodyReader
from utxoiq_http.direct import Direct, take_body
from utxoiq_http.problems import Problem
from utxoiq_http.tolerance import Ignored
from utxoiq_persistence.records import Rating

pytestmark = pytest.mark.anyio

App = Callable[[Scope, Receive], Awaitable[Answer]]
DATE = (b"date", b"Sun, 29 Nov 2026 00:00:00 GMT")
_path: ContextVar[str | None] = ContextVar("path", default=None)
JOB = b"POST /job HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n"


class Recorder(asyncio.Transport):
    """Keeps what is written to a connection; how many requests were answered, and whether it waits for another one."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False
        self.answered = 0
        self.waits = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


async def echo(scope: Scope, receive: Receive) -> Answer:
    """Return the path and the body."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return answer.from_value(200, {"path": scope["path"], "body": body.decode()})


async def rate(scope: Scope, receive: Receive) -> Answer:
    """Return the rating that the body has, or what is wrong with it."""
    try:
        rating = await BodyReader(Rating, 60).read(dict(scope["headers"]), receive, Ignored())
    except Problem as problem:
        return answer.from_problem(problem, "request-1")
    return answer.from_value(200, {"rating": rating.rating})


async def rate_by_messages(scope: Scope, receive: Receive) -> Answer:
    async def wait() -> Message:
        return await receive()

    return await rate(scope, wait)


async def nothing(scope: Scope, receive: Receive) -> Answer:
    return answer.empty()


async def unchanged(scope: Scope, receive: Receive) -> Answer:
    return answer.not_modified((b"etag", b'"7"'))


async def large(scope: Scope, receive: Receive) -> Answer:
    return answer.from_json(200, b"[" + b"1, " * 100_000 + b"1]")


async def late(scope: Scope, receive: Receive) -> Answer:
    """Give a body up that does not come, and the connection with it."""
    return answer.from_problem(Problem(408, "late", headers=[(b"connection", b"close")]), "request-1")


async def injected(scope: Scope, receive: Receive) -> Answer:
    reply = answer.from_value(200, {})
    reply.raw_headers.append((b"x-request-id", b"7\r\nset-cookie: owned"))
    return reply


def on_long_way(app: App) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def answer_by_messages(scope: Scope, receive: Receive, send: Send) -> None:
        reply = await app(scope, receive)
        await reply(scope, receive, send)

    return answer_by_messages


async def exchange(
    app: Callable[[Scope, Receive, Send], Awaitable[None]],
    *received: bytes,
    apart: bool = False,
    paused: bool = False,
    gone: bool = False,
) -> Recorder:
    """Feed a connection of the server, and return what it wrote until its requests were answered.

    apart: what is received comes while the request is answered already.
    gone: the client is, before anything is answered.
    """
    worker.set_server_options()
    config = Config(app, log_config=None, **UvicornWorker.CONFIG_KWARGS)
    state = ServerState()
    state.default_headers = [DATE]
    protocol, transport = HttpToolsProtocol(config, state, {}), Recorder()
    protocol.connection_made(transport)
    if paused:
        protocol.pause_writing()
    for data in received:
        protocol.data_received(data)
        if apart:
            await asyncio.sleep(0)
    if gone:
        transport.close()
        protocol.connection_lost(None)
    if paused:
        await asyncio.sleep(0)
        assert transport.writes == []
        protocol.resume_writing()
    while state.tasks:
        await asyncio.wait(state.tasks)
    transport.answered = state.total_requests
    transport.waits = protocol.timeout_keep_alive_task is not None
    if protocol.timeout_keep_alive_task is not None:
        protocol.timeout_keep_alive_task.cancel()
    return transport


async def framework(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("a request went on the framework's way")


@pytest.mark.parametrize(
    ("app", "received", "writes"),
    [
        (echo, [b"GET /job?a=b HTTP/1.1\r\nhost: a\r\n\r\n"], 1),
        (echo, [JOB + b"\r\n", b"12", b"34"], 1),
        (echo, [JOB + b"expect: 100-continue\r\n\r\n", b"1234"], 2),
        (echo, [b"GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n"], 2),
        (nothing, [b"DELETE /job HTTP/1.1\r\nhost: a\r\n\r\n"], 1),
        (unchanged, [b"GET /job HTTP/1.1\r\nhost: a\r\n\r\n"], 1),
        (nothing, [JOB + b"\r\n", b"12"], 1),
        (large, [b"GET /jobs HTTP/1.1\r\nhost: a\r\n\r\n"], 1),
        (late, [JOB + b"\r\n", b"12"], None),
        (echo, [b"HEAD /job HTTP/1.1\r\nhost: a\r\n\r\n"], None),
        (echo, [b"GET /job HTTP/1.0\r\nhost: a\r\n\r\n"], None),
        (echo, [b"GET /job HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"], None),
    ],
    ids=[
        "GET",
        "in parts",
        "expected",
        "pipelined",
        "204",
        "304",
        "unread",
        "large",
        "late",
        "HEAD",
        "1.0",
        "the last",
    ],
)
async def test_both_ways_send_the_same(app: App, received: list[bytes], writes: int | None) -> None:
    short = await exchange(Direct(app, framework), *received)
    long = await exchange(on_long_way(app), *received)

    assert b"".join(short.writes) == b"".join(long.writes)
    assert (short.closed, short.answered, short.waits) == (long.closed, long.answered, long.waits)
    assert DATE[1] in b"".join(short.writes)
    if writes is not None:
        assert len(short.writes) == writes < len(long.writes)


async def test_a_request_inherits_nothing_of_the_one_before_on_its_connection() -> None:
    inherited = []

    async def remember(scope: Scope, receive: Receive) -> Answer:
        inherited.append(_path.get())
        _path.set(scope["path"])
        return answer.empty()

    await exchange(Direct(remember, framework), b"GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n")
    assert inherited == [None, None]


RATING = b'{"insight_id": "i", "rating": 4}'
RATE = b"POST /rate HTTP/1.1\r\nhost: a\r\n"


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(
    ("received", "status"),
    [
        ([RATE + b"content-length: 32\r\n\r\n", RATING[:10], RATING[10:]], b"200"),
        ([RATE + b"content-length: 32\r\nexpect: 100-continue\r\n\r\n", RATING], b"200"),
        ([RATE + b"transfer-encoding: chunked\r\n\r\n20\r\n", RATING, b"\r\n0\r\n\r\n"], b"200"),
        ([RATE + b"transfer-encoding: chunked\r\n\r\n40\r\n", b" " * 64, b"\r\n0\r\n\r\n"], b"413"),
        ([RATE + b"transfer-encoding: chunked\r\n\r\n11170\r\n" + b" " * 70_000, b"\r\n0\r\n\r\n"], b"413"),
        ([RATE + b"content-length: 0\r\n\r\n"], b"400"),
        ([2 * (RATE + b"content-length: 32\r\n\r\n" + RATING)], b"200"),
    ],
    ids=["by its length", "expected", "in chunks", "too long", "more than is read at once", "empty", "pipelined"],
)
async def test_a_body_that_is_there_is_read_like_one_that_is_waited_for(
    received: list[bytes], status: bytes, apart: bool
) -> None:
    taken = await exchange(Direct(rate, framework), *received, apart=apart)
    waited = await exchange(Direct(rate_by_messages, framework), *received, apart=apart)
    assert taken.writes[-1] == waited.writes[-1]
    assert taken.writes[-1].startswith(b"HTTP/1.1 " + status)
    assert (taken.closed, taken.answered, taken.waits) == (waited.closed, waited.answered, waited.waits)
    assert taken.reading


async def test_who_sent_a_body_without_waiting_is_not_told_to_go_on() -> None:
    request = RATE + b"content-length: 32\r\nexpect: 100-continue\r\n\r\n" + RATING
    assert len((await exchange(Direct(rate, framework), request)).writes) == 1


async def test_a_body_is_taken_when_all_of_it_has_come() -> None:
    found = []

    async def take(scope: Scope, receive: Receive) -> Answer:
        found.append(take_body(receive))
        return answer.empty()

    await exchange(Direct(take, framework), JOB + b"\r\n12", b"34")
    await exchange(Direct(take, framework), JOB + b"\r\n12", b"34", apart=True)
    await exchange(Direct(take, framework), JOB + b"\r\n12", b"34", gone=True)
    assert found == [b"1234", None, None]


async def test_a_client_that_is_slow_to_read_is_waited_for() -> None:
    request = b"GET /jobs HTTP/1.1\r\nhost: a\r\n\r\n"
    paused = await exchange(Direct(large, framework), request, paused=True)
    assert b"".join(paused.writes) == b"".join((await exchange(Direct(large, framework), request)).writes)


async def test_a_header_that_would_end_its_line_is_refused_by_the_server() -> None:
    refused = await exchange(Direct(injected, framework), b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert refused.writes == []
    assert refused.closed


async def test_the_servers_start_is_left_to_the_framework() -> None:
    seen = []

    async def take(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: object) -> None:
        raise AssertionError(message)

    await Direct(echo, take)({"type": "lifespan"}, receive, send)
    assert seen == ["lifespan"]
