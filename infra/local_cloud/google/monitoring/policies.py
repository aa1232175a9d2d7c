"""Alert policies as the program declares them, checked as Google checks them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_cloud.errors import DeploymentFailed
from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.monitoring.aggregation import NO_ALIGNER, NO_REDUCER, Aggregation, BadAggregation
from local_cloud.google.monitoring.descriptors import LOG_METRIC
from local_cloud.google.monitoring.filters import Field
from local_cloud.google.monitoring.queries import BurnRateQuery, MetricQuery, Objective, Query, RatioQuery
from local_cloud.google.monitoring.store import TimeSeriesStore

MINUTE = 60
SHORTEST_ABSENCE = 120
LONGEST_ABSENCE = 23.5 * 3600
SHORTEST_AUTO_CLOSE = 1800.0
DEFAULT_AUTO_CLOSE = 7 * 24 * 3600.0
MAX_CONDITIONS = 6
# For how long an entry of a log keeps its incident open here.
MATCH_SECONDS = 300
MAX_DOCUMENTATION = 8192
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "COMPARISON_GT": lambda value, threshold: value > threshold,
    "COMPARISON_LT": lambda value, threshold: value < threshold,
}
SIGNS = {"COMPARISON_GT": ">", "COMPARISON_LT": "<"}
COMBINERS = frozenset({"OR", "AND", "AND_WITH_MATCHING_RESOURCE"})
MISSING = "EVALUATION_MISSING_DATA_"
BURN_RATE = re.compile(r'\s*select_slo_burn_rate\(\s*"([^"]+)"\s*,\s*"?(\d+)([smhd])"?\s*\)\s*')
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
URL = re.compile(r"https?://[^\s)>\]\"']+")
# Of a resource: which of its inputs an API would not show.
OURS = frozenset({"project", "deletionPolicy"})


@dataclass(frozen=True)
class Trigger:
    """How many groups it takes; of percent and count one is set, or neither: any."""

    count: int = 1
    percent: float | None = None

    def is_met(self, violating: int, groups: int) -> bool:
        """Return whether so many of the groups are enough."""
        if self.percent is not None:
            return groups > 0 and violating * 100 >= self.percent * groups and violating > 0
        return violating >= self.count


@dataclass(frozen=True)
class Threshold:
    """A condition of a limit. missing: INACTIVE, ACTIVE or NO_OP."""

    display_name: str
    query: Query
    comparison: str
    threshold: float
    duration: float
    trigger: Trigger
    missing: str

    def is_violated(self, value: float) -> bool:
        """Return whether a value is beyond the threshold."""
        return COMPARISONS[self.comparison](value, self.threshold)

    @property
    def limit(self) -> str:
        """Return the limit in words: `> 5`."""
        return f"{SIGNS[self.comparison]} {self.threshold:g}"


@dataclass(frozen=True)
class Absence:
    """A condition that points keep coming."""

    display_name: str
    query: Query
    duration: float
    trigger: Trigger


Condition = Threshold | Absence


@dataclass(frozen=True)
class Policy:
    """An alert policy. auto_close: seconds without data after which an incident ends. declared: as the API shows it."""

    name: str
    display_name: str
    combiner: str
    conditions: tuple[Condition, ...]
    channels: tuple[str, ...]
    severity: str
    enabled: bool
    auto_close: float
    documentation: str
    links: tuple[tuple[str, str], ...]
    declared: Mapping[str, Any]

    @property
    def runbook(self) -> str:
        """Return the first link, of the links or else of the text; empty if there is none."""
        if self.links:
            return self.links[0][1]
        found = URL.search(self.documentation)
        return found[0] if found else ""


class PolicyReader:
    """Reads what the program declares. pace: what periods and durations are divided by. objectives: by their names."""

    def __init__(self, store: TimeSeriesStore, objectives: Mapping[str, Objective], pace: float) -> None:
        self._store = store
        self._objectives = objectives
        self._pace = pace

    def read(self, name: str, inputs: Mapping[str, Any]) -> Policy:
        """Return a policy. Raises DeploymentFailed for what Google would refuse, or what is not known here."""
        display_name = str(inputs.get("displayName") or name)
        try:
            return self._read_policy(name, display_name, inputs)
        except (BadFilter, BadAggregation, _InvalidPolicy) as error:
            raise DeploymentFailed(f"the alert policy {display_name}: {error}") from None

    def objective(self, name: str, inputs: Mapping[str, Any]) -> Objective:
        """Return a service level objective. Raises DeploymentFailed."""
        ratio = (inputs.get("requestBasedSli") or {}).get("goodTotalRatio")
        if not ratio:
            raise DeploymentFailed(f"the objective {name}: the local Monitoring knows requestBasedSli.goodTotalRatio")
        filters = {part: ratio.get(f"{part}ServiceFilter") for part in ("good", "bad", "total")}
        if sum(text is not None for text in filters.values()) != 2:
            raise DeploymentFailed(f"the objective {name}: of the filters good, bad and total it takes exactly two")
        goal = float(inputs["goal"])
        if not 0 < goal <= 0.9999:
            raise DeploymentFailed(f"the objective {name}: its goal is above 0 and at most 0.9999, not {goal}")
        try:
            queries = {part: text and MetricQuery(self._store, str(text), ()) for part, text in filters.items()}
        except BadFilter as error:
            raise DeploymentFailed(f"the objective {name}: {error}") from None
        return Objective(name, goal, queries["good"] or None, queries["bad"] or None, queries["total"] or None)

    def charts(self, name: str, dashboard: Any) -> list[MetricQuery]:
        """Return what a dashboard's charts ask for, except for those of an objective. Raises DeploymentFailed."""
        queries: list[MetricQuery] = []
        for inputs in _find_filters(dashboard):
            text = str(inputs.get("filter") or "")
            if text.lstrip().startswith("select_slo_"):
                continue
            declared = [inputs[key] for key in ("aggregation", "secondaryAggregation") if inputs.get(key)]
            try:
                queries.append(MetricQuery(self._store, text, self._read_aggregations(declared)))
            except (BadFilter, BadAggregation, _InvalidPolicy) as error:
                raise DeploymentFailed(f"the dashboard {name}: {error}") from None
        return queries

    def _read_policy(self, name: str, display_name: str, inputs: Mapping[str, Any]) -> Policy:
        conditions = inputs.get("conditions") or []
        if not 1 <= len(conditions) <= MAX_CONDITIONS:
            raise _InvalidPolicy(f"it has {len(conditions)} conditions, and takes 1 to {MAX_CONDITIONS}")
        combiner = str(inputs.get("combiner"))
        if combiner not in COMBINERS:
            raise _InvalidPolicy(f"the combiner {combiner} is none of {', '.join(sorted(COMBINERS))}")
        documentation = inputs.get("documentation") or {}
        content = str(documentation.get("content") or "")
        if len(content) > MAX_DOCUMENTATION:
            raise _InvalidPolicy(f"its documentation has more than {MAX_DOCUMENTATION} characters")
        matches = any("conditionMatchedLog" in condition for condition in conditions)
        if matches and len(conditions) > 1:
            raise _InvalidPolicy("a condition on entries of logs is the only one of its policy")
        if matches and not (inputs.get("alertStrategy") or {}).get("notificationRateLimit"):
            raise _InvalidPolicy("a policy on entries of logs has alertStrategy.notificationRateLimit")
        close = (inputs.get("alertStrategy") or {}).get("autoClose")
        auto_close = DEFAULT_AUTO_CLOSE if close is None else _read_seconds(close)
        if auto_close < SHORTEST_AUTO_CLOSE:
            raise _InvalidPolicy(f"autoClose is at least {SHORTEST_AUTO_CLOSE:g} s")
        shown = {key: value for key, value in inputs.items() if key not in OURS}
        return Policy(
            name=name,
            display_name=display_name,
            combiner=combiner,
            conditions=tuple(self._read_condition(name, condition) for condition in conditions),
            channels=tuple(map(str, inputs.get("notificationChannels") or ())),
            severity=str(inputs.get("severity") or ""),
            enabled=bool(inputs.get("enabled", True)),
            auto_close=auto_close / self._pace,
            documentation=content,
            links=tuple((str(link["displayName"]), str(link["url"])) for link in documentation.get("links") or ()),
            declared={"enabled": True, **shown, "name": name},
        )

    def _read_condition(self, name: str, inputs: Mapping[str, Any]) -> Condition:
        display_name = str(inputs.get("displayName") or "")
        kinds = sorted(kind for kind in inputs if kind.startswith("condition"))
        threshold, absent = inputs.get("conditionThreshold"), inputs.get("conditionAbsent")
        if len(kinds) == 1 and inputs.get("conditionMatchedLog") is not None:
            return self._read_match(display_name, name)
        if len(kinds) == 1 and threshold is not None:
            return self._read_threshold(display_name, threshold)
        if len(kinds) == 1 and absent is not None:
            return self._read_absence(display_name, absent)
        raise _InvalidPolicy(
            f"{display_name}: the local Monitoring does not know {' with '.join(kinds) or 'no condition'}"
        )

    def _read_match(self, display_name: str, name: str) -> Threshold:
        """Return what stands for a log's entry: the count of what was chosen within some minutes."""
        aggregation = Aggregation(MATCH_SECONDS / self._pace, "ALIGN_DELTA", "REDUCE_SUM", ())
        query = MetricQuery(self._store, f'metric.type = "{matched_entries(name)}"', [aggregation])
        return Threshold(display_name, query, "COMPARISON_GT", 0.0, MINUTE / self._pace, Trigger(), "INACTIVE")

    def _read_threshold(self, display_name: str, inputs: Mapping[str, Any]) -> Threshold:
        if inputs.get("forecastOptions"):
            raise _InvalidPolicy(f"{display_name}: the local Monitoring does not know forecastOptions")
        comparison = str(inputs.get("comparison"))
        if comparison not in COMPARISONS:
            raise _InvalidPolicy(f"{display_name}: it compares by COMPARISON_GT or COMPARISON_LT, not by {comparison}")
        duration = _read_minutes(display_name, inputs.get("duration"))
        missing = str(inputs.get("evaluationMissingData") or f"{MISSING}NO_OP").removeprefix(MISSING)
        if missing not in ("INACTIVE", "ACTIVE", "NO_OP"):
            raise _InvalidPolicy(f"{display_name}: {missing} is no way to evaluate missing data")
        if inputs.get("evaluationMissingData") and duration < MINUTE:
            raise _InvalidPolicy(f"{display_name}: evaluationMissingData needs a duration of at least {MINUTE} s")
        return Threshold(
            display_name=display_name,
            query=self._read_query(display_name, inputs),
            comparison=comparison,
            threshold=float(inputs.get("thresholdValue") or 0.0),
            duration=duration / self._pace,
            trigger=_read_trigger(inputs.get("trigger")),
            missing=missing,
        )

    def _read_absence(self, display_name: str, inputs: Mapping[str, Any]) -> Absence:
        duration = _read_minutes(display_name, inputs.get("duration"))
        if not SHORTEST_ABSENCE <= duration <= LONGEST_ABSENCE:
            raise _InvalidPolicy(f"{display_name}: an absence lasts {SHORTEST_ABSENCE} s to {LONGEST_ABSENCE:g} s")
        query = MetricQuery(self._store, str(inputs["filter"]), self._read_aggregations(inputs.get("aggregations")))
        return Absence(display_name, query, duration / self._pace, _read_trigger(inputs.get("trigger")))

    def _read_query(self, display_name: str, inputs: Mapping[str, Any]) -> Query:
        text = str(inputs.get("filter") or "")
        aggregations = self._read_aggregations(inputs.get("aggregations"))
        if text.lstrip().startswith("select_slo_"):
            return self._read_burn_rate(display_name, text)
        query = MetricQuery(self._store, text, aggregations)
        below = inputs.get("denominatorFilter")
        if not below:
            return query
        denominator = MetricQuery(
            self._store, str(below), self._read_aggregations(inputs.get("denominatorAggregations"))
        )
        if query.span != denominator.span:
            raise _InvalidPolicy(f"{display_name}: numerator and denominator have one alignment period")
        return RatioQuery(query, denominator)

    def _read_burn_rate(self, display_name: str, text: str) -> BurnRateQuery:
        matched = BURN_RATE.fullmatch(text)
        if matched is None:
            raise _InvalidPolicy(
                f'{display_name}: the local Monitoring knows select_slo_burn_rate("OBJECTIVE", "3600s")'
            )
        objective = self._objectives.get(matched[1])
        if objective is None:
            raise _InvalidPolicy(f"{display_name}: there is no objective {matched[1]}")
        return BurnRateQuery(objective, int(matched[2]) * UNITS[matched[3]] / self._pace)

    def _read_aggregations(self, declared: Sequence[Mapping[str, Any]] | None) -> list[Aggregation]:
        return [
            Aggregation(
                period=_read_period(inputs.get("alignmentPeriod")) / self._pace,
                aligner=str(inputs.get("perSeriesAligner") or NO_ALIGNER),
                reducer=str(inputs.get("crossSeriesReducer") or NO_REDUCER),
                group_by=tuple(Field.parse(str(field)) for field in inputs.get("groupByFields") or ()),
            )
            for inputs in declared or ()
        ]


