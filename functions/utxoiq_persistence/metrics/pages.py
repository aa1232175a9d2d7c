"""Reads pages of metrics, newest first, as the lines that PostgreSQL has put together."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from utxoiq_persistence.postgres import cursors
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import ArchivedRange, MetricsQuery

_SQL = load("system_metrics")
# Of a page, as JSON.
MAX_PAGE_BYTES = 16 * 2**20
# Of many series, the newest rows are looked for in the last of these spans that has enough of them.
SPANS = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1), timedelta(days=31))
# Each row begins and ends like this. JSON as PostgreSQL writes it has line breaks nowhere else.
BEGIN, END = '{"id":"', "}"
BETWEEN = f"{END},\n{BEGIN}"
# Stands for the names of the series where all rows are of one. It is nowhere in JSON.
NAMES = b"\x01"


class MetricsPage(Struct, frozen=True):
    """Holds a page of metrics.

    Attributes:
        body: The metrics as a JSON array.
        place: `time id` of the last one, for a cursor; None if no more follow.
        archived: The part of the asked range that is in the archive only, if any is.
    """

    body: bytes
    place: str | None
    archived: ArchivedRange | None


class _Row(Struct):
    id: str
    timestamp: str


async def find(database: Database, query: MetricsQuery) -> MetricsPage:
    """Return the page, from the shortest span that has one more row than it shows.

    Raises BadCursor, DatabaseUnavailable.
    """
    after = cursors.decode(query.cursor)
    for start in _starts(query, after):
        page = await _find_since(database, query, start, after)
        if page.place is not None:
            break
    return page


async def _find_since(
    database: Database, query: MetricsQuery, start: datetime, after: Mapping[str, object]
) -> MetricsPage:
    parameters: dict[str, object] = {
        "service_name": query.service_name,
        "metric_type": query.metric_type,
        "start_time": start,
        "end_time": query.end_time,
        "limit": query.limit,
        "between": BETWEEN,
        "most_bytes": MAX_PAGE_BYTES,
        "offset": query.offset,
        **after,
    }
    ((objects, sent, found, names, *archived),) = await database.fetch(
        _SQL["find_metrics"], idempotent=True, asked_since=query.start_time, **parameters
    )
    body = _body(objects, sent, query.limit, names)
    if sent < found or len(body) > MAX_PAGE_BYTES:
        ((objects, sent, found),) = await database.fetch(_SQL["find_large_metrics"], idempotent=True, **parameters)
        body = _body(objects, sent, query.limit)
    place = _last_place(body) if found > min(sent, query.limit) else None
    return MetricsPage(body, place, _archived(query, *archived))


def _body(objects: str, sent: int, limit: int, names: str | None = None) -> bytes:
    """Return the rows without the one beyond the limit, and with the names of the series where they are sent apart."""
    if sent > limit:
        objects = objects.rpartition(BETWEEN)[0]
    body = f"[{BEGIN}{objects}{END}]".encode() if objects else b"[]"
    return body if names is None else body.replace(NAMES, names.encode())


def _last_place(body: bytes) -> str:
    before = body.rfind(b"\n")  # of a single row there is only the bracket before it
    row = msgspec.json.decode(body[max(before, 0) + 1 : -1], type=_Row)
    return f"{row.timestamp} {row.id}"


def _archived(query: MetricsQuery, first: datetime | None, last: datetime, rows: int) -> ArchivedRange | None:
    if first is None:
        return None
    return ArchivedRange(max(first, query.start_time), min(last, query.end_time), rows)


def _starts(query: MetricsQuery, after: Mapping[str, object]) -> Iterator[datetime]:
    """Yield where to begin to look, later ones first: the newest of many series are likely to be near the end."""
    if query.service_name is None or query.metric_type is None:
        latest = min(query.end_time, datetime.now(UTC))
        if after["after_time"] is not None:
            latest = min(latest, cursors.floor_to_second(str(after["after_time"])))
        for span in SPANS:
            if latest - query.start_time > span:
                yield latest - span
    yield query.start_time
