"""What a time series is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

Labels = tuple[tuple[str, str], ...]


class MetricKind(StrEnum):
    """What a point counts: a level, what came in an interval, or what came since a start."""

    GAUGE = "GAUGE"
    DELTA = "DELTA"
    CUMULATIVE = "CUMULATIVE"


class ValueType(StrEnum):
    """The type of a metric's values."""

    BOOL = "BOOL"
    INT64 = "INT64"
    DOUBLE = "DOUBLE"
    DISTRIBUTION = "DISTRIBUTION"


@dataclass(frozen=True)
class Identity:
    """What tells a series from others. Labels are sorted pairs: `from_labels` makes them."""

    metric_type: str
    metric_labels: Labels
    resource_type: str
    resource_labels: Labels

    @classmethod
    def from_labels(
        cls,
        metric_type: str,
        metric_labels: Mapping[str, str],
        resource_type: str,
        resource_labels: Mapping[str, str],
    ) -> "Identity":
        """Return the identity of a metric's labels and a resource's."""
        return cls(metric_type, sort_labels(metric_labels), resource_type, sort_labels(resource_labels))


@dataclass(frozen=True)
class Distribution:
    """Values in buckets.

    counts[i]: of the values from bounds[i - 1] on and below bounds[i]; the last one, of those beyond.
    """

    count: float
    mean: float
    bounds: tuple[float, ...]
    counts: tuple[float, ...]


Value = float | Distribution


class Point(NamedTuple):
    """A value of an interval, in epoch seconds; start is end for a gauge. True is 1.0."""

    start: float
    end: float
    value: Value


def sort_labels(labels: Mapping[str, str]) -> Labels:
    """Return labels as sorted pairs."""
    return tuple(sorted(labels.items()))
