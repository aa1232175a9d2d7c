"""Aligners and reducers: many series of points become few series of one value a period."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_cloud.google.monitoring import distributions
from local_cloud.google.monitoring.filters import Field
from local_cloud.google.monitoring.points import Distribution, Identity, MetricKind, Point, Value, ValueType
from local_cloud.google.monitoring.store import TimeSeries

NUMBERS = frozenset({ValueType.INT64, ValueType.DOUBLE})
BOOLS = frozenset({ValueType.BOOL})
DISTRIBUTIONS = frozenset({ValueType.DISTRIBUTION})
GAUGES = frozenset({MetricKind.GAUGE})
COUNTERS = frozenset({MetricKind.DELTA, MetricKind.CUMULATIVE})
SMOOTH = frozenset({MetricKind.GAUGE, MetricKind.DELTA})
NO_ALIGNER, NO_REDUCER = "ALIGN_NONE", "REDUCE_NONE"
# Beyond this, an answer would be no chart any more.
MAX_PERIODS = 20_000


class BadAggregation(Exception):
    """What Google would refuse, or what is not known here."""


@dataclass(frozen=True)
class Aggregation:
    """An aligner and a reducer. period: in seconds of this machine's clock. Raises BadAggregation."""

    period: float = 0.0
    aligner: str = NO_ALIGNER
    reducer: str = NO_REDUCER
    group_by: tuple[Field, ...] = ()

    def __post_init__(self) -> None:
        if self.aligner not in _ALIGNERS and self.aligner != NO_ALIGNER:
            raise BadAggregation(f"{self.aligner} is no aligner that the local Monitoring knows")
        if self.reducer not in _REDUCERS and self.reducer != NO_REDUCER:
            raise BadAggregation(f"{self.reducer} is no reducer that the local Monitoring knows")
        if self.reducer != NO_REDUCER and self.aligner == NO_ALIGNER:
            raise BadAggregation(f"{self.reducer} needs an aligner: series are reduced where they are aligned")
        if self.aligner != NO_ALIGNER and self.period <= 0:
            raise BadAggregation(f"{self.aligner} needs an alignment period")

    def result(self, kind: MetricKind, value_type: ValueType) -> tuple[MetricKind, ValueType]:
        """Return the kind and type of what comes of series of a kind and type. Raises BadAggregation if nothing can."""
        if self.aligner != NO_ALIGNER:
            aligner = _ALIGNERS[self.aligner]
            if kind not in aligner.kinds or value_type not in aligner.types:
                raise BadAggregation(f"{self.aligner} cannot be applied to a metric that is {kind} {value_type}")
            kind = MetricKind.DELTA if self.aligner == "ALIGN_DELTA" else aligner.kind or kind
            value_type = aligner.type or value_type
        if self.reducer != NO_REDUCER:
            reducer = _REDUCERS[self.reducer]
            if value_type not in reducer.types:
                raise BadAggregation(f"{self.reducer} cannot be applied to values that are {value_type}")
            value_type = reducer.type or value_type
        return kind, value_type

    def apply(self, inputs: Sequence[TimeSeries], ends: Sequence[float]) -> list[TimeSeries]:
        """Return series with a value at each end, of the period before it.

        ends: in their order. Raises BadAggregation.
        """
        if len(ends) > MAX_PERIODS:
            raise BadAggregation(f"{len(ends)} periods are more than the {MAX_PERIODS} that an answer may have")
        if not inputs or self.aligner == NO_ALIGNER:
            return list(inputs)
        kind, value_type = self.result(inputs[0].kind, inputs[0].value_type)
        groups: dict[Identity, list[TimeSeries]] = {}
        for source in inputs:
            groups.setdefault(self.group(source.identity), []).append(source)
        made = []
        for identity, members in groups.items():
            one = TimeSeries(identity, kind, value_type)
            for end in ends:
                value = self._compute_value(members, end)
                if value is not None:
                    one.append(Point(end if kind is MetricKind.GAUGE else end - self.period, end, value))
            if len(one):
                made.append(one)
        return made

    def group(self, identity: Identity) -> Identity:
        """Return what is left of a series' labels. A resource keeps its type and its project."""
        if self.reducer == NO_REDUCER:
            return identity
        kept = {field for field in self.group_by if field.label is not None}
        metric = [pair for pair in identity.metric_labels if Field("metric", pair[0]) in kept]
        resource = [
            pair for pair in identity.resource_labels if pair[0] == "project_id" or Field("resource", pair[0]) in kept
        ]
        return Identity(identity.metric_type, tuple(metric), identity.resource_type, tuple(resource))

    def _compute_value(self, members: Sequence[TimeSeries], end: float) -> Value | None:
        """Return the value of the period before the end; None if no member has one."""
        align = _ALIGNERS[self.aligner].apply
        found = [align(member, end - self.period, end) for member in members]
        values = [value for value in found if value is not None]
        if not values or self.reducer == NO_REDUCER:
            return values[0] if values else None
        return _REDUCERS[self.reducer].apply(values)


