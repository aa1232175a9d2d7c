"""The one way to listen: on loopback addresses, for requests by this machine's own names, without telling versions."""

import errno
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

from local_cloud.serving.connections import Server
from local_cloud.serving.platform_error import PlatformError

# Without it, aiohttp would tell its version and Python's.
SERVER = "utxoiq-local"
IPV6 = ("::1",)
HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def listen(handler: Handler, port: int, *, for_people: bool = False) -> web.ServerRunner:
    """Serve a handler, and answer a PlatformError that it raises. Raises OSError if the port is taken.

    for_people: whether to listen by IPv6 as well, since people write `localhost`, which is ::1 alone on some machines.
    """

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        try:
            origin_form(request)
            check_host(request)
            response = await handler(request)
        except PlatformError as error:
            response = error.response()
        if not response.prepared:
            response.headers["Server"] = SERVER
        return response

    server = Server(answer, handler_cancellation=True, auto_decompress=False, access_log=None)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
    await bind(runner, port, *(IPV6 if for_people and _has_ipv6() else ()))
    return runner


async def bind(runner: web.BaseRunner, port: int, *more_hosts: str) -> None:
    """Open a port of 127.0.0.1, and of other hosts, for a runner. Raises OSError if it is taken."""
    await runner.setup()
    try:
        for host in ("127.0.0.1", *more_hosts):
            await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise


def _has_ipv6() -> bool:
    """Return whether this machine has the loopback address of IPv6; containers often lack it."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((*IPV6, 0))
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return False
        raise
    return True


def origin_form(request: web.BaseRequest) -> str:
    """Return the path and query that the request is for, also where its target is a whole URL, as proxies are sent.

    Raises PlatformError for targets that are no resource of this server's.
    """
    if request.method == "CONNECT":
        raise PlatformError(405, "this is no proxy: it makes no connections to others", {"Allow": "GET, HEAD, POST"})
    target = request.raw_path
    if target.startswith("/"):
        return target
    if not target.lower().startswith(("http://", "https://")):
        raise PlatformError(400, "the request's target is a path, such as /health")
    return request.rel_url.raw_path_qs


def check_host(request: web.BaseRequest) -> None:
    """Refuse a name that somebody else has pointed at this machine (DNS rebinding). Raises PlatformError.

    A target that is a whole URL passes: no browser sends one to a server that is not its proxy.
    """
    if request.raw_path.startswith("/") and request.url.host not in HOSTS:
        raise PlatformError(403, f"this machine does not answer as {request.host}: use 127.0.0.1 or localhost")
