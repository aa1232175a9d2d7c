"""What a condition looks at: the series of a filter, aggregated; or how fast an objective's error budget goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from local_cloud.google.monitoring.aggregation import NO_ALIGNER, Aggregation, BadAggregation, apply_stages
from local_cloud.google.monitoring.filters import Field, Filter
from local_cloud.google.monitoring.points import Identity, MetricKind
from local_cloud.google.monitoring.store import TimeSeries, TimeSeriesStore

Values = Mapping[Identity, float]


@dataclass(frozen=True)
class Fault:
    """Why a query finds nothing. sure: it never will; else it has not yet."""

    metric: str
    why: str
    sure: bool = True


class Query(Protocol):
    """What a condition looks at."""

    def values(self, now: float) -> Values:
        """Return the newest value of each group that has one."""
        ...

    def newest(self) -> Mapping[Identity, float]:
        """Return when each group's last point came, in epoch seconds."""
        ...

    def faults(self) -> list[Fault]:
        """Return why the query would find nothing; empty if it may find something."""
        ...


class MetricQuery:
    """The series of a filter, aggregated. aggregations: with periods of this machine's clock. Raises BadFilter."""

    def __init__(self, store: TimeSeriesStore, text: str, aggregations: Sequence[Aggregation]) -> None:
        self.filter = Filter.parse(text)
        self.metric_type = self.filter.metric_type
        self.aggregations = tuple(aggregations)
        self._store = store
        self._chosen: list[TimeSeries] = []
        self._generation = -1

    @property
    def span(self) -> float:
        """Return how far back one value looks, in seconds."""
        return self.aggregations[-1].period if self.aggregations else 0.0

    def values(self, now: float) -> Values:
        """Return the newest value of each group that has one. Raises BadAggregation."""
        series = self._series()
        if not self.aggregations or self.aggregations[-1].aligner == NO_ALIGNER:
            return {one.identity: float(one[-1].value) for one in series if len(one) and not one.is_distribution}  # type: ignore[arg-type]
        aligned = apply_stages(self.aggregations, series, self._find_moment(series, now))
        return {one.identity: float(one[-1].value) for one in aligned if not one.is_distribution}  # type: ignore[arg-type]

    def _find_moment(self, series: Sequence[TimeSeries], now: float) -> float:
        """Return now; or the time of the newest point, if that came just now and is of before the last period."""
        newest = max((one.ends[-1] for one in series), default=now)
        came = max((one.written for one in series), default=now)
        return newest if newest <= now - self.span < came else now

    def newest(self) -> Mapping[Identity, float]:
        """Return when each group's last point came, in epoch seconds."""
        newest: dict[Identity, float] = {}
        for series in self._series():
            group = series.identity
            for stage in self.aggregations:
                group = stage.group(group)
            newest[group] = max(newest.get(group, 0.0), series.ends[-1])
        return newest

    def counted(self, now: float, seconds: float) -> float | None:
        """Return what all series count in a time; None if none has a point in it."""
        parts = [series.counted(now - seconds, now) for series in self._series()]
        known = [part for part in parts if part is not None]
        return sum(known) if known else None

    def faults(self) -> list[Fault]:
        """Return why the query would find nothing; empty if it may find something."""
        descriptor = self._store.descriptor(self.metric_type)
        if descriptor is None:
            return [Fault(self.metric_type, "nobody publishes this metric")]
        named = [*self.filter.fields, *(field for stage in self.aggregations for field in stage.group_by)]
        unknown = sorted(
            {field.label for field in named if field.side == "metric" and field.label is not None}
            - descriptor.labels.keys()
        )
        faults = [Fault(self.metric_type, f"the metric has no label {label}") for label in unknown]
        kind, value_type = descriptor.kind, descriptor.value_type
        try:
            for stage in self.aggregations:
                kind, value_type = stage.result(kind, value_type)
        except BadAggregation as error:
            faults.append(Fault(self.metric_type, str(error)))
        if not self._store.is_published(self.metric_type):
            faults.append(Fault(self.metric_type, "nobody has published a point of this metric yet", sure=False))
        return faults

    def is_counted(self) -> bool:
        """Return whether the metric counts, and is no gauge."""
        descriptor = self._store.descriptor(self.metric_type)
        return descriptor is None or descriptor.kind is not MetricKind.GAUGE

    def _series(self) -> list[TimeSeries]:
        if self._generation != self._store.generation:
            self._chosen = self._store.matching(self.filter)
            self._generation = self._store.generation
        return self._chosen