def split_periods(start: float, end: float, period: float) -> list[float]:
    """Return the ends of the periods that an interval has, counted back from its end."""
    count = max(1, math.floor((end - start) / period + 1e-9))
    return [end - period * back for back in range(count - 1, -1, -1)]


def apply_stages(stages: Sequence[Aggregation], inputs: Sequence[TimeSeries], end: float) -> list[TimeSeries]:
    """Return one value a series at the end, the second stage applied to what the first one makes.

    Raises BadAggregation.
    """
    if len(stages) > 2:
        raise BadAggregation(f"{len(stages)} aggregations in a row are more than two")
    if len(stages) == 2:
        inputs = stages[0].apply(inputs, split_periods(end - stages[1].period, end, stages[0].period))
    return stages[-1].apply(inputs, [end])


@dataclass(frozen=True)
class _Aligner:
    kinds: frozenset[MetricKind]
    types: frozenset[ValueType]
    apply: Callable[[TimeSeries, float, float], Value | None]
    kind: MetricKind | None = MetricKind.GAUGE
    type: ValueType | None = None


@dataclass(frozen=True)
class _Reducer:
    types: frozenset[ValueType]
    apply: Callable[[Sequence[Any]], Value | None]
    type: ValueType | None = None


def _align_values(
    compute: Callable[[Sequence[Any]], Value | None],
) -> Callable[[TimeSeries, float, float], Value | None]:
    def align(series: TimeSeries, start: float, end: float) -> Value | None:
        values = series.values(start, end)
        return compute(values) if len(values) else None

    return align


def _delta(series: TimeSeries, start: float, end: float) -> Value | None:
    if not series.is_distribution:
        return series.counted(start, end)
    gained = series.gained(start, end)
    return distributions.merge(gained) if gained else None


def _rate(series: TimeSeries, start: float, end: float) -> Value | None:
    counted = series.counted(start, end)
    return None if counted is None else counted / (end - start)


def _change(series: TimeSeries, start: float, end: float) -> Value | None:
    """Return the change against the period before, in percent, of the mean of each."""
    now, before = series.values(start, end), series.values(start - (end - start), start)
    if not len(now) or not len(before):
        return None
    current, previous = statistics.fmean(now), statistics.fmean(before)
    if previous == 0:
        return 0.0 if current == 0 else math.inf
    return (current - previous) / previous * 100


def _align_percentile(percent: float) -> Callable[[TimeSeries, float, float], Value | None]:
    def align(series: TimeSeries, start: float, end: float) -> Value | None:
        values = series.values(start, end)
        return distributions.estimate_percentile(distributions.merge(values), percent) if len(values) else None

    return align


def _sum(values: Sequence[Any]) -> Value:
    return distributions.merge(values) if isinstance(values[0], Distribution) else float(sum(values))


def _mean(values: Sequence[Any]) -> Value | None:
    if isinstance(values[0], Distribution):
        merged = distributions.merge(values)
        return merged.mean if merged.count else None
    return statistics.fmean(values)


