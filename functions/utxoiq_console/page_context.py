"""What all pages have in common: how they are rendered, and how their forms are read."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import parse_qsl

import aiohttp
from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console import documentation
from utxoiq_console.changes import OwnChange
from utxoiq_console.config import Settings
from utxoiq_console.credentials import OPERATOR, Credential, Credentials
from utxoiq_console.documentation import Operation
from utxoiq_console.forms import ForgedForm, Forms
from utxoiq_console.functions import Functions
from utxoiq_console.google_apis import GoogleApis
from utxoiq_console.overview import Overviews
from utxoiq_console.pages import Pages
from utxoiq_console.refusal import Refused
from utxoiq_console.schedules import Schedules
from utxoiq_console.sources import Reading, Source
from utxoiq_http.lifetime import OpenOnce

T = TypeVar("T")

MAX_FORM = 256 * 1024
MAX_FIELD = 200
# How long a page waits for a source that only it has.
PATIENCE_SECONDS = 10.0
# How many sources of single pages are kept for the next request of the same page.
KEPT_SOURCES = 50
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Opened:
    """Has the resources that are opened once per process. `sources` are those of single pages, by what they read."""

    session: aiohttp.ClientSession
    google: GoogleApis
    functions: Functions
    schedules: Schedules
    overviews: Overviews
    sources: dict[object, Source[object]] = field(default_factory=dict)

    async def read(self, key: object, ask: Callable[[], Awaitable[T]], seconds: float) -> Reading[T]:
        """Return what `ask` returns, or what was returned for the same key within so many seconds. Raises nothing."""
        source = self.sources.setdefault(key, Source(ask, seconds))
        source.ask_next(ask)
        while len(self.sources) > KEPT_SOURCES:
            self.sources.pop(next(iter(self.sources)))
        reading: Reading[T] = await source.read(PATIENCE_SECONDS)  # type: ignore[assignment]
        return reading

    def forget(self, *keys: object) -> None:
        """Make the next reader of each key read it again, because it was changed."""
        for key in keys:
            self.sources.pop(key, None)


class PageContext:
    """Renders pages and reads their forms; has what pages are made from."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.operations = documentation.operations(settings.resources)
        self.credentials = Credentials(settings.credentials)
        self.files = Pages()
        self.opened = OpenOnce(self._opening)
        self._forms = Forms(settings.key)

    def page(self, template: str, request: Request, status: int = 200, **values: object) -> Response:
        """Return a page. `said` is announced on it; `every` is in seconds, and 0 for a page that is not renewed."""
        caller = self.caller(request)
        content = self.files.render(
            template,
            **{"said": "", "every": 0, "charts": False, **values},
            settings=self.settings,
            path=request.url.path,
            caller=caller.removeprefix("operator:"),
            token=self._forms.token(caller),
            revision=os.environ.get("K_REVISION", ""),
        )
        return Response(content, status, {"Cache-Control": "no-store"}, HTML)

    @staticmethod
    def caller(request: Request) -> str:
        """Return the name of the caller, such as `operator:ada@example.com`."""
        return str(request.scope["utxoiq.caller"])

    @staticmethod
    def note_change(request: Request, action: str, subject: str, details: Mapping[str, object]) -> None:
        """Have the request's log line tell a change that it has made."""
        request.scope["utxoiq.changes"].append(OwnChange(action, subject, details))

    @staticmethod
    def query(request: Request) -> dict[str, str]:
        """Return the query's fields, without blanks at their ends, and as long as a field may be."""
        return {name: value.strip()[:MAX_FIELD] for name, value in request.query_params.items()}

    async def form(self, request: Request) -> dict[str, str]:
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
            self._forms.check(request.headers, self.caller(request), form.get("token", ""))
        except ForgedForm as forged:
            raise Refused(403, f"Nothing was done: {forged}.") from forged
        return form

    def operator(self, operation: Operation, given: Mapping[str, str]) -> Credential | None:
        """Return the ID token that an operator has pasted, or that of a local stack's operator; None without one."""
        pasted = given.get("credential", "").strip()
        if pasted:
            return Credential("token", pasted) if pasted.isprintable() else None
        return self.credentials.find(OPERATOR, operation, {})

    def groups(self) -> dict[str, list[Operation]]:
        """Return the operations by the groups of the document."""
        groups: dict[str, list[Operation]] = {}
        for operation in self.operations.values():
            groups.setdefault(operation.group, []).append(operation)
        return groups

    @asynccontextmanager
    async def _opening(self) -> AsyncIterator[Opened]:
        google = GoogleApis(self.settings.google)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            schedules = Schedules(self.settings, google)
            functions = Functions(self.settings, session)
            overviews = Overviews(self.settings, google, functions, schedules)
            try:
                yield Opened(session, google, functions, schedules, overviews)
            finally:
                google.close()


Page = Callable[[PageContext, Request, str], Awaitable[Response]]


def see_other(where: str) -> Response:
    """Return the response that leads a browser to another page."""
    return Response(status_code=303, headers={"Location": where, "Cache-Control": "no-store"})
