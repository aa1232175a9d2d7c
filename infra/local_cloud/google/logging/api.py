"""Cloud Logging's entries.list, as Google's client libraries call it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from local_cloud.google.api_error import ApiError
from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.logging.buckets import LogBuckets
from local_cloud.google.logging.search import BadToken, search
from local_cloud.google.logging.source import LogSource

ORDERS = {"": False, "timestamp asc": False, "timestamp desc": True}
FIELDS = frozenset({"resourceNames", "filter", "orderBy", "pageSize", "pageToken"})
DEFAULT_SIZE = 50
LARGEST_SIZE = 1000


def list_routes(project: str, sources: Callable[[], Sequence[LogSource]], buckets: LogBuckets) -> list[web.RouteDef]:
    """Return the routes of the API. sources: returns the log files of the moment. buckets: whose views may be named."""

    async def list_entries(request: web.Request) -> web.Response:
        body = await _body(request)
        unknown = body.keys() - FIELDS
        if unknown:
            raise ApiError(400, f'Invalid JSON payload received. Unknown name "{min(unknown)}": Cannot find field.')
        seen = _find_scope(body.get("resourceNames"), project, buckets)
        wanted = str(body.get("filter") or "")
        order = str(body.get("orderBy") or "")
        if order not in ORDERS:
            raise ApiError(400, f"Unrecognized order_by {order!r}: it takes 'timestamp asc' or 'timestamp desc'.")
        size = body.get("pageSize", 0)
        if not isinstance(size, int) or size < 0:
            raise ApiError(400, f"page_size must be a positive number, not {size!r}.")
        try:
            page = await asyncio.to_thread(
                search,
                sources(),
                " AND ".join(f"({text})" for text in (seen, wanted) if text),
                newest_first=ORDERS[order],
                size=min(size or DEFAULT_SIZE, LARGEST_SIZE),
                token=str(body.get("pageToken") or ""),
            )
        except BadFilter as error:
            raise ApiError(400, f"Unparseable filter: {error}") from None
        except BadToken as error:
            raise ApiError(400, str(error)) from None
        answer: dict[str, Any] = {"entries": [entry.body for entry in page.entries]} if page.entries else {}
        return web.json_response({**answer, "nextPageToken": page.token} if page.token else answer)

    return [web.post("/v2/entries:list", list_entries)]


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, "Invalid JSON payload received.")
    return body


def _find_scope(names: object, project: str, buckets: LogBuckets) -> str:
    """Return the filter of what these names have; empty for everything."""
    if not isinstance(names, list) or not names:
        raise ApiError(400, "resource_names is required: projects/[PROJECT_ID], or a view of a bucket.")
    scopes = {str(name): "" if name == f"projects/{project}" else buckets.filter(str(name)) for name in names}
    for name, scope in scopes.items():
        if scope is None:
            raise ApiError(
                403,
                f"The caller does not have permission on {name!r}; here are projects/{project} and views of buckets.",
            )
    return "" if "" in scopes.values() else " OR ".join(f"({scope})" for scope in scopes.values())