def _fraction_true(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _reduce_percentile(percent: float) -> Callable[[Sequence[Any]], Value | None]:
    def reduce(values: Sequence[Any]) -> Value | None:
        if isinstance(values[0], Distribution):
            return distributions.estimate_percentile(distributions.merge(values), percent)
        ordered = sorted(values)
        place = (len(ordered) - 1) * percent / 100
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))

    return reduce


_ALIGNERS: Mapping[str, _Aligner] = {
    "ALIGN_DELTA": _Aligner(COUNTERS, NUMBERS | DISTRIBUTIONS, _delta),
    "ALIGN_RATE": _Aligner(COUNTERS, NUMBERS, _rate, type=ValueType.DOUBLE),
    "ALIGN_NEXT_OLDER": _Aligner(GAUGES, NUMBERS | BOOLS | DISTRIBUTIONS, _align_values(lambda values: values[-1])),
    "ALIGN_MIN": _Aligner(SMOOTH, NUMBERS, _align_values(min), kind=None),
    "ALIGN_MAX": _Aligner(SMOOTH, NUMBERS, _align_values(max), kind=None),
    "ALIGN_MEAN": _Aligner(SMOOTH, NUMBERS, _align_values(statistics.fmean), type=ValueType.DOUBLE),
    "ALIGN_STDDEV": _Aligner(SMOOTH, NUMBERS, _align_values(statistics.pstdev), type=ValueType.DOUBLE),
    "ALIGN_SUM": _Aligner(SMOOTH, NUMBERS | DISTRIBUTIONS, _align_values(_sum), kind=None),
    "ALIGN_COUNT": _Aligner(SMOOTH, NUMBERS | BOOLS, _align_values(len), kind=None, type=ValueType.INT64),
    "ALIGN_COUNT_TRUE": _Aligner(GAUGES, BOOLS, _align_values(_sum), type=ValueType.INT64),
    "ALIGN_COUNT_FALSE": _Aligner(
        GAUGES, BOOLS, _align_values(lambda values: len(values) - sum(values)), type=ValueType.INT64
    ),
    "ALIGN_FRACTION_TRUE": _Aligner(GAUGES, BOOLS, _align_values(_fraction_true), type=ValueType.DOUBLE),
    "ALIGN_PERCENT_CHANGE": _Aligner(SMOOTH, NUMBERS, _change, type=ValueType.DOUBLE),
    **{
        f"ALIGN_PERCENTILE_{percent:02}": _Aligner(
            SMOOTH, DISTRIBUTIONS, _align_percentile(percent), type=ValueType.DOUBLE
        )
        for percent in (99, 95, 50, 5)
    },
}

_REDUCERS: Mapping[str, _Reducer] = {
    "REDUCE_SUM": _Reducer(NUMBERS | DISTRIBUTIONS, _sum),
    "REDUCE_MEAN": _Reducer(NUMBERS | DISTRIBUTIONS, _mean, ValueType.DOUBLE),
    "REDUCE_MIN": _Reducer(NUMBERS, min),
    "REDUCE_MAX": _Reducer(NUMBERS, max),
    "REDUCE_STDDEV": _Reducer(NUMBERS, statistics.pstdev, ValueType.DOUBLE),
    "REDUCE_COUNT": _Reducer(NUMBERS | BOOLS | DISTRIBUTIONS, len, ValueType.INT64),
    "REDUCE_COUNT_TRUE": _Reducer(BOOLS, _sum, ValueType.INT64),
    "REDUCE_COUNT_FALSE": _Reducer(BOOLS, lambda values: len(values) - sum(values), ValueType.INT64),
    "REDUCE_FRACTION_TRUE": _Reducer(BOOLS, _fraction_true, ValueType.DOUBLE),
    **{
        f"REDUCE_PERCENTILE_{percent:02}": _Reducer(
            NUMBERS | DISTRIBUTIONS, _reduce_percentile(percent), ValueType.DOUBLE
        )
        for percent in (99, 95, 50, 5)
    },
}
