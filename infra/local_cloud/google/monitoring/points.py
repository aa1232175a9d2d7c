"""What a time series is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

Labels = tuple[tuple[str, str], ...]


class MetricKind(StrEnum):
    GAUGE = "GAUGE"
    DELTA = "DELTA"
    CUMULATIVE = "CUMULATIVE"


class ValueType(StrEnum):
    BOOL = "BOOL"
    INT64 = "INT64"
    DOUBLE = "DOUBLE"
    DISTRIBUTION = "DISTRIBUTION"


@dataclass(frozen=True)
class Identity:
    """Labels are sorted pairs: `of` makes them."""

    metric_type: str
    metric_labels: Labels
    resource_type: str
    resource_labels: Labels

    @classmethod
    def of(
        cls,
        metric_type: str,
        metric_labels: Mapping[str, str],
        resource_type: str,
        resource_labels: Mapping[str, str],
    ) -> "Identity":
        return cls(metric_type, labels_of(metric_labels), resource_type, labels_of(resource_labels))


@dataclass(frozen=True)
class Distribution:
    """counts[i]: of the values from bounds[i - 1] on and below bounds[i]; the last one, of those beyond."""

    count: float
    mean: float
    bounds: tuple[float, ...]
    counts: tuple[float, ...]


Value = float | Distribution


class Point(NamedTuple):
    """Epoch seconds; start is end for a gauge. True is 1.0."""

    start: float
    end: float
    value: Value


def labels_of(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))
