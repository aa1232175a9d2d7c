"""Google's REST APIs, as far as this machine stands for them: one address, a route a call."""

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from local_cloud.serving.proxy import SERVER

MAX_BODY = 32 * 2**20
HOSTS = frozenset({"127.0.0.1", "localhost"})
# What Google's APIs call a status of HTTP.
CODES = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED", 405: "UNIMPLEMENTED"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    """What a handler raises: answered in the form of Google's errors."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class GoogleApis:
    """On 127.0.0.1. Routes come from whoever stands for an API, before it opens."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._application = web.Application(middlewares=[_as_google_answers], client_max_size=MAX_BODY)
        self._runner: web.AppRunner | None = None

    def add_routes(self, routes: Iterable[web.AbstractRouteDef]) -> None:
        self._application.add_routes(routes)

    async def open(self) -> None:
        """Raises OSError where the port is taken."""
        self._runner = web.AppRunner(self._application, handle_signals=False, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


@web.middleware
async def _as_google_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _check_program(request)
        response = await handler(request)
    except Refused as refusal:
        response = _error(refusal.status, refusal.message)
    except web.HTTPException as error:
        response = _error(error.status, f"the local Google APIs have no {request.method} {request.path}")
    if not response.prepared:
        response.headers["Server"] = SERVER
    return response


def _check_program(request: web.Request) -> None:
    """Nobody signs in here: no page that a browser happens to show may read logs or run jobs. Raises Refused."""
    if "Origin" in request.headers or request.url.host not in HOSTS:
        raise Refused(403, "the local Google APIs are for programs of this machine, and not for web pages")


def _error(status: int, message: str) -> web.Response:
    error = {"code": status, "message": message, "status": CODES.get(status, "UNKNOWN")}
    return web.json_response({"error": error}, status=status)
