"""A metric's series as a chart: the averages of its intervals, percentiles, and the same of an earlier range."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from utxoiq_console import charts, moments
from utxoiq_console.charts import Chart, Line
from utxoiq_console.functions import Functions
from utxoiq_console.series import Window

PATH = "/api/v1/monitoring/metrics/aggregate"
# Length and interval, by the name that a reader chooses.
RANGES = {
    "24h": (timedelta(days=1), "hour"),
    "7d": (timedelta(days=7), "hour"),
    "30d": (timedelta(days=30), "day"),
    "90d": (timedelta(days=90), "day"),
    "365d": (timedelta(days=365), "week"),
}
OWN_RANGE = "own"
COMPARISONS = {
    "previous_period": "the period before",
    "previous_week": "a week before",
    "previous_year": "a year before",
}
STEPS = {"hour": moments.HOUR, "day": moments.DAY, "week": 7 * moments.DAY}


@dataclass(frozen=True)
class MetricQuery:
    """Selects a series, its range and what is told of it. `compare` is empty for no earlier range."""

    service: str
    metric: str
    start: datetime
    end: datetime
    interval: str
    percentiles: bool
    compare: str

    def as_api(self) -> dict[str, str]:
        """Return the parameters of the API."""
        optional = {"percentiles": "true"} if self.percentiles else {}
        return {
            "service_name": self.service,
            "metric_type": self.metric,
            "start_time": moments.format_time(self.start),
            "end_time": moments.format_time(self.end),
            "interval": self.interval,
            **optional,
            **({"compare": self.compare} if self.compare else {}),
        }


@dataclass(frozen=True)
class MetricSeries:
    """Has the chart of a series, its intervals as the API answers them, and the comparison; None if there is none."""

    chart: Chart
    data: Sequence[Mapping[str, Any]]
    comparison: Mapping[str, Any] | None


async def read(functions: Functions, query: MetricQuery) -> MetricSeries:
    """Return a series. Raises SourceUnavailable."""
    body = (await functions.get(PATH, query.as_api())).body
    data: list[Mapping[str, Any]] = body["data"]
    names = ("avg_value", "p50", "p95", "p99") if query.percentiles else ("avg_value", "min_value", "max_value")
    titles = {"avg_value": "average", "min_value": "least", "max_value": "most"}
    lines = [Line(titles.get(name, name), _points(data, name)) for name in names]
    if query.compare:
        lines = [lines[0], Line(f"average {COMPARISONS[query.compare]}", _previous(data)), *lines[1:]]
    window = Window(query.start.timestamp(), query.end.timestamp(), STEPS[query.interval])
    return MetricSeries(charts.draw(lines, window, "", colours={}, counts=False), data, body.get("comparison"))


def choose(given: Mapping[str, str], now: datetime) -> MetricQuery:
    """Return the query of a form. Raises ValueError if a field has none of its values."""
    name = _one_of(given.get("range", "24h"), [*RANGES, OWN_RANGE], "range")
    if name == OWN_RANGE:
        start, end, interval = (
            moments.parse_time(given.get("start", "")),
            moments.parse_time(given.get("end", "")),
            "hour",
        )
    else:
        length, interval = RANGES[name]
        # The end is not part of a range, and what was measured just now is.
        end = now.replace(microsecond=0) + timedelta(seconds=1)
        start = end - length
    return MetricQuery(
        service=given.get("service_name", ""),
        metric=given.get("metric_type", ""),
        start=start.astimezone(UTC),
        end=end.astimezone(UTC),
        interval=_one_of(given.get("interval") or interval, STEPS, "interval"),
        percentiles=given.get("percentiles") == "true",
        compare=_one_of(given.get("compare", ""), ["", *COMPARISONS], "comparison"),
    )


def _one_of(value: str, allowed: Sequence[str] | Mapping[str, Any], what: str) -> str:
    if value not in allowed:
        raise ValueError(f"there is no {what} {value[:20]!r}")
    return value


def _points(data: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    return [(_at(one), one[name]) for one in data if one.get(name) is not None]


def _previous(data: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Return the averages of the earlier range at the times of the intervals that they are compared with."""
    return [(_at(one), one["previous"]["avg_value"]) for one in data if one.get("previous")]


def _at(bucket: Mapping[str, Any]) -> float:
    return moments.parse_time(str(bucket["timestamp"])).timestamp()
