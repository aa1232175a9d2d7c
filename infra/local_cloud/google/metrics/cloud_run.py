"""Cloud Run's metrics, of what the front ends count."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from local_cloud.google.metrics.measurement import Measurement, delta, gauge
from local_cloud.google.metrics.traffic import BOUNDS, Traffic
from local_cloud.google.monitored_resources import MonitoredResource
from local_cloud.google.monitoring.points import Distribution, MetricKind, ValueType

PREFIX = "run.googleapis.com"


class MeasuredFunction(NamedTuple):
    """A function to measure. traffic: counts its requests. serves: whether its process does."""

    resource: MonitoredResource
    traffic: Traffic
    serves: bool


class CloudRunCollector:
    """Measures functions. functions: returns those of the moment."""

    def __init__(self, functions: Callable[[], list[MeasuredFunction]]) -> None:
        self._functions = functions
        self._seen: dict[str, set[int]] = {}

    def collect(self) -> Iterator[Measurement]:
        """Yield what was counted of each function since the last call."""
        for resource, traffic, serves in self._functions():
            yield from self._measure(resource, traffic, serves)

    def _measure(self, resource: MonitoredResource, traffic: Traffic, serves: bool) -> Iterator[Measurement]:
        answers = traffic.take()
        seen = self._seen.setdefault(resource.labels["service_name"], set())
        seen.update(answers)
        for status in sorted(seen):
            labels = {"response_code": str(status), "response_code_class": f"{status // 100}xx"}
            found = answers.get(status)
            yield delta(f"{PREFIX}/request_count", resource, found.count if found else 0, **labels)
            if found:
                latencies = Distribution(found.count, found.total / found.count, BOUNDS, tuple(found.counts))
                yield Measurement(
                    f"{PREFIX}/request_latencies", resource, MetricKind.DELTA, ValueType.DISTRIBUTION, latencies, labels
                )
        active = serves and bool(answers)
        for state, there in (("active", active), ("idle", serves and not active)):
            yield gauge(f"{PREFIX}/container/instance_count", resource, int(there), state=state)
