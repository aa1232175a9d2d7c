"""Google's REST APIs, as far as this machine stands for them: one address, a route a call."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

from local_cloud.google.api_error import ApiError
from local_cloud.serving.listener import HOSTS, SERVER, bind

MAX_BODY = 32 * 2**20
# What Google's APIs call a status of HTTP.
CODES = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED", 405: "UNIMPLEMENTED"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class GoogleApis:
    """Serves the routes of all APIs on 127.0.0.1, to programs of this machine only."""

    def __init__(self, port: int, routes: Iterable[web.AbstractRouteDef]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._application = web.Application(middlewares=[_answer_as_google], client_max_size=MAX_BODY)
        self._application.add_routes(routes)
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        self._runner = web.AppRunner(self._application, handle_signals=False, access_log=None, shutdown_timeout=1.0)
        await bind(self._runner, self._port)

    async def close(self) -> None:
        """Stop listening, and give requests a second to end."""
        if self._runner is not None:
            await self._runner.cleanup()


@web.middleware
async def _answer_as_google(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _check_caller(request)
        response = await handler(request)
    except ApiError as error:
        response = _error(error.status, error.message, error.reason)
    except web.HTTPException as error:
        response = _error(error.status, f"the local Google APIs have no {request.method} {request.path}")
    if not response.prepared:
        response.headers["Server"] = SERVER
    return response


def _check_caller(request: web.Request) -> None:
    """Refuse web pages: nobody signs in here, and none may read logs or delete a database. Raises ApiError."""
    if "Origin" in request.headers or request.url.host not in HOSTS:
        raise ApiError(403, "the local Google APIs are for programs of this machine, and not for web pages")


def _error(status: int, message: str, reason: str | None = None) -> web.Response:
    error: dict[str, Any] = {"code": status, "message": message, "status": CODES.get(status, "UNKNOWN")}
    if reason is not None:
        error["errors"] = [{"message": message, "domain": "global", "reason": reason}]
    return web.json_response({"error": error}, status=status)
