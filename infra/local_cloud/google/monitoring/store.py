"""Time series in memory, taken as Google takes them: what it would refuse is refused."""

import re
import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, MutableSequence, Sequence
from dataclasses import replace
from typing import Any

from local_cloud.google.monitoring import distributions
from local_cloud.google.monitoring.descriptors import (
    CUSTOM,
    CUSTOM_RESOURCES,
    GOOGLES,
    LOG_METRIC,
    RESOURCES,
    Descriptor,
)
from local_cloud.google.monitoring.filters import Filter
from local_cloud.google.monitoring.points import Distribution, Identity, Labels, MetricKind, Point, Value, ValueType

__all__ = ["Distribution", "Identity", "MetricKind", "Point", "Rejected", "TimeSeries", "TimeSeriesStore", "ValueType"]

# Points of one series are no closer together.
SAMPLING_SECONDS = 5.0
PAST_SECONDS = 25 * 3600.0
FUTURE_SECONDS = 300.0
MAX_LABELS = 30
MAX_LABEL_LENGTH = 1024
LABEL_KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
# A point a minute: more than a day of numbers, and 7 hours of distributions.
KEPT_NUMBERS = 1600
KEPT_DISTRIBUTIONS = 420
MAX_SERIES = 20_000
# So many new series between two looks for those that nobody writes any more.
FORGET_EVERY = 1000


class Rejected(Exception):
    """What cannot be written, in Google's words, as far as they are known."""


class TimeSeries:
    """Points in the order of their ends; the oldest are forgotten."""

    def __init__(self, identity: Identity, kind: MetricKind, value_type: ValueType) -> None:
        self.identity = identity
        self.kind = kind
        self.value_type = value_type
        self.ends = array("d")
        # When the last point came: publishing takes its time.
        self.written = 0.0
        self._starts = array("d")
        self._values: MutableSequence[Any] = [] if self.is_distribution else array("d")
        # What each point counts, and since when; of a gauge, nothing.
        self._increments = array("d")
        self._since = array("d")
        self._kept = KEPT_DISTRIBUTIONS if self.is_distribution else KEPT_NUMBERS

    @property
    def is_distribution(self) -> bool:
        """Return whether its values are distributions."""
        return self.value_type is ValueType.DISTRIBUTION

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> Point:
        return Point(self._starts[index], self.ends[index], self._values[index])

    def append(self, point: Point) -> None:
        """Add a point that ends after the last one."""
        value = point.value
        if self.kind is not MetricKind.GAUGE and not isinstance(value, Distribution):
            self._count(point, value)
        if self.ends and value == self._values[-1]:
            value = self._values[-1]  # an idle process publishes an equal distribution each time
        self._starts.append(point.start)
        self.ends.append(point.end)
        self._values.append(value)
        if len(self.ends) > 2 * self._kept:
            for column in (self._starts, self.ends, self._values, self._increments, self._since):
                del column[: -self._kept]

    def between(self, start: float, end: float) -> range:
        """Return the indices of what ended after start and not after end."""
        return range(bisect_right(self.ends, start), bisect_right(self.ends, end))

    def points(self, start: float, end: float) -> list[Point]:
        """Return what ended after start and not after end."""
        return [self[index] for index in self.between(start, end)]

    def values(self, start: float, end: float) -> Sequence[Any]:
        """Return the values of what ended after start and not after end."""
        within = self.between(start, end)
        return self._values[within.start : within.stop]

    def counted(self, start: float, end: float) -> float | None:
        """Return what was counted in a time; None without a point.

        A point that counts for longer than that gives its part.
        """
        within = self.between(start, end)
        if not within:
            return None
        total = sum(self._increments[within.start : within.stop])
        longer = (self.ends[within.start] - self._since[within.start]) / (end - start)
        if longer > 1:
            total -= self._increments[within.start] * (1 - 1 / longer)
        return total

    def gained(self, start: float, end: float) -> list[Distribution]:
        """Return what a counting distribution gained with each point of a time."""
        return [
            distributions.subtract(self._values[index], self._values[index - 1])
            if self.kind is MetricKind.CUMULATIVE and index and self._starts[index] == self._starts[index - 1]
            else self._values[index]
            for index in self.between(start, end)
        ]

    def _count(self, point: Point, value: float) -> None:
        if self.kind is MetricKind.CUMULATIVE and self.ends and self._starts[-1] == point.start:
            self._increments.append(value - self._values[-1])
            self._since.append(self.ends[-1])
        else:
            self._increments.append(value)
            self._since.append(point.start)


