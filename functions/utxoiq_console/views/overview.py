"""The overview, and the charts of pools, cache and requests."""

from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console.page_context import PageContext
from utxoiq_console.panels import RANGES
from utxoiq_console.refusal import Refused

SECONDS = 5


async def show(context: PageContext, request: Request, _: str) -> Response:
    """Return the overview: what runs, how it is, and what is wrong."""
    opened = await context.opened.get()
    return context.page("overview.html", request, every=SECONDS, view=await opened.overviews.read(_range(request)))


async def show_charts(context: PageContext, request: Request, _: str) -> Response:
    """Return the page with all charts."""
    opened = await context.opened.get()
    view = await opened.overviews.read(_range(request))
    return context.page("charts.html", request, every=SECONDS, view=view, ranges=RANGES, charts=True)


def _range(request: Request) -> str:
    name = request.query_params.get("range", "1h")
    if name not in RANGES:
        raise Refused(404, f"There is no range {name[:20]!r}: choose {', '.join(RANGES)}.")
    return name
