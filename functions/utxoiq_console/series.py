"""Time series from Cloud Monitoring, aligned to the steps of a chart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from utxoiq_console import moments
from utxoiq_console.google_apis import GoogleApis

PAGE = 1000


@dataclass(frozen=True)
class Query:
    """Selects a metric's series, and says how they are aligned to steps and reduced to one per group."""

    filter: str
    aligner: str
    reducer: str = "REDUCE_SUM"
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Window:
    """Has the start and end of a range in Unix seconds, and its step in seconds."""

    start: float
    end: float
    step: int

    @classmethod
    def until(cls, now: float, length: int, step: int) -> "Window":
        """Return the window of a length, in seconds, that ends now."""
        return cls(now - length, now, step)


@dataclass(frozen=True)
class Series:
    """Has the points of a group, as Unix seconds and value, oldest first.

    `labels` are those of the group, by the last part of their names.
    """

    labels: Mapping[str, str]
    points: list[tuple[float, float]] = field(default_factory=list)

    @property
    def last(self) -> float | None:
        """Return the latest value; None if there are no points."""
        return self.points[-1][1] if self.points else None


async def read(google: GoogleApis, project: str, query: Query, window: Window) -> list[Series]:
    """Return the series of a query in a window, ordered by their labels. Raises SourceUnavailable."""
    answer = await google.call(
        "monitoring",
        lambda api: (
            api.projects()
            .timeSeries()
            .list(
                name=f"projects/{project}",
                filter=query.filter,
                interval_startTime=_moment(window.start),
                interval_endTime=_moment(window.end),
                aggregation_alignmentPeriod=f"{window.step}s",
                aggregation_perSeriesAligner=query.aligner,
                aggregation_crossSeriesReducer=query.reducer,
                aggregation_groupByFields=list(query.groups),
                pageSize=PAGE,
            )
        ),
    )
    found = [_series(one) for one in answer.get("timeSeries", [])]
    return sorted(found, key=lambda one: tuple(one.labels.values()))


def _series(found: Mapping[str, Any]) -> Series:
    labels = {**found.get("resource", {}).get("labels", {}), **found.get("metric", {}).get("labels", {})}
    points = [
        (moments.parse_time(point["interval"]["endTime"]).timestamp(), value)
        for point in found.get("points", [])
        if (value := _number(point["value"])) is not None
    ]
    return Series(dict(sorted(labels.items())), sorted(points))


def _number(value: Mapping[str, Any]) -> float | None:
    """Return a point's value; None if it is not a number. Google sends int64 values as text."""
    for kind in ("doubleValue", "int64Value", "boolValue"):
        if kind in value:
            return float(value[kind])
    return None


def _moment(seconds: float) -> str:
    return moments.format_time(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
