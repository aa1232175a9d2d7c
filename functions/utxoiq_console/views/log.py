"""Log lines, and the trace of one request."""

import re

from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console import logs, traces
from utxoiq_console.logs import PERIODS, SEVERITIES, LogQuery
from utxoiq_console.page_context import PageContext
from utxoiq_console.refusal import Refused

SECONDS = 3
_TRACE = re.compile(r"[0-9a-f]{32}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")


async def show(context: PageContext, request: Request, _: str) -> Response:
    """Return the log lines that the query selects, newest first."""
    wanted = _wanted(context, request)
    opened = await context.opened.get()
    reading = await opened.read(wanted, lambda: logs.read(context.settings, opened.google, wanted), SECONDS - 1)
    return context.page(
        "logs.html",
        request,
        # What is over does not change.
        every=0 if wanted.around else SECONDS,
        reading=reading,
        wanted=wanted,
        severities=SEVERITIES,
        periods=PERIODS,
    )


async def show_trace(context: PageContext, request: Request, name: str) -> Response:
    """Return the spans of a trace as bars over time."""
    if not _TRACE.fullmatch(name):
        raise Refused(404, "A trace has an id of 32 hexadecimal digits.")
    opened = await context.opened.get()
    reading = await opened.read(
        ("trace", name), lambda: traces.read(opened.google, context.settings.project, name), SECONDS
    )
    return context.page("trace.html", request, trace=name, reading=reading)


def _wanted(context: PageContext, request: Request) -> LogQuery:
    """Return the log query of a request. Raises Refused if it names an unknown function, severity or period."""
    given = context.query(request)
    wanted = LogQuery(
        function=given.get("function", ""),
        request=given.get("request", ""),
        severity=given.get("severity", ""),
        text=given.get("text", ""),
        period=given.get("period", "1h"),
        around=given.get("around", ""),
    )
    known = {"", *(function.id for function in context.settings.resources.functions)}
    if wanted.function not in known or wanted.severity not in ("", *SEVERITIES) or wanted.period not in PERIODS:
        raise Refused(404, "There is no such function, severity or period: choose one that the form offers.")
    if wanted.around and not _MOMENT.fullmatch(wanted.around):
        raise Refused(404, "The moment is not a time such as 2026-01-31T12:00:00Z.")
    return wanted
