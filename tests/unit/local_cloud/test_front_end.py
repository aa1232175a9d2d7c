"""What a function sees of a request, and a client of an answer, with the platform between them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from local_cloud.google.iam import Bindings
from local_cloud.google.issuer import Issuers
from local_cloud.google.logging.request_log import RequestLog
from local_cloud.processes.server import ServerFailed, free_port
from local_cloud.serving.front_end import FrontEnd, read_trace
from local_cloud.serving.listener import SERVER
from local_cloud.serving.proxy import KEEPALIVE_SECONDS, MAX_BODY, open_session
from local_cloud.state import State
from utxoiq_http.worker import IDLE_SECONDS

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
DEPLOYER = "deployer@shop.iam.gserviceaccount.com"
AUDIENCE = "https://audience"


class Served:
    def __init__(self, front_end: FrontEnd, client: aiohttp.ClientSession, issuers: Issuers, log: Path) -> None:
        self.front_end = front_end
        self.log = log
        self.client = client
        self.issuers = issuers
        self.url = front_end.url


@asynccontextmanager
async def served(
    folder: Path,
    function: Handler,
    *,
    public: bool = True,
    concurrency: int = 10,
    seconds: float = 60.0,
) -> AsyncIterator[Served]:
    bindings = Bindings()
    bindings.add("function/shop", "roles/run.invoker", "allUsers" if public else f"serviceAccount:{DEPLOYER}")
    log = folder / "requests.log"
    process = web.ServerRunner(web.Server(function, handler_cancellation=True, auto_decompress=False))
    await process.setup()
    await web.UnixSite(process, str(folder / "process")).start()
    issuers = Issuers(State(folder), "http://127.0.0.1")
    async with open_session(folder / "process") as session, aiohttp.ClientSession(auto_decompress=False) as client:
        front_end = FrontEnd(
            "shop",
            free_port(),
            audience=AUDIENCE,
            concurrency=concurrency,
            timeout=seconds,
            bindings=bindings,
            google=issuers.google,
            session=session,
            log=RequestLog(log, "shop"),
        )
        front_end.serves = lambda: True
        await front_end.open()
        try:
            yield Served(front_end, client, issuers, log)
        finally:
            await front_end.close()
            await process.cleanup()


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    body = await request.content.read()
    seen = {"method": request.method, "path": request.raw_path, "body": len(body), "headers": dict(request.headers)}
    return web.json_response(seen, headers={"X-Own": "kept", "Connection": "X-Hop", "X-Hop": "dropped"})


def test_answers_of_every_length_tell_no_version(tmp_path: Path) -> None:
    async def long(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"x" * 2**20)

    async def scenario() -> None:
        for function, public in ((echo, True), (long, True), (echo, False)):
            async with (
                served(tmp_path, function, public=public) as it,
                it.client.get(it.url) as answer,
            ):
                assert answer.headers["Server"] == SERVER

    asyncio.run(scenario())


def test_paths_bodies_and_headers_pass_unchanged(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, echo) as shop:
            url = URL(f"{shop.url}/a%2Fb/%C3%A9?q=1%2B1&q=", encoded=True)
            headers = {"X-Forwarded-For": "203.0.113.9", "Connection": "X-Mine", "X-Mine": "dropped"}
            async with shop.client.post(url, data=b"x" * 100_000, headers=headers) as answer:
                seen = await answer.json()
                assert "X-Hop" not in answer.headers
                assert answer.headers["X-Own"] == "kept"
        assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/a%2Fb/%C3%A9?q=1%2B1&q=", 100_000)
        assert seen["headers"]["X-Forwarded-For"] == "203.0.113.9,127.0.0.1"
        assert "X-Mine" not in seen["headers"]

    asyncio.run(scenario())


def test_an_answer_to_head_has_the_length_and_no_body(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, echo) as shop:
            async with shop.client.get(shop.url) as answer:
                length = len(await answer.read())
            async with shop.client.head(shop.url) as answer:
                assert abs(int(answer.headers["Content-Length"]) - length) < 5  # the method's name is in the body
                assert await answer.read() == b""

    asyncio.run(scenario())


def test_not_modified_stays_empty_and_the_connection_good(tmp_path: Path) -> None:
    async def not_modified(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=304, headers={"ETag": '"1"'})

    async def scenario() -> None:
        async with served(tmp_path, not_modified) as shop:
            for _ in range(3):
                async with shop.client.get(shop.url) as answer:
                    assert (answer.status, answer.headers["ETag"], await answer.read()) == (304, '"1"', b"")

    asyncio.run(scenario())


def test_a_stream_arrives_as_it_is_written(tmp_path: Path) -> None:
    async def scenario() -> None:
        more = asyncio.Event()

        async def stream(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"first")
            await more.wait()
            await response.write(b"second")
            return response

        async with served(tmp_path, stream) as shop, shop.client.get(shop.url) as answer:
            assert await answer.content.readexactly(5) == b"first"
            more.set()
            assert await answer.content.read() == b"second"

    asyncio.run(scenario())


def test_an_answer_that_breaks_off_is_not_passed_on_as_whole(tmp_path: Path) -> None:
    async def breaks(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    async def scenario() -> None:
        async with served(tmp_path, breaks) as shop:
            try:
                async with shop.client.get(shop.url) as answer:
                    await answer.read()
            except aiohttp.ClientError:
                return
            raise AssertionError("half an answer was passed on as whole")

    asyncio.run(scenario())


def test_a_client_that_leaves_ends_the_request(tmp_path: Path) -> None:
    async def scenario() -> None:
        began, ended = asyncio.Event(), asyncio.Event()

        async def waits(request: web.BaseRequest) -> web.StreamResponse:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return web.Response()

        async with served(tmp_path, waits) as shop:
            request = asyncio.create_task(shop.client.get(shop.url).__aenter__())
            await began.wait()
            request.cancel()
            async with asyncio.timeout(60):
                await ended.wait()

    asyncio.run(scenario())


def test_a_function_that_takes_too_long_is_cut_off(tmp_path: Path) -> None:
    async def waits(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    async def scenario() -> None:
        async with served(tmp_path, waits, seconds=0.2) as shop, shop.client.get(shop.url) as answer:
            assert answer.status == 504
            assert answer.content_type == "application/problem+json"

    asyncio.run(scenario())


def test_no_more_requests_at_once_than_declared(tmp_path: Path) -> None:
    async def scenario() -> None:
        at_once: list[int] = []
        running = 0

        async def counts(request: web.BaseRequest) -> web.StreamResponse:
            nonlocal running
            running += 1
            at_once.append(running)
            await asyncio.sleep(0.01)
            running -= 1
            return web.Response()

        async def get(shop: Served) -> int:
            async with shop.client.get(shop.url) as answer:
                return answer.status

        async with served(tmp_path, counts, concurrency=2) as shop:
            assert set(await asyncio.gather(*(get(shop) for _ in range(10)))) == {200}
        assert max(at_once) == 2

    asyncio.run(scenario())


def test_a_body_over_the_limit_is_refused_with_and_without_its_length(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 2**20 + 1):
            yield bytes(2**20)

    async def scenario() -> None:
        async with served(tmp_path, echo) as shop:
            async with shop.client.post(shop.url, data=pieces()) as answer:
                assert answer.status == 413
            async with shop.client.post(shop.url, headers={"Content-Length": str(MAX_BODY + 1)}) as answer:
                assert answer.status == 413

    asyncio.run(scenario())


def test_without_a_process_the_client_is_told_to_come_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, echo) as shop:
            shop.front_end.serves = lambda: False
            async with shop.client.get(shop.url) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            shop.front_end.serves = lambda: True
            (tmp_path / "process").unlink()
            async with shop.client.get(shop.url) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")

    asyncio.run(scenario())


def test_a_private_function_never_sees_a_token_that_it_could_use(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, echo, public=False) as shop:
            token = shop.issuers.account_token(DEPLOYER, AUDIENCE, 60)
            async with shop.client.get(shop.url, headers={"Authorization": f"Bearer {token}"}) as answer:
                seen = json.loads(await answer.text())["headers"]["Authorization"]
            assert seen == f"Bearer {token.rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE"
            async with shop.client.get(shop.url) as answer:
                assert answer.status == 401

    asyncio.run(scenario())


def test_requests_are_counted_by_what_was_answered(tmp_path: Path) -> None:
    async def answers(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=404 if request.path == "/none" else 200)

    async def scenario() -> None:
        async with served(tmp_path, answers) as shop:
            for path in ("/", "/", "/none"):
                async with shop.client.get(shop.url + path):
                    pass
            shop.front_end.serves = lambda: False
            async with shop.client.get(shop.url):
                pass
            counted = shop.front_end.traffic.take()
            assert {status: found.count for status, found in counted.items()} == {200: 2, 404: 1, 503: 1}
            assert all(sum(found.counts) == found.count and found.total > 0 for found in counted.values())
            assert shop.front_end.traffic.take() == {}

    asyncio.run(scenario())


def test_the_platform_logs_each_request_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, echo, public=False) as shop:
            async with shop.client.get(f"{shop.url}/a?token=secret", headers={"Authorization": "Bearer secret"}):
                pass
            token = shop.issuers.account_token(DEPLOYER, AUDIENCE, 60)
            trace = "0af7651916cd43dd8448eb211c80319c"
            headers = {"Authorization": f"Bearer {token}", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
            async with shop.client.get(shop.url, headers=headers) as answer:
                length = len(await answer.read())
            written = shop.log.read_text()
            assert "secret" not in written
            assert token not in written
            refused, served_one = map(json.loads, written.splitlines())
            assert (refused["severity"], refused["httpRequest"]["status"]) == ("WARNING", 401)
            assert refused["httpRequest"]["requestUrl"] == "/a"
            assert refused["textPayload"]
            assert (served_one["severity"], served_one["httpRequest"]["status"]) == ("INFO", 200)
            assert served_one["httpRequest"]["responseSize"] == str(length)
            assert served_one["trace"] == f"projects/shop/traces/{trace}"
            # As Cloud Run counts: what IAM refuses is no request of the revision.
            assert set(shop.front_end.traffic.take()) == {200}

    asyncio.run(scenario())


def test_the_callers_trace_goes_on() -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    standard = CIMultiDict({"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert read_trace(standard) == (trace, 0x00F067AA0BA902B7, 1)
    assert read_trace(CIMultiDict({"X-Cloud-Trace-Context": f"{trace}/123;o=1"})) == (trace, 123, 1)
    assert len(read_trace(CIMultiDict({"X-Cloud-Trace-Context": "nonsense"}))[0]) == 32


def test_a_name_that_somebody_else_pointed_here_reaches_no_function(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, echo) as shop:
            for host in ("localhost", "127.0.0.1", "[::1]"):
                async with shop.client.get(shop.url, headers={"Host": f"{host}:1"}) as answer:
                    assert answer.status == 200
            async with shop.client.get(shop.url, headers={"Host": "elsewhere.example"}) as answer:
                assert answer.status == 403
                assert "elsewhere.example" in (await answer.json())["detail"]

    asyncio.run(scenario())


def test_a_function_that_rests_is_woken_by_a_request_and_not_by_a_look_at_its_health(tmp_path: Path) -> None:
    woken: list[str] = []

    async def scenario() -> None:
        async with served(tmp_path, echo) as shop:

            async def wake() -> None:
                woken.append("woken")

            shop.front_end.rests = lambda: not woken
            shop.front_end.wake = wake
            async with shop.client.get(f"{shop.url}/health") as answer:
                assert (answer.status, await answer.json()) == (200, {"status": "healthy", "resting": True})
            assert woken == []
            for path in ("/rate", "/health"):
                async with shop.client.get(f"{shop.url}{path}") as answer:
                    assert (await answer.json())["path"] == path
        assert woken == ["woken"] * 2  # who does not rest is not started by it

    asyncio.run(scenario())


def test_a_function_that_does_not_start_is_unavailable(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, echo) as shop:

            async def wake() -> None:
                raise ServerFailed("shop does not start")

            shop.front_end.wake = wake
            async with shop.client.get(shop.url) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")

    asyncio.run(scenario())


def test_a_function_is_in_use_until_its_last_request_is_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        asked, go = asyncio.Event(), asyncio.Event()

        async def slow(_: web.BaseRequest) -> web.StreamResponse:
            asked.set()
            await go.wait()
            return web.Response()

        async with served(tmp_path, slow) as shop:
            unused = shop.front_end.unused_for()
            asking = asyncio.create_task(shop.client.get(shop.url))
            await asked.wait()
            assert (unused > 0, shop.front_end.unused_for()) == (True, 0)
            go.set()
            (await asking).release()
            assert shop.front_end.unused_for() > 0

    asyncio.run(scenario())


@pytest.mark.parametrize("length", ["Content-Length: 50", f"Content-Length: {2**20}", "Transfer-Encoding: chunked"])
def test_a_body_that_trickles_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: str) -> None:
    monkeypatch.setattr("local_cloud.serving.proxy.BODY_SECONDS", 0.2)
    piece = b"1\r\nx\r\n" if "chunked" in length else b"x"

    async def scenario() -> bytes:
        async with served(tmp_path, echo, seconds=30) as shop:
            url = URL(shop.url)
            reader, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}\r\n\r\n".encode())
            answer = asyncio.create_task(reader.readline())
            while not answer.done():
                writer.write(piece)
                await asyncio.wait({answer}, timeout=0.05)
            writer.close()
            return await answer

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 408 ")


async def post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Have one request answered on a connection, and leave it open."""
    writer.write(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\nx")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    (length,) = (line.split(b":")[1] for line in head.lower().splitlines() if line.startswith(b"content-length:"))
    await reader.readexactly(int(length))


@pytest.mark.parametrize("before", [0, 2])
def test_a_head_that_trickles_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    """The first one of a connection, and one that follows others."""
    monkeypatch.setattr("local_cloud.serving.connections.HEAD_SECONDS", 0.2)

    async def scenario() -> bytes:
        async with served(tmp_path, echo, seconds=30) as shop:
            url = URL(shop.url)
            reader, writer = await asyncio.open_connection(url.host, url.port)
            for _ in range(before):
                await post(reader, writer)
            writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ")
            answer = asyncio.create_task(reader.read())
            while not answer.done():
                writer.write(b"x")
                await asyncio.wait({answer}, timeout=0.05)
            writer.close()
            return await answer

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 408 ")


def test_a_connection_may_rest_for_longer_than_a_head_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_cloud.serving.connections.HEAD_SECONDS", 0.02)

    async def scenario() -> None:
        async with served(tmp_path, echo) as shop:
            url = URL(shop.url)
            reader, writer = await asyncio.open_connection(url.host, url.port)
            for _ in range(3):
                await post(reader, writer)
                await asyncio.sleep(0.05)
            writer.close()

    asyncio.run(scenario())


def test_who_closes_an_idle_connection_is_the_front_end() -> None:
    assert IDLE_SECONDS > KEEPALIVE_SECONDS