class TimeSeriesStore:
    """Holds series, on one thread. pace: how many times faster than by Google's clock points may come."""

    def __init__(self, project: str = "", *, pace: float = 1.0, clock: Callable[[], float] = time.time) -> None:
        self.project = project
        self.pace = pace
        self.clock = clock
        self.descriptors: dict[str, Descriptor] = {}
        # Counts the series that came or went: whoever keeps a choice of them sees that it is old.
        self.generation = 0
        # Counts the points that came.
        self.written = 0
        self._series: dict[str, dict[Identity, TimeSeries]] = {}
        self._made = 0

    def describe(self, descriptor: Descriptor) -> Descriptor:
        """Store what a metric is, and return it with the labels it had. Raises Rejected if it is of another kind."""
        if not descriptor.type.startswith((*CUSTOM, LOG_METRIC)):
            raise Rejected(f"Field metricDescriptor.type had an invalid value of {descriptor.type!r}: it is not yours")
        if descriptor.is_custom and descriptor.kind is MetricKind.DELTA:
            raise Rejected(f"The metric kind for metric {descriptor.type} must be GAUGE or CUMULATIVE, but is DELTA.")
        present = self.descriptors.get(descriptor.type)
        if present is not None and (present.kind, present.value_type) != (descriptor.kind, descriptor.value_type):
            raise Rejected(
                f"The metric {descriptor.type} is {present.kind} {present.value_type}, "
                f"and cannot become {descriptor.kind} {descriptor.value_type}."
            )
        labels = {**(present.labels if present is not None else {}), **descriptor.labels}
        _check_labels("metric", labels)
        self.descriptors[descriptor.type] = described = replace(descriptor, labels=labels)
        return described

    def descriptor(self, metric_type: str) -> Descriptor | None:
        """Return what is known of a metric that has been published, or that Google publishes; None if nothing is."""
        return self.descriptors.get(metric_type) or GOOGLES.get(metric_type)

    def is_published(self, metric_type: str) -> bool:
        """Return whether there ever was a point.

        Of Google's own metrics and of those made from logs, return whether there may be one.
        """
        descriptor = self.descriptor(metric_type)
        return descriptor is not None and (not descriptor.is_custom or metric_type in self._series)

    def write(self, identity: Identity, kind: MetricKind, value_type: ValueType, point: Point) -> None:
        """Add a point to its series. Raises Rejected for what Google would refuse."""
        identity = self._complete_labels(identity)
        series = self._series.get(identity.metric_type, {}).get(identity)
        if series is not None:
            _check_type(identity.metric_type, series, kind, value_type)
            self._check_interval(kind, point)
            self._check_order(series, point)
        else:
            self._check_resource(identity)
            self._check_descriptor(identity, kind, value_type)
            self._check_interval(kind, point)
        _check_value(point.value, value_type)
        if series is None:
            series = self._add_series(identity, kind, value_type)
        series.append(point)
        series.written = self.clock()
        self.written += 1

    def matching(self, chosen: Filter) -> list[TimeSeries]:
        """Return the series that a filter chooses. Raises BadFilter for one of several metrics."""
        of_type = self._series.get(chosen.metric_type, {})
        return [series for identity, series in of_type.items() if chosen.matches(identity)]

    def select(self, text: str, start: float, end: float) -> list[tuple[TimeSeries, list[Point]]]:
        """Return what ended after start and not after end, by series that a filter chooses. Raises BadFilter."""
        chosen = Filter.parse(text)
        found = [(series, series.points(start, end)) for series in self.matching(chosen)]
        return [(series, points) for series, points in found if points]

    def _complete_labels(self, identity: Identity) -> Identity:
        labels = identity.resource_labels
        if any(key == "project_id" for key, _ in labels):
            return identity
        return replace(identity, resource_labels=tuple(sorted([*labels, ("project_id", self.project)])))

    def _check_resource(self, identity: Identity) -> None:
        wanted = RESOURCES.get(identity.resource_type)
        if wanted is None:
            raise Rejected(f"Unrecognized monitored resource type: {identity.resource_type!r}")
        given = {key for key, _ in identity.resource_labels}
        if wanted - given:
            missing = " ".join(sorted(wanted - given))
            raise Rejected(f"The set of resource labels is incomplete. Missing labels: ({missing}).")
        if given - wanted:
            unknown = " ".join(sorted(given - wanted))
            raise Rejected(f"Unrecognized resource label: {unknown} of {identity.resource_type}.")
        if identity.metric_type.startswith(CUSTOM) and identity.resource_type not in CUSTOM_RESOURCES:
            raise Rejected(f"The resource type {identity.resource_type} cannot be used with custom metrics.")

    def _check_descriptor(self, identity: Identity, kind: MetricKind, value_type: ValueType) -> None:
        metric_type = identity.metric_type
        descriptor = self.descriptor(metric_type)
        labels = dict.fromkeys((key for key, _ in identity.metric_labels), "")
        if descriptor is None:
            if not metric_type.startswith(CUSTOM):
                raise Rejected(f"Unknown metric: {metric_type}")
            self.describe(Descriptor(metric_type, kind, value_type, labels))
            return
        if (descriptor.kind, descriptor.value_type) != (kind, value_type):
            raise Rejected(
                f"The metric {metric_type} must be {descriptor.kind} {descriptor.value_type}, "
                f"but is {kind} {value_type}."
            )
        unknown = labels.keys() - descriptor.labels.keys()
        if unknown and not descriptor.is_custom:
            raise Rejected(f"Unrecognized metric label: {' '.join(sorted(unknown))} of {metric_type}.")
        if unknown:
            self.describe(replace(descriptor, labels={**descriptor.labels, **labels}))
        _check_label_values(identity.metric_labels)

    def _check_interval(self, kind: MetricKind, point: Point) -> None:
        if kind is MetricKind.GAUGE and point.start != point.end:
            raise Rejected("The start time must be equal to the end time for a gauge metric.")
        if kind is not MetricKind.GAUGE and point.start >= point.end:
            raise Rejected("The start time must be before the end time for the non-gauge metric.")
        now = self.clock()
        if point.end > now + FUTURE_SECONDS:
            raise Rejected("Data points cannot be written more than 5 minutes in the future.")
        if point.end < now - PAST_SECONDS:
            raise Rejected("Data points cannot be written more than 25h in the past.")

    def _check_order(self, series: TimeSeries, point: Point) -> None:
        last = series[-1]
        if point.end <= last.end:
            raise Rejected(
                "Points must be written in order. One or more of the points specified had an older end time than the "
                "most recent point."
            )
        grows = series.kind is MetricKind.CUMULATIVE and point.start == last.start
        if series.kind is not MetricKind.GAUGE and point.start < last.end and not grows:
            raise Rejected(
                "Points must be written in order. One or more of the points specified had an older start time than the "
                "most recent point."
            )
        if point.end - last.end < SAMPLING_SECONDS / self.pace and series.identity.metric_type.startswith(CUSTOM):
            raise Rejected(
                "One or more points were written more frequently than the maximum sampling period configured for the "
                "metric."
            )

    def _add_series(self, identity: Identity, kind: MetricKind, value_type: ValueType) -> TimeSeries:
        self._made += 1
        if self._made % FORGET_EVERY == 0:
            self._forget()
        self.generation += 1
        series = TimeSeries(identity, kind, value_type)
        self._series.setdefault(identity.metric_type, {})[identity] = series
        return series

    def _forget(self) -> None:
        """Forget series of processes that are long gone; if too many are left, those that are silent for longest."""
        everything = [series for of_type in self._series.values() for series in of_type.values()]
        everything.sort(key=lambda series: series.ends[-1])
        oldest = self.clock() - PAST_SECONDS
        for number, series in enumerate(everything):
            if series.ends[-1] < oldest or number < len(everything) - MAX_SERIES:
                del self._series[series.identity.metric_type][series.identity]