class RatioQuery:
    """A group of the numerator over the group of the denominator that has the same labels."""

    def __init__(self, numerator: MetricQuery, denominator: MetricQuery) -> None:
        self._numerator = numerator
        self._denominator = denominator

    def values(self, now: float) -> Values:
        """Return the newest ratio of each group that has one."""
        below = {_drop_metric_type(identity): value for identity, value in self._denominator.values(now).items()}
        above = self._numerator.values(now)
        return {
            identity: value / below[_drop_metric_type(identity)]
            for identity, value in above.items()
            if below.get(_drop_metric_type(identity))
        }

    def newest(self) -> Mapping[Identity, float]:
        """Return when each group's last point of the numerator came, in epoch seconds."""
        return self._numerator.newest()

    def faults(self) -> list[Fault]:
        """Return why the query would find nothing; empty if it may find something."""
        return self._numerator.faults() + self._denominator.faults()


@dataclass(frozen=True)
class Objective:
    """A service level objective by requests: of good, bad and total, two are given. goal: 0 to 1."""

    name: str
    goal: float
    good: MetricQuery | None
    bad: MetricQuery | None
    total: MetricQuery | None

    @property
    def queries(self) -> list[MetricQuery]:
        """Return those that are given."""
        return [query for query in (self.good, self.bad, self.total) if query is not None]

    def bad_part(self, now: float, seconds: float) -> float | None:
        """Return which part of what was asked in a time was bad, 0 to 1; None if nothing was asked."""
        good, bad, total = (
            None if query is None else query.counted(now, seconds) or 0.0 for query in (self.good, self.bad, self.total)
        )
        if total is None:
            total = (good or 0.0) + (bad or 0.0)
        if bad is None:
            bad = max(0.0, total - (good or 0.0))
        return bad / total if total > 0 else None


class BurnRateQuery:
    """How many times faster than its goal allows an objective's budget goes.

    lookback: seconds of this machine's clock.
    """

    def __init__(self, objective: Objective, lookback: float) -> None:
        self.objective = objective
        self.lookback = lookback
        metric_type = f'select_slo_burn_rate("{objective.name}")'
        self._identity = Identity.from_labels(metric_type, {}, "global", {})

    def values(self, now: float) -> Values:
        """Return the rate; empty if nothing was asked."""
        part = self.objective.bad_part(now, self.lookback)
        return {} if part is None else {self._identity: part / (1 - self.objective.goal)}

    def newest(self) -> Mapping[Identity, float]:
        """Return when the last point of what is counted came, in epoch seconds."""
        ends = [end for query in self.objective.queries for end in query.newest().values()]
        return {self._identity: max(ends)} if ends else {}

    def faults(self) -> list[Fault]:
        """Return why the query would find nothing; empty if it may find something."""
        faults = [fault for query in self.objective.queries for fault in query.faults()]
        faults += [
            Fault(query.metric_type, "an objective counts, and this metric is a gauge")
            for query in self.objective.queries
            if not query.is_counted()
        ]
        return faults


def _drop_metric_type(identity: Identity) -> Identity:
    return replace(identity, metric_type="")


__all__ = ["BurnRateQuery", "Fault", "Field", "MetricQuery", "Objective", "Query", "RatioQuery"]
