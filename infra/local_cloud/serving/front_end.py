"""What Google puts in front of a function: its URL, IAM, limits, headers, and the way to its process."""

import asyncio
import ipaddress
import re
import secrets
import time
from collections.abc import Callable

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from local_cloud.google.iam import ANYBODY, Bindings
from local_cloud.google.issuer import Issuer
from local_cloud.google.logging.request_log import RequestLog
from local_cloud.google.metrics.traffic import Traffic
from local_cloud.serving.invoker import check_invoker
from local_cloud.serving.listener import listen
from local_cloud.serving.platform_error import PlatformError
from local_cloud.serving.proxy import RETRY_AFTER, forward, without_hop_by_hop

# How long a request waits for a place before it is turned away, as on Cloud Run.
PENDING_SECONDS = 10.0
# What Cloud Run counts as no request of the revision: refused by IAM, or for want of a place.
NOT_REACHING = frozenset({401, 403, 429})
CLOUD_TRACE = re.compile(r"([0-9a-fA-F]{32})(?:/(\d+))?(?:;o=([01]))?")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class FrontEnd:
    """Stands in front of a function's process.

    audience: of the tokens that it takes, besides its own URL. concurrency: requests at once. log: of the requests that
    it answers itself. traffic: counts those that reach the function, or should have.
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
        # Where the process listens; None while it does not.
        self.origin: Callable[[], str | None] = lambda: None
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

    async def open(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        self._runner = await listen(self.handle, self._port)

    async def close(self) -> None:
        """Stop listening, and give requests a second to end."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the function's answer. Raises PlatformError for what the platform answers itself."""
        began = time.perf_counter()
        try:
            response = await self._handle(request)
        except PlatformError as problem:
            seconds = time.perf_counter() - began
            if problem.status not in NOT_REACHING:
                self.traffic.add(problem.status, seconds)
            trace, _, _ = read_trace(request.headers)
            self._log.answered(request, problem.status, problem.detail, seconds, trace)
            raise
        self.traffic.add(response.status, time.perf_counter() - began)
        return response

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        check_invoker(request.headers, self.invokers, frozenset({self.url, self.audience}), self._google)
        origin = self.origin()
        if origin is None:
            raise PlatformError(503, f"the process of {self.name} is being started; try again", RETRY_AFTER)
        headers = self._headers(request)
        await self._acquire_place()
        try:
            return await forward(request, origin, headers, self._session, self.timeout)
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

    def _headers(self, request: web.BaseRequest) -> CIMultiDict[str]:
        headers = without_hop_by_hop(request.headers)
        headers.popall("Expect", None)
        client = request.remote or "127.0.0.1"
        before = headers.get("X-Forwarded-For")
        headers["X-Forwarded-For"] = f"{before},{client}" if before else client
        headers["X-Forwarded-Proto"] = "http"
        headers["Forwarded"] = f"for={_format_node(client)};proto=http"
        trace, span, sampled = read_trace(headers)
        headers["X-Cloud-Trace-Context"] = f"{trace}/{span};o={sampled}"
        headers["traceparent"] = f"00-{trace}-{span:016x}-{sampled:02x}"
        if not self.public:
            # The function is told who calls, not handed what would let it call as them.
            head, _, _ = headers["Authorization"].rpartition(".")
            headers["Authorization"] = f"{head}.SIGNATURE_REMOVED_BY_GOOGLE"
        return headers


def read_trace(headers: "CIMultiDict[str] | CIMultiDictProxy[str]") -> tuple[str, int, int]:
    """Return the trace, the span and whether it is sampled: of the caller's headers, or new."""
    standard = TRACEPARENT.fullmatch(headers.get("traceparent", "").strip())
    if standard is not None:
        return standard[1], int(standard[2], 16), int(standard[3], 16) & 1
    google = CLOUD_TRACE.match(headers.get("X-Cloud-Trace-Context", ""))
    if google is not None:
        return google[1].lower(), int(google[2] or secrets.randbits(63)) & (2**64 - 1), int(google[3] or 0)
    return secrets.token_hex(16), secrets.randbits(63), 0


def _format_node(client: str) -> str:
    address = ipaddress.ip_address(client)
    return f'"[{address}]"' if address.version == 6 else str(address)