def matched_entries(policy: str) -> str:
    """Return the metric that counts the entries that a policy on logs looks for."""
    return f"{LOG_METRIC}matched/{policy.rpartition('/')[2]}"


class _InvalidPolicy(Exception):
    pass


def _find_filters(part: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every filter of a dashboard, a ratio's two included."""
    if isinstance(part, Mapping):
        if "timeSeriesFilter" in part:
            yield part["timeSeriesFilter"]
        if "timeSeriesFilterRatio" in part:
            yield from (part["timeSeriesFilterRatio"][side] for side in ("numerator", "denominator"))
        for inner in part.values():
            yield from _find_filters(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _find_filters(inner)


def _read_trigger(inputs: Mapping[str, Any] | None) -> Trigger:
    if not inputs:
        return Trigger()
    percent = inputs.get("percent")
    return Trigger(int(inputs.get("count") or 1), None if percent is None else float(percent))


def _read_minutes(display_name: str, duration: object) -> float:
    seconds = _read_seconds(duration)
    if seconds % MINUTE:
        raise _InvalidPolicy(f"{display_name}: its duration is a number of whole minutes, not {duration}")
    return seconds


def _read_period(duration: object) -> float:
    seconds = _read_seconds(duration)
    if duration is not None and seconds < MINUTE:
        raise _InvalidPolicy(f"an alignment period is at least {MINUTE} s, not {duration}")
    return seconds


def _read_seconds(duration: object) -> float:
    """Return the seconds of a duration in Google's form: 60s."""
    text = str(duration or "0s")
    if not re.fullmatch(r"\d+(\.\d+)?s", text):
        raise _InvalidPolicy(f"{text!r} is no duration; 60s is one")
    return float(text.removesuffix("s"))
