"""The console's app: its paths, each a page that is rendered on the server."""

import gzip
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, quote

import aiohttp
from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console import documentation, forms, logs, trial
from utxoiq_console.config import Settings
from utxoiq_console.documentation import Operation
from utxoiq_console.forms import ForgedForm, Forms
from utxoiq_console.functions import Functions
from utxoiq_console.google_apis import GoogleApis
from utxoiq_console.logs import PERIODS, SEVERITIES, LogLine, LogQuery
from utxoiq_console.overview import Overviews
from utxoiq_console.pages import TYPES, Pages
from utxoiq_console.panels import RANGES
from utxoiq_console.schedules import Schedules
from utxoiq_console.sources import Reading, Source, SourceAway
from utxoiq_console.trial import Outcome, Unfit
from utxoiq_http import client_address, header_lines, worker
from utxoiq_http.lifetime import OpenOnce
from utxoiq_http.observability import logs as lines

_log = logging.getLogger(__name__)

MAX_FORM = 256 * 1024
MAX_FIELD = 200
# Compression of smaller responses is not worth the work.
COMPRESSED_BYTES = 1024
# How many log queries are kept for the next request of the same page.
KEPT_QUERIES = 50
LOG_PATIENCE_SECONDS = 10.0
OVERVIEW_SECONDS, LOG_SECONDS = 5, 3

HTML = "text/html; charset=utf-8"
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
RUN_PATH = "/console/schedules/run"
LOGS_PATH = "/console/logs"
API_PATH = "/console/api"
STATIC_PATH = "/console/static/"


class Refused(Exception):
    """A request is refused. The text tells the reader what to do."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True)
class Opened:
    """Has the resources that are opened once per process."""

    session: aiohttp.ClientSession
    google: GoogleApis
    schedules: Schedules
    overviews: Overviews
    log_queries: dict[LogQuery, Source[list[LogLine]]]


def app_of_console(environment: Mapping[str, str]) -> "App":
    """Return the console's app. Raises ConfigurationError, which names the wrong variable."""
    worker.keep_quiet()
    return App(Settings.from_environment(environment), lines.of_environment(environment))


