"""Passes requests on to a process, and its answers back, unchanged but for what concerns one connection only."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from local_cloud.serving.listener import SERVER, origin_form
from local_cloud.serving.platform_error import PlatformError

MAX_BODY = 32 * 2**20
# Small bodies are passed on whole: fewer system calls.
SMALL = 64 * 2**10
# Functions keep a connection for longer than this, so that a request never meets one that is being closed.
KEEPALIVE_SECONDS = 60.0
# Within which a body arrives, however little comes at a time.
BODY_SECONDS = 60.0
RETRY_AFTER = {"Retry-After": "1"}

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What the client would add on its own account.
NOT_ADDED = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


def open_session(socket: Path | None = None, tls: ssl.SSLContext | None = None) -> aiohttp.ClientSession:
    """Return a client session that adds nothing of its own to requests and follows nothing.

    socket: of the process that all its requests go to, whatever host their URLs name. tls: what it trusts.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS, ssl=tls or True)
        if socket is None
        else aiohttp.UnixConnector(str(socket), limit=0, keepalive_timeout=KEEPALIVE_SECONDS),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=NOT_ADDED,
        raise_for_status=False,
    )


async def forward(
    request: web.BaseRequest,
    origin: str,
    headers: CIMultiDict[str],
    session: aiohttp.ClientSession,
    timeout: float,  # noqa: ASYNC109
    max_body: float = MAX_BODY,
) -> web.StreamResponse:
    """Pass a request on and return the answer. origin: http://host:port. timeout: seconds. max_body: bytes.

    Raises PlatformError: 408 for a body that takes too long, 413 for one over the limit, 504 if no answer comes in
    time, 503 without a process.
    """
    body = await _read_body(request, max_body)
    started: web.StreamResponse | None = None
    try:
        async with session.request(
            request.method,
            URL(origin + origin_form(request), encoded=True),
            headers=headers,
            data=body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout),
        ) as answer:
            answer_headers = without_hop_by_hop(answer.headers)
            if (answer.content_length or SMALL + 1) <= SMALL or answer.content_length == 0:
                content = b"" if request.method == "HEAD" else await answer.read()
                return _answer_whole(request, answer, answer_headers, content)
            answer_headers["Server"] = SERVER
            started = web.StreamResponse(status=answer.status, reason=answer.reason, headers=answer_headers)
            await started.prepare(request)
            async for chunk in answer.content.iter_any():
                await started.write(chunk)
            await started.write_eof()
            return started
    except TimeoutError:
        _abort_started(request, started)
        raise PlatformError(504, f"the function did not answer within its {timeout:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        _abort_started(request, started)
        if isinstance(error.__cause__, _TooLarge):
            raise _too_large() from None
        if isinstance(error.__cause__, _TooSlow):
            raise _too_slow() from None
        raise PlatformError(
            503, "the function's process ended, or closed the connection; try again", RETRY_AFTER
        ) from error


def without_hop_by_hop(headers: "CIMultiDictProxy[str] | CIMultiDict[str]") -> CIMultiDict[str]:
    """Return headers without those that concern one connection only, those that Connection names included."""
    named = {name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(",")}
    left_out = HOP_BY_HOP | named
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in left_out)


class _TooLarge(Exception):
    pass


class _TooSlow(Exception):
    pass


async def _read_body(request: web.BaseRequest, most: float) -> bytes | AsyncIterator[bytes] | None:
    if not request.body_exists:
        return None
    length = request.content_length
    if length is not None and length > most:
        raise _too_large()
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if length is not None and length <= SMALL:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await request.content.read(-1)
        except TimeoutError:
            raise _too_slow() from None
    return _limit_body(request, most)


async def _limit_body(request: web.BaseRequest, most: float) -> AsyncIterator[bytes]:
    total = 0
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await request.content.readany()
        except TimeoutError:
            raise _TooSlow from None
        if not chunk:
            return
        total += len(chunk)
        if total > most:
            raise _TooLarge
        yield chunk


def _too_slow() -> PlatformError:
    return PlatformError(408, f"the body did not arrive within {BODY_SECONDS:g} s", {"Connection": "close"})


def _too_large() -> PlatformError:
    return PlatformError(413, f"the body is larger than the {MAX_BODY // 2**20} MiB that a function takes")


def _answer_whole(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, headers: CIMultiDict[str], content: bytes
) -> web.Response:
    if request.method != "HEAD":
        headers.popall("Content-Length", None)
    return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=content)


def _abort_started(request: web.BaseRequest, started: web.StreamResponse | None) -> None:
    """Cut the connection of an answer that has begun, so that the client sees that it is not whole."""
    if started is not None and request.transport is not None:
        request.transport.abort()
        raise asyncio.CancelledError
