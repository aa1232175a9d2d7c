"""Time series as a client lists them: chosen, aggregated, newest point first, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from local_cloud.google.monitoring.aggregation import NO_ALIGNER, Aggregation, BadAggregation, split_periods
from local_cloud.google.monitoring.filters import Filter
from local_cloud.google.monitoring.points import Point
from local_cloud.google.monitoring.store import TimeSeries, TimeSeriesStore

DEFAULT_PAGE = 100_000
SHORTEST_PERIOD = 60.0


class BadRequest(Exception):
    """What the API answers with InvalidArgument."""


@dataclass(frozen=True)
class ListRequest:
    """What a client asks for.

    start and end: epoch seconds; without a start, only what came at the end. headers: no points.
    """

    filter: str
    end: float
    start: float | None = None
    aggregations: Sequence[Aggregation] = ()
    headers: bool = False
    page_size: int = 0
    page_token: str = ""


@dataclass(frozen=True)
class Page:
    """A part of a list. next_token: empty on the last page."""

    series: Sequence[tuple[TimeSeries, Sequence[Point]]]
    next_token: str = ""


def page(store: TimeSeriesStore, request: ListRequest) -> Page:
    """Return a page of the series that a request chooses. Raises BadRequest, BadFilter, BadAggregation."""
    found = _find_series(store, request)
    if request.headers:
        return _page_headers(found, request)
    return _page_points(found, request)


def _find_series(store: TimeSeriesStore, request: ListRequest) -> list[tuple[TimeSeries, list[Point]]]:
    start = request.end if request.start is None else request.start
    if start > request.end:
        raise BadRequest("The start time must not be after the end time.")
    series = store.matching(Filter.parse(request.filter))
    stages = [stage for stage in request.aggregations if stage.aligner != NO_ALIGNER]
    for stage in stages:
        if stage.period < SHORTEST_PERIOD / store.pace:
            raise BadAggregation(f"an alignment period is at least {SHORTEST_PERIOD / store.pace:g} s")
        series = stage.apply(series, split_periods(start, request.end, stage.period))
    found = [(one, one.points(_adjust_start(start, request), request.end)[::-1]) for one in series]
    return [(one, points) for one, points in found if points]


def _adjust_start(start: float, request: ListRequest) -> float:
    """Return the start of an interval; of one that is a moment, the moment itself counts."""
    return start - 1e-6 if start == request.end else start


def _page_headers(found: list[tuple[TimeSeries, list[Point]]], request: ListRequest) -> Page:
    first, _ = _decode_token(request.page_token)
    last = first + (request.page_size or DEFAULT_PAGE)
    return Page([(series, ()) for series, _ in found[first:last]], f"{last}:0" if last < len(found) else "")


def _page_points(found: list[tuple[TimeSeries, list[Point]]], request: ListRequest) -> Page:
    """Return a page, which may end within a series; the next one goes on with it."""
    first, skipped = _decode_token(request.page_token)
    left = request.page_size or DEFAULT_PAGE
    taken: list[tuple[TimeSeries, Sequence[Point]]] = []
    for index in range(first, len(found)):
        series, points = found[index]
        rest = points[skipped:] if index == first else points
        taken.append((series, rest[:left]))
        if len(rest) > left:
            return Page(taken, f"{index}:{(skipped if index == first else 0) + left}")
        left -= len(rest)
        if left == 0 and index + 1 < len(found):
            return Page(taken, f"{index + 1}:0")
    return Page(taken)


def _decode_token(text: str) -> tuple[int, int]:
    if not text:
        return 0, 0
    series, _, points = text.partition(":")
    if not (series.isdigit() and points.isdigit()):
        raise BadRequest("The page token is none of this list.")
    return int(series), int(points)