class App:
    """Serves the console's pages."""

    def __init__(self, settings: Settings, log: lines.AccessLog) -> None:
        self._settings = settings
        self._access_log = log
        self._pages = Pages()
        self._forms = Forms(settings.key)
        self._operations = documentation.operations(settings.resources)
        self.opened = OpenOnce(self._opening)

    async def __call__(self, request: Request) -> Response:
        """Return the response to a request. Exceptions become a page that describes the problem; none is raised."""
        started = time.perf_counter()
        raw = header_lines.combine(request.scope["headers"])
        request_id = self._access_log.begin(raw)
        caller = forms.caller_of(request.headers)
        try:
            response = await self._answer(request, caller)
        except Refused as refusal:
            response = self._problem(refusal.status, str(refusal))
        except Exception:
            _log.exception("a page failed")
            response = self._problem(500, f"Something went wrong; it is logged under the request's id {request_id}.")
        response.headers.update({**SECURITY, "X-Request-ID": request_id})
        self._access_log.end(
            request.method,
            request.url.path,
            response.status_code,
            len(response.body),
            started,
            caller,
            address=client_address.of_request(request.scope, raw, 0),
            changes=[],
        )
        return _compressed(request, response)

    @asynccontextmanager
    async def _opening(self) -> AsyncIterator[Opened]:
        google = GoogleApis(self._settings.google)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            schedules = Schedules(self._settings, google)
            overviews = Overviews(self._settings, google, Functions(self._settings, session), schedules)
            try:
                yield Opened(session, google, schedules, overviews, {})
            finally:
                google.close()

    async def _answer(self, request: Request, caller: str) -> Response:
        """Return the response to a request by its path. Raises Refused."""
        path, method = request.url.path, request.method
        if path.startswith(STATIC_PATH):
            _take(method, "GET")
            return self._static(path.removeprefix(STATIC_PATH))
        if path.startswith(f"{API_PATH}/"):
            _take(method, "GET", "POST")
            return await self._operation(request, caller, path.removeprefix(f"{API_PATH}/"))
        fixed: dict[str, tuple[str, Callable[[Request, str], Awaitable[Response]]]] = {
            "/": ("GET", self._overview),
            LOGS_PATH: ("GET", self._logs),
            API_PATH: ("GET", self._api),
            RUN_PATH: ("POST", self._run),
            "/console": ("GET", _home),
            "/health": ("GET", _health),
        }
        if path not in fixed:
            raise Refused(404, "There is no such page. The overview leads to those that there are.")
        taken, page = fixed[path]
        _take(method, taken)
        return await page(request, caller)

    async def _overview(self, request: Request, caller: str) -> Response:
        range_ = request.query_params.get("range", "1h")
        if range_ not in RANGES:
            raise Refused(404, f"There is no range {range_[:MAX_FIELD]!r}: choose {', '.join(RANGES)}.")
        opened = await self.opened.get()
        ran = request.query_params.get("ran", "")[:MAX_FIELD]
        return self._page(
            "overview.html",
            caller,
            here="/",
            every=OVERVIEW_SECONDS,
            view=await opened.overviews.read(range_),
            ranges=RANGES,
            groups=self._groups(),
            said=f"{ran} was started: its last run shows how it ended." if ran else "",
        )

    async def _run(self, request: Request, caller: str) -> Response:
        form = await self._form(request, caller)
        opened = await self.opened.get()
        name = form.get("name", "")
        _log.info("%s runs the schedule %s", caller, name[:MAX_FIELD])
        try:
            await opened.schedules.run(name)
        except SourceAway as away:
            raise Refused(502, f"{name[:MAX_FIELD]} was not started. {away}") from away
        opened.overviews.run_happened()
        return _see_other(f"/?range={quote(_known_range(form))}&ran={quote(name)}#schedules")

    async def _logs(self, request: Request, caller: str) -> Response:
        wanted = self._wanted(request)
        opened = await self.opened.get()
        source = opened.log_queries.setdefault(wanted, self._log_source(opened, wanted))
        while len(opened.log_queries) > KEPT_QUERIES:
            opened.log_queries.pop(next(iter(opened.log_queries)))
        reading: Reading[list[LogLine]] = await source.read(LOG_PATIENCE_SECONDS)
        return self._page(
            "logs.html",
            caller,
            here=LOGS_PATH,
            every=LOG_SECONDS,
            reading=reading,
            wanted=wanted,
            severities=SEVERITIES,
            periods=PERIODS,
            said="",
        )

    def _log_source(self, opened: Opened, wanted: LogQuery) -> Source[list[LogLine]]:
        return Source(lambda: logs.read(self._settings, opened.google, wanted), LOG_SECONDS - 1)

    async def _api(self, _: Request, caller: str) -> Response:
        return self._page("api.html", caller, here=API_PATH, every=0, groups=self._groups(), said="")

    async def _operation(self, request: Request, caller: str, name: str) -> Response:
        operation = self._operations.get(name)
        if operation is None:
            raise Refused(404, "There is no such operation. The list of all is under API.")
        if request.method != "POST":
            return self._operation_page(operation, caller, {}, None, "")
        form = await self._form(request, caller)
        opened = await self.opened.get()
        try:
            outcome = await trial.send(opened.session, trial.fill_in(operation, form))
        except (Unfit, SourceAway) as problem:
            return self._operation_page(operation, caller, form, None, str(problem))
        return self._operation_page(operation, caller, form, outcome, "")

    def _operation_page(
        self, operation: Operation, caller: str, given: Mapping[str, str], outcome: Outcome | None, problem: str
    ) -> Response:
        try:
            curl = trial.fill_in(operation, given).curl
        except Unfit:
            curl = ""
        return self._page(
            "operation.html",
            caller,
            here=API_PATH,
            every=0,
            operation=operation,
            groups=self._groups(),
            given=given,
            outcome=outcome,
            problem=problem,
            curl=curl,
            said=f"Answered {outcome.status}." if outcome else problem,
        )

    def _groups(self) -> dict[str, list[Operation]]:
        groups: dict[str, list[Operation]] = {}
        for operation in self._operations.values():
            groups.setdefault(operation.group, []).append(operation)
        return groups

    def _wanted(self, request: Request) -> LogQuery:
        """Return the log query of a request. Raises Refused if it names an unknown function, severity or period."""
        given = {name: value.strip()[:MAX_FIELD] for name, value in request.query_params.items()}
        wanted = LogQuery(
            function=given.get("function", ""),
            request=given.get("request", ""),
            severity=given.get("severity", ""),
            text=given.get("text", ""),
            period=given.get("period", "1h"),
        )
        known = {"", *(function.id for function in self._settings.resources.functions)}
        if wanted.function not in known or wanted.severity not in ("", *SEVERITIES) or wanted.period not in PERIODS:
            raise Refused(404, "There is no such function, severity or period: choose one that the form offers.")
        return wanted

    async def _form(self, request: Request, caller: str) -> dict[str, str]:
        """Return the fields of a form that a page of the console sent. Raises Refused."""
        if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            raise Refused(415, "This takes a form, as the console's pages send it.")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_FORM:
                raise Refused(413, f"That is more than the {MAX_FORM // 1024} KiB that a form may hold.")
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        try:
            self._forms.check(request.headers, caller, form.get("token", ""))
        except ForgedForm as forged:
            raise Refused(403, f"Nothing was done: {forged}.") from forged
        return form

    def _static(self, name: str) -> Response:
        content = self._pages.static.get(name)
        if content is None:
            raise Refused(404, "There is no such file.")
        # Pages link to the file with its version, so a browser may keep it.
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(content, headers=headers, media_type=TYPES[PurePosixPath(name).suffix])

    def _page(self, template: str, caller: str, status: int = 200, **values: object) -> Response:
        content = self._pages.render(
            template,
            settings=self._settings,
            caller=caller.removeprefix("operator:"),
            token=self._forms.token(caller),
            revision=os.environ.get("K_REVISION", ""),
            **values,
        )
        return Response(content, status, {"Cache-Control": "no-store"}, HTML)

    def _problem(self, status: int, detail: str) -> Response:
        title = HTTPStatus(status).phrase
        return self._page("problem.html", "", status, here="", every=0, title=title, detail=detail, said="")


async def _home(_: Request, __: str) -> Response:
    return _see_other("/")


async def _health(_: Request, __: str) -> Response:
    """Return `ok`: the console serves while its sources are away, and each section of a page reports its own source."""
    return Response(b'{"status":"ok","parts":{}}', media_type="application/json")


def _take(method: str, *taken: str) -> None:
    if method not in taken and not (method == "HEAD" and "GET" in taken):
        raise Refused(405, f"This takes {' and '.join(taken)}.")


def _known_range(form: Mapping[str, str]) -> str:
    return form["range"] if form.get("range") in RANGES else "1h"


def _see_other(where: str) -> Response:
    return Response(status_code=303, headers={"Location": where, "Cache-Control": "no-store"})


def _compressed(request: Request, response: Response) -> Response:
    if len(response.body) < COMPRESSED_BYTES or "gzip" not in request.headers.get("accept-encoding", ""):
        return response
    response.body = gzip.compress(bytes(response.body), 1)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(response.body))
    response.headers["Vary"] = "Accept-Encoding"
    return response