def _check_type(metric_type: str, series: TimeSeries, kind: MetricKind, value_type: ValueType) -> None:
    if (series.kind, series.value_type) != (kind, value_type):
        raise Rejected(
            f"The metric {metric_type} must be {series.kind} {series.value_type}, but is {kind} {value_type}."
        )


def _check_value(value: Value, value_type: ValueType) -> None:
    if not isinstance(value, Distribution):
        return
    if value_type is not ValueType.DISTRIBUTION:
        raise Rejected(f"The value is a distribution, and must be {value_type}.")
    if sum(value.counts) != value.count:
        raise Rejected(f"The sum of bucket counts, {sum(value.counts)}, must equal the count, {value.count}.")
    if len(value.counts) != len(value.bounds) + 1:
        raise Rejected(f"{len(value.bounds)} bounds make {len(value.bounds) + 1} buckets, not {len(value.counts)}.")
    if any(below >= above for below, above in zip(value.bounds, value.bounds[1:], strict=False)):
        raise Rejected("The bounds of a distribution must increase.")


def _check_labels(what: str, labels: Mapping[str, str]) -> None:
    if len(labels) > MAX_LABELS:
        raise Rejected(f"A {what} has at most {MAX_LABELS} labels, not {len(labels)}.")
    for key in labels:
        if not LABEL_KEY.fullmatch(key) or len(key) > 100:
            raise Rejected(f"{key!r} is no label key.")


def _check_label_values(labels: Labels) -> None:
    for key, value in labels:
        if len(value) > MAX_LABEL_LENGTH:
            raise Rejected(f"The value of the label {key} is longer than {MAX_LABEL_LENGTH} characters.")
