"""What a collector finds at one moment."""

from collections.abc import Mapping
from typing import NamedTuple

from local_cloud.google.monitored_resources import MonitoredResource
from local_cloud.google.monitoring.points import MetricKind, Value, ValueType


class Measurement(NamedTuple):
    """A value at one moment. Of a DELTA, it is what came since the collector was last asked."""

    metric: str
    resource: MonitoredResource
    kind: MetricKind
    value_type: ValueType
    value: Value
    labels: Mapping[str, str]


def gauge(metric: str, resource: MonitoredResource, value: float, **labels: str) -> Measurement:
    """Return a measured value: an INT64 if it is an int, else a DOUBLE."""
    value_type = ValueType.INT64 if isinstance(value, int) else ValueType.DOUBLE
    return Measurement(metric, resource, MetricKind.GAUGE, value_type, value, labels)


def delta(metric: str, resource: MonitoredResource, value: int, **labels: str) -> Measurement:
    """Return what was counted since the collector was last asked."""
    return Measurement(metric, resource, MetricKind.DELTA, ValueType.INT64, value, labels)
