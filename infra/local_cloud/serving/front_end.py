"""What Google puts in front of a function: its URL, IAM, limits, headers, and the way to its process."""

import asyncio
import ipaddress
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from local_cloud.google.iam import ANYBODY, Bindings
from local_cloud.google.issuer import Issuer
from local_cloud.google.logging.request_log import RequestLog
from local_cloud.google.metrics.traffic import Traffic
from local_cloud.processes.function_process import HEALTH_PATH
from local_cloud.processes.server import ServerFailed
from local_cloud.serving.invoker import check_invoker
from local_cloud.serving.listener import listen
from local_cloud.serving.platform_error import PlatformError
from local_cloud.serving.proxy import RETRY_AFTER, forward, without_hop_by_hop

# What stands for the process in URLs: its session knows where it listens.
PROCESS = "http://localhost"
PROBE_TIMEOUT = aiohttp.ClientTimeout(total=5)
# How long a request waits for a place before it is turned away, as on Cloud Run.
PENDING_SECONDS = 10.0
# What Cloud Run counts as no request of the revision: refused by IAM, or for want of a place.
NOT_REACHING = frozenset({401, 403, 429})
# The health of a function without a process: it was well when it last had one. Whoever asks for more wakes it.
RESTING = {"status": "healthy", "resting": True}
CLOUD_TRACE = re.compile(r"([0-9a-fA-F]{32})(?:/(\d+))?(?:;o=([01]))?")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class FrontEnd:
    """Stands in front of a function's process.

    audience: of the tokens that it takes, besides its own URL. concurrency: requests at once. session: to the process;
    it is closed with this. log: of all requests. traffic: counts those that reach the function, or should have.
    """

    def __init__(
        self,
        name: str,
        port: int,
        *,
        audience: str,
        concurrency: int,
        timeout: float,
        bindings: Bindings,
        google: Issuer,
        session: aiohttp.ClientSession,
        log: RequestLog,
    ) -> None:
        self.name = name
        self.traffic = Traffic()
        self.url = f"http://127.0.0.1:{port}"
        self.audience = audience
        self.concurrency = concurrency
        self.timeout = timeout
        # Whether the process takes requests.
        self.serves: Callable[[], bool] = lambda: False
        # Whether there is no process until it is woken, and what wakes it.
        self.rests: Callable[[], bool] = lambda: False
        self.wake: Callable[[], Awaitable[None]] = _nothing_to_wake
        self._in_hand = 0
        self._last_used = time.monotonic()
        self._port = port
        self._bindings = bindings
        self._google = google
        self._session = session
        self._log = log
        self._places = asyncio.Semaphore(concurrency)
        self._runner: web.ServerRunner | None = None

    @property
    def public(self) -> bool:
        """Return whether anybody may call the function."""
        return ANYBODY in self.invokers

    @property
    def invokers(self) -> frozenset[str]:
        """Return who may call the function."""
        return self._bindings.invokers(self.name)

    def unused_for(self) -> float:
        """Return the seconds since the last request was answered; 0 while one is being answered."""
        return 0.0 if self._in_hand else time.monotonic() - self._last_used

    async def open(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        self._runner = await listen(self.handle, self._port)

    async def close(self) -> None:
        """Stop listening, and give requests a second to end."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self._session.close()

    async def ask(self, path: str) -> tuple[int, Any]:
        """Return what the process itself answers, past IAM, as the platform asks: the status, and JSON or a reason."""
        try:
            await self.wake()
        except ServerFailed as failure:
            return 503, str(failure)
        if not self.serves():
            return 503, None
        try:
            async with self._session.get(f"{PROCESS}{path}", timeout=PROBE_TIMEOUT) as answer:
                return answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return 503, str(error)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the function's answer. Raises PlatformError for what the platform answers itself."""
        began = time.perf_counter()
        trace = read_trace(request.headers)
        try:
            response = await self._handle(request, trace)
        except PlatformError as problem:
            seconds = time.perf_counter() - began
            if problem.status not in NOT_REACHING:
                self.traffic.add(problem.status, seconds)
            self._log.answered(request, problem.status, seconds, trace.id, detail=problem.detail)
            raise
        seconds = time.perf_counter() - began
        self.traffic.add(response.status, seconds)
        self._log.answered(request, response.status, seconds, trace.id, size=response.content_length or 0)
        return response

    async def _handle(self, request: web.BaseRequest, trace: "Trace") -> web.StreamResponse:
        check_invoker(request.headers, self.invokers, frozenset({self.url, self.audience}), self._google)
        if self.rests() and _asks_for_health(request):
            return web.json_response(RESTING)
        self._in_hand += 1
        try:
            return await self._pass_on(request, trace)
        finally:
            self._in_hand -= 1
            self._last_used = time.monotonic()

    async def _pass_on(self, request: web.BaseRequest, trace: "Trace") -> web.StreamResponse:
        try:
            await self.wake()
        except ServerFailed as failure:
            raise PlatformError(503, f"{failure}; try again", RETRY_AFTER) from None
        if not self.serves():
            raise PlatformError(503, f"the process of {self.name} is being started; try again", RETRY_AFTER)
        headers = self._headers(request, trace)
        await self._acquire_place()
        try:
            return await forward(request, PROCESS, headers, self._session, self.timeout)
        finally:
            self._places.release()

    async def _acquire_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(PENDING_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            detail = f"{self.name} is busy with {self.concurrency} requests, as many as one instance takes; try again"
            raise PlatformError(429, detail, RETRY_AFTER) from None

    def _headers(self, request: web.BaseRequest, trace: "Trace") -> CIMultiDict[str]:
        headers = without_hop_by_hop(request.headers)
        headers.popall("Expect", None)
        client = request.remote or "127.0.0.1"
        before = headers.get("X-Forwarded-For")
        headers["X-Forwarded-For"] = f"{before},{client}" if before else client
        headers["X-Forwarded-Proto"] = "http"
        headers["Forwarded"] = f"for={_format_node(client)};proto=http"
        headers["X-Cloud-Trace-Context"] = f"{trace.id}/{trace.span};o={trace.sampled}"
        headers["traceparent"] = f"00-{trace.id}-{trace.span:016x}-{trace.sampled:02x}"
        if not self.public:
            # The function is told who calls, not handed what would let it call as them.
            head, _, _ = headers["Authorization"].rpartition(".")
            headers["Authorization"] = f"{head}.SIGNATURE_REMOVED_BY_GOOGLE"
        return headers


class Trace(NamedTuple):
    """The trace of a request. sampled: 1 or 0."""

    id: str
    span: int
    sampled: int


def read_trace(headers: "CIMultiDict[str] | CIMultiDictProxy[str]") -> Trace:
    """Return the trace of the caller's headers, or a new one."""
    standard = TRACEPARENT.fullmatch(headers.get("traceparent", "").strip())
    if standard is not None:
        return Trace(standard[1], int(standard[2], 16), int(standard[3], 16) & 1)
    google = CLOUD_TRACE.match(headers.get("X-Cloud-Trace-Context", ""))
    if google is not None:
        span = int(google[2] or secrets.randbits(63)) & (2**64 - 1)
        return Trace(google[1].lower(), span, int(google[3] or 0))
    return Trace(secrets.token_hex(16), secrets.randbits(63), 0)


def _asks_for_health(request: web.BaseRequest) -> bool:
    return request.method in ("GET", "HEAD") and request.rel_url.raw_path == HEALTH_PATH


async def _nothing_to_wake() -> None:
    return


def _format_node(client: str) -> str:
    address = ipaddress.ip_address(client)
    return f'"[{address}]"' if address.version == 6 else str(address)
