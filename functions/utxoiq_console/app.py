"""The console's app: its paths, each a page that is rendered on the server."""

import gzip
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console import forms
from utxoiq_console.changes import OwnChange
from utxoiq_console.config import Settings
from utxoiq_console.page_context import Page, PageContext, see_other
from utxoiq_console.refusal import Refused
from utxoiq_console.views import api, archive, data, incident, lifecycle, log, overview
from utxoiq_http import client_address, header_lines, worker
from utxoiq_http.compression import accepts_gzip
from utxoiq_http.observability import logs as lines

_log = logging.getLogger(__name__)

# Compression of smaller responses is not worth the work.
COMPRESSED_BYTES = 1024
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # With no-referrer, browsers would send forms with the Origin null.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
}
STATIC_PATH = "/console/static/"
YEAR_SECONDS = 31_536_000


@dataclass(frozen=True)
class Pattern:
    """Has a page and its methods. `path` may end with `*`, for which the page gets what a request has there."""

    path: str
    methods: tuple[str, ...]
    page: Page

    def match_rest(self, path: str) -> str | None:
        """Return what the path has in place of `*`, an empty text if there is none; None for another path."""
        if not self.path.endswith("*"):
            return "" if path == self.path else None
        start = self.path.removesuffix("*")
        rest = path.removeprefix(start)
        return rest if path.startswith(start) and rest and "/" not in rest else None


def build_console_app(environment: Mapping[str, str]) -> "App":
    """Return the console's app. Raises ConfigurationError, which names the wrong variable."""
    worker.set_server_options()
    return App(Settings.from_environment(environment), lines.from_environment(environment))


class App:
    """Serves the console's pages."""

    def __init__(self, settings: Settings, log: lines.AccessLog) -> None:
        self._access_log = log
        self._context = PageContext(settings)
        self.opened = self._context.opened

    async def __call__(self, request: Request) -> Response:
        """Return the response to a request. Exceptions become a page that describes the problem; none is raised."""
        started = time.perf_counter()
        raw = header_lines.combine(request.scope["headers"])
        request_id = self._access_log.begin(raw)
        caller = forms.identify_caller(request.headers)
        made: list[OwnChange] = []
        request.scope.update({"utxoiq.caller": caller, "utxoiq.changes": made})
        try:
            response = await self._answer(request)
        except Refused as refusal:
            response = self._problem(request, refusal.status, str(refusal))
        except Exception:
            _log.exception("a page failed")
            detail = f"Something went wrong; it is logged under the request's id {request_id}."
            response = self._problem(request, 500, detail)
        response.headers.update({**SECURITY, "X-Request-ID": request_id})
        self._access_log.end(
            request.method,
            request.url.path,
            response.status_code,
            len(response.body),
            started,
            caller,
            address=client_address.from_request(request.scope, raw, 0),
            changes=made,
        )
        return _compressed(request, response)

    async def _answer(self, request: Request) -> Response:
        """Return the response to a request by its path. Raises Refused."""
        path = request.url.path
        if path.startswith(STATIC_PATH):
            _take(request.method, ("GET",))
            return self._static(request, path.removeprefix(STATIC_PATH))
        for pattern in PATTERNS:
            rest = pattern.match_rest(path)
            if rest is not None:
                _take(request.method, pattern.methods)
                return await pattern.page(self._context, request, rest)
        raise Refused(404, "There is no such page. The overview leads to those that there are.")

    def _static(self, request: Request, path: str) -> Response:
        """Return a file. Pages link to it below the version of all files, so a browser may keep it for ever."""
        version, _, name = path.partition("/")
        file = self._context.files.static.get(name)
        if file is None:
            raise Refused(404, "There is no such file.")
        # While a new revision starts, a page of one may ask the other for its files.
        is_own = version == self._context.files.version
        kept = f"private, max-age={YEAR_SECONDS}, immutable" if is_own else "no-store"
        headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
        if not _takes_gzip(request):
            return Response(file.content, headers=headers, media_type=file.type)
        return Response(file.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=file.type)

    def _problem(self, request: Request, status: int, detail: str) -> Response:
        return self._context.page("problem.html", request, status, title=HTTPStatus(status).phrase, detail=detail)


async def _home(_: PageContext, __: Request, ___: str) -> Response:
    return see_other("/")


async def _health(_: PageContext, __: Request, ___: str) -> Response:
    """Return `ok`: the console serves while its sources are away, and each section of a page reports its own source."""
    return Response(b'{"status":"ok","parts":{}}', media_type="application/json")


GET, POST = ("GET",), ("POST",)
PATTERNS = (
    Pattern("/", GET, overview.show),
    Pattern("/console", GET, _home),
    Pattern("/console/charts", GET, overview.show_charts),
    Pattern("/console/incidents", GET, incident.show_all),
    Pattern("/console/incidents/*", GET + POST, incident.show_one),
    Pattern("/console/data", GET, data.show_home),
    Pattern("/console/data/series", GET, data.show_series),
    Pattern("/console/data/insight", GET, data.show_insight),
    Pattern("/console/data/*", GET, data.show_table),
    Pattern("/console/jobs/*", GET, data.show_job),
    Pattern("/console/lifecycle", GET + POST, lifecycle.show),
    Pattern("/console/archive", GET + POST, archive.show),
    Pattern("/console/schedules/run", POST, lifecycle.run_schedule),
    Pattern("/console/schedules/*", GET, lifecycle.show_schedule),
    Pattern("/console/access", GET + POST, lifecycle.show_access),
    Pattern("/console/logs", GET, log.show),
    Pattern("/console/traces/*", GET, log.show_trace),
    Pattern("/console/api", GET, api.show_all),
    Pattern("/console/api/*", GET + POST, api.show_one),
    Pattern("/health", GET, _health),
)


def _take(method: str, allowed: tuple[str, ...]) -> None:
    if method not in (*allowed, *(("HEAD",) if "GET" in allowed else ())):
        raise Refused(405, f"This page takes {' and '.join(allowed)} only.")


def _takes_gzip(request: Request) -> bool:
    return accepts_gzip(request.headers.get("accept-encoding", "").encode("latin-1"))


def _compressed(request: Request, response: Response) -> Response:
    is_small = len(response.body) < COMPRESSED_BYTES
    if is_small or "Content-Encoding" in response.headers or not _takes_gzip(request):
        return response
    response.body = gzip.compress(bytes(response.body), 5)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(response.body))
    response.headers["Vary"] = "Accept-Encoding"
    return response
