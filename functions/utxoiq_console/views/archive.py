"""The archive's query box: SQL over some days of one table, which the function `retention` answers to an operator."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console.credentials import Credential
from utxoiq_console.page_context import PageContext
from utxoiq_console.sources import SourceUnavailable

OPERATION = "query_archive"
# The one that is suggested, of those that the operation takes.
SUGGESTED_TABLE = "system_metrics"
# Of an answer, what a page shows: rows, and characters of a value.
SHOWN_ROWS = 200
SHOWN_CHARACTERS = 500
NO_CREDENTIAL = "Nothing was asked: paste an operator's ID token first."


async def show(context: PageContext, request: Request, _: str) -> Response:
    """Return the form, filled in for the day that the query names, or with what was sent and its answer.

    Raises Refused.
    """
    if request.method != "POST":
        given = _suggest(context.query(request), _tables(context))
        return _page(context, request, given, None, "")
    given = await context.form(request)
    credential = context.operator(context.operations[OPERATION], given)
    if credential is None:
        return _page(context, request, given, None, NO_CREDENTIAL)
    try:
        return _page(context, request, given, await _ask(context, given, credential), "")
    except SourceUnavailable as refused:
        return _page(context, request, given, None, str(refused))


async def _ask(context: PageContext, given: Mapping[str, str], credential: Credential) -> Mapping[str, Any]:
    opened = await context.opened.get()
    body = {name: given.get(name, "").strip() for name in ("table", "start_time", "end_time", "sql")}
    answer: Mapping[str, Any] = await opened.functions.post(context.operations[OPERATION].path, body, credential)
    return answer


def _tables(context: PageContext) -> Sequence[str]:
    """Return the tables that the archive has, as the operation's documentation lists them."""
    body = context.operations[OPERATION].body
    return () if body is None else body.choices["table"]


def _suggest(query: Mapping[str, str], tables: Sequence[str]) -> dict[str, str]:
    """Return the form's values for a table and a day of the query; by default those of yesterday's metrics."""
    table = query.get("table", "")
    if table not in tables:
        table = SUGGESTED_TABLE
    try:
        day = date.fromisoformat(query.get("day", ""))
        following = day + timedelta(days=1)
    except (ValueError, OverflowError):
        following = datetime.now(UTC).date()
        day = following - timedelta(days=1)
    return {
        "table": table,
        "start_time": f"{day}T00:00:00Z",
        "end_time": f"{following}T00:00:00Z",
        "sql": f"SELECT * FROM {table} LIMIT 100",  # noqa: S608 - a suggestion in a form
    }


def _page(
    context: PageContext,
    request: Request,
    given: Mapping[str, str],
    answer: Mapping[str, Any] | None,
    problem: str,
) -> Response:
    return context.page(
        "archive.html",
        request,
        tables=_tables(context),
        given=given,
        answer=answer,
        problem=problem,
        shown_rows=SHOWN_ROWS,
        shown_characters=SHOWN_CHARACTERS,
        is_local=bool(context.credentials.offered()),
        said=problem or (f"Answered {len(answer['rows'])} rows." if answer else ""),
    )
