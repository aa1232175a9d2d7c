"""What an incident's condition measures: its value and its limit, and both as a chart around the opening."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from utxoiq_console import charts, moments, numbers, series
from utxoiq_console.charts import Chart, Limit, Line
from utxoiq_console.config import Settings
from utxoiq_console.google_apis import GoogleApis
from utxoiq_console.incidents import Incident
from utxoiq_console.panels import total
from utxoiq_console.series import Query, Series, Window

# How much is drawn before the opening, and after the end.
BEFORE_SECONDS, AFTER_SECONDS = moments.HOUR, moments.HOUR // 4
LONGEST_SECONDS = 2 * moments.DAY
# Steps of a longer range are longer.
MOST_STEPS = 400
SIGNS = {"COMPARISON_GT": "above", "COMPARISON_LT": "below"}

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """Describes what a condition measures.

    `limit` says in words what sets off the alert, `about` what the policy is about. `at_opening` and `last` are values
    with their unit, empty if there are none. `chart` is None for a condition without a series of metrics.
    """

    condition: str
    limit: str
    about: str
    at_opening: str
    last: str
    chart: Chart | None


async def read(settings: Settings, google: GoogleApis, incident: Incident) -> Measured:
    """Return what the incident's condition measures. Raises SourceUnavailable."""
    policy = await google.call("monitoring", lambda api: api.projects().alertPolicies().get(name=incident.policy))
    conditions: list[Json] = policy.get("conditions", [])
    condition = next((one for one in conditions if incident.metric and incident.metric in str(one)), conditions[0])
    measure: Json = condition.get("conditionThreshold") or condition.get("conditionAbsent") or {}
    unit = _unit(incident.metric, measure)
    limit = _limit(measure, unit)
    window = _window(incident, measure)
    lines = await _lines(settings, google, incident, measure, window, unit)
    opened = incident.opened.timestamp()
    points = lines[0].points if lines else ()
    before = [value for moment, value in points if moment <= opened + window.step]
    return Measured(
        condition=str(condition.get("displayName", "")),
        limit=_in_words(measure, limit, unit),
        about=str(policy.get("documentation", {}).get("subject", "")).partition(": ")[2],
        at_opening=numbers.format_with_unit(before[-1], unit) if before else "",
        last=numbers.format_with_unit(points[-1][1], unit) if points else "",
        chart=charts.draw(lines, window, unit, colours={}, limit=limit, counts=False, mark=opened) if lines else None,
    )


def _unit(metric: str, measure: Json) -> str:
    if "denominatorFilter" in measure or metric.endswith(("/utilization", "usage_ratio")):
        return "%"
    if metric.endswith("latencies"):
        return "ms"
    return "s" if metric.endswith("/age") else ""


def _factor(unit: str) -> float:
    """Return what makes a value of its unit: Cloud Monitoring has shares of one."""
    return 100.0 if unit == "%" else 1.0


def _limit(measure: Json, unit: str) -> Limit | None:
    if "comparison" not in measure:
        return None
    value = float(measure.get("thresholdValue", 0.0))
    return Limit(value * _factor(unit), above=measure["comparison"] == "COMPARISON_GT")


def _in_words(measure: Json, limit: Limit | None, unit: str) -> str:
    seconds = float(str(measure.get("duration", "0s")).removesuffix("s"))
    if limit is None:
        return f"no value for {moments.span(seconds)}" if seconds else ""
    value = moments.span(limit.value) if unit == "s" else numbers.format_with_unit(limit.value, unit)
    return f"{'above' if limit.above else 'below'} {value}" + (f" for {moments.span(seconds)}" if seconds else "")


def _window(incident: Incident, measure: Json) -> Window:
    """Return the range around the opening until the end or now, in steps of the condition's own period."""
    opened = incident.opened.timestamp()
    ended = time.time() if incident.closed is None else incident.closed.timestamp() + AFTER_SECONDS
    end = min(time.time(), ended, opened + LONGEST_SECONDS)
    start = opened - BEFORE_SECONDS
    periods = [one.get("alignmentPeriod", "60s") for one in measure.get("aggregations", [])] or ["60s"]
    step = max(moments.MINUTE, int(float(periods[0].removesuffix("s"))))
    while (end - start) / step > MOST_STEPS:
        step *= 2
    return Window(start, end, step)


async def _lines(
    settings: Settings, google: GoogleApis, incident: Incident, measure: Json, window: Window, unit: str
) -> list[Line]:
    """Return the line that the condition watches, of the incident's group of series; none if there is no such."""
    found = await _series(settings, google, measure, "filter", "aggregations", window)
    parts = [one for one in found if _is_meant(one, incident)]
    if "denominatorFilter" in measure:
        whole = await _series(settings, google, measure, "denominatorFilter", "denominatorAggregations", window)
        sums = dict(total([one for one in whole if _is_meant(one, incident)]))
        points = [(at, value / sums[at]) for at, value in total(parts) if sums.get(at)]
    else:
        points = parts[0].points if parts else []
    drawn = [(moment, value * _factor(unit)) for moment, value in points]
    return [Line(incident.title, drawn)] if drawn else []


async def _series(
    settings: Settings, google: GoogleApis, measure: Json, filter_: str, aggregations: str, window: Window
) -> Sequence[Series]:
    aggregation = next(iter(measure.get(aggregations, [])), None)
    if aggregation is None:
        return []  # such as the burn rate of an objective, which has no series of its own
    query = Query(
        str(measure[filter_]),
        str(aggregation.get("perSeriesAligner", "ALIGN_MEAN")),
        str(aggregation.get("crossSeriesReducer", "REDUCE_NONE")),
        tuple(aggregation.get("groupByFields", ())),
    )
    return await series.read(google, settings.project, query, window)


def _is_meant(found: Series, incident: Incident) -> bool:
    """Return whether the series is of the incident's group: it has no label of another value."""
    return all(incident.labels.get(name, value) == value for name, value in found.labels.items())
