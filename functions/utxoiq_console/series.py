"""Time series of Cloud Monitoring, aligned to the steps of a chart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from utxoiq_console import moments
from utxoiq_console.google_apis import GoogleApis

PAGE = 1000


@dataclass(frozen=True)
class Query:
    """Of one metric: how each series is aligned to a step, and how they become one a group."""

    filter: str
    aligner: str
    reducer: str = "REDUCE_SUM"
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Window:
    """The steps that end within it, in seconds since 1970."""

    start: float
    end: float
    step: int

    @classmethod
    def until(cls, now: float, length: int, step: int) -> "Window":
        return cls(now - length, now, step)


@dataclass(frozen=True)
class Series:
    """labels: of its group, by the last part of their names. points: moment and value, oldest first."""

    labels: Mapping[str, str]
    points: list[tuple[float, float]] = field(default_factory=list)

    @property
    def last(self) -> float | None:
        return self.points[-1][1] if self.points else None


async def read(google: GoogleApis, project: str, query: Query, window: Window) -> list[Series]:
    """Raises SourceAway."""
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
        (moments.parsed(point["interval"]["endTime"]).timestamp(), value)
        for point in found.get("points", [])
        if (value := _number(point["value"])) is not None
    ]
    return Series(dict(sorted(labels.items())), sorted(points))


def _number(value: Mapping[str, Any]) -> float | None:
    """int64 comes as text."""
    for kind in ("doubleValue", "int64Value", "boolValue"):
        if kind in value:
            return float(value[kind])
    return None


def _moment(seconds: float) -> str:
    return moments.written(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
