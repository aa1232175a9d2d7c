"""The data: the three tables to browse, an insight, a job, and any series of metrics as a chart."""

from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console import changes, metric_chart, tables
from utxoiq_console.changes import ChangeQuery
from utxoiq_console.metric_chart import COMPARISONS, OWN_RANGE, RANGES, STEPS
from utxoiq_console.page_context import PageContext, see_other
from utxoiq_console.refusal import Refused
from utxoiq_console.sources import Reading
from utxoiq_console.tables import TABLES, Rows

SECONDS = 5
# How long what a page has read is shown to the next reader of the same page.
KEPT_SECONDS = 2
# Values of the newest metrics, of which the form of a series offers the names.
NAMES_ROWS = 1000
# How many changes of a job are shown.
HISTORY = 100


async def show_home(_: PageContext, __: Request, ___: str) -> Response:
    """Lead to the first table."""
    return see_other(f"/console/data/{next(iter(TABLES))}")


async def show_table(context: PageContext, request: Request, name: str) -> Response:
    """Return a page of a table's rows. Raises Refused."""
    table = TABLES.get(name)
    if table is None:
        raise Refused(404, f"There is no table of that name: choose {', '.join(TABLES)}.")
    opened = await context.opened.get()
    operation = context.operations[table.operation]
    given = {name: value for name, value in request.query_params.items() if len(value) <= 400}
    query = tables.build_query(table, operation, context.query(request))
    cursor = given.get("cursor", "")
    lacking = [name for name in table.required if not query.get(name)]
    reading: Reading[Rows] = Reading(Rows([], "", None))
    if not lacking:
        key = (name, tuple(sorted(query.items())) if not table.days else tuple(sorted(given.items())), cursor)
        reading = await opened.read(
            key, lambda: tables.read(opened.functions, table, operation, query, cursor), KEPT_SECONDS
        )
    following = reading.value.next_cursor if reading.value else ""
    return context.page(
        "table.html",
        request,
        every=0 if cursor or table.days else SECONDS,
        table=table,
        tables=TABLES,
        operation=operation,
        fields=tables.filters(operation),
        query=query,
        reading=reading,
        lacking=lacking,
        first=f"{request.url.path}?{urlencode(query)}" if cursor else "",
        following=f"{request.url.path}?{urlencode({**query, 'cursor': following})}" if following else "",
    )


async def show_job(context: PageContext, request: Request, name: str) -> Response:
    """Return a job, and its changes as the functions logged them."""
    opened = await context.opened.get()
    path = context.operations["get_backfill_job"].path.replace("{job_id}", quote(name, safe=""))
    job = await opened.read(("job", name), lambda: opened.functions.get(path, {}), KEPT_SECONDS)
    wanted = ChangeQuery(subject=name, limit=HISTORY)
    history = await opened.read(wanted, lambda: changes.read(context.settings, opened.google, wanted), KEPT_SECONDS)
    return context.page(
        "job.html", request, every=SECONDS, tables=TABLES, name=name, job=job, history=history, limit=HISTORY
    )


async def show_insight(context: PageContext, request: Request, _: str) -> Response:
    """Return an insight's statistics and comments, by the id that the query has."""
    insight = context.query(request).get("insight_id", "")
    opened = await context.opened.get()
    statistics: Reading[object] = Reading()
    comments: Reading[object] = Reading()
    cursor = request.query_params.get("cursor", "")
    if insight:
        chosen = {"insight_id": insight}
        paging = {"cursor": cursor} if cursor else {}
        statistics = await opened.read(
            ("statistics", insight),
            lambda: opened.functions.get(context.operations["get_feedback_statistics"].path, chosen),
            KEPT_SECONDS,
        )
        comments = await opened.read(
            ("comments", insight, cursor),
            lambda: opened.functions.get(context.operations["list_comments"].path, {**chosen, **paging}),
            KEPT_SECONDS,
        )
    return context.page(
        "insight.html",
        request,
        every=0 if cursor or not insight else SECONDS,
        tables=TABLES,
        insight=insight,
        statistics=statistics,
        comments=comments,
    )


async def show_series(context: PageContext, request: Request, _: str) -> Response:
    """Return a series of metrics as a chart. Raises Refused."""
    given = context.query(request)
    now = datetime.now(UTC)
    problem, reading = "", Reading[metric_chart.MetricSeries]()
    opened = await context.opened.get()
    try:
        query = metric_chart.choose(given, now)
    except ValueError as error:
        problem, query = f"Choose again: {error}.", metric_chart.choose({}, now)
    if query.service and query.metric and not problem:
        reading = await opened.read(
            ("series", tuple(sorted(given.items()))), lambda: metric_chart.read(opened.functions, query), SECONDS
        )
    return context.page(
        "series.html",
        request,
        charts=True,
        tables=TABLES,
        given=given,
        query=query,
        reading=reading,
        problem=problem,
        known=await _known_series(context),
        ranges=[*RANGES, OWN_RANGE],
        intervals=STEPS,
        comparisons=COMPARISONS,
    )


async def _known_series(context: PageContext) -> list[tuple[str, str]]:
    """Return the services and metrics of the newest values; none if they cannot be read."""
    table, operation = TABLES["metrics"], context.operations["list_metrics"]
    opened = await context.opened.get()

    async def read() -> list[tuple[str, str]]:
        query = {**tables.build_query(table, operation, {}), "limit": str(NAMES_ROWS)}
        rows = (await opened.functions.get(operation.path, query)).body
        return sorted({(row["service_name"], row["metric_type"]) for row in rows})

    source: Reading[list[tuple[str, str]]] = await opened.read("known series", read, 60)
    return source.value or []
