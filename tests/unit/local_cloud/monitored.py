"""A local Monitoring whose clock the test moves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import aiohttp

from local_cloud.google.monitoring.incidents import Incident
from local_cloud.google.monitoring.monitoring import Monitoring
from local_cloud.google.monitoring.points import Distribution, Identity, MetricKind, Point, Value, ValueType

PROJECT = "shop"
START = 1_750_000_000.0
PREFIX = "custom.googleapis.com/shop/"


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Monitored:
    """Metrics are of generic tasks, unless they are told to be of another resource."""

    def __init__(self, folder: Path, pace: float = 1.0) -> None:
        self.clock = Clock()
        self.said: list[str] = []
        self.folder = folder
        self.monitoring = Monitoring(
            PROJECT,
            folder / "incidents.json",
            socket=folder / "monitoring",
            session=cast(aiohttp.ClientSession, None),
            say=self.said.append,
            pace=pace,
            clock=self.clock,
        )
        self.store = self.monitoring.store

    def gauge(self, metric: str, value: float, job: str = "till", **labels: str) -> None:
        now = self.clock.now
        self.write(metric, MetricKind.GAUGE, ValueType.DOUBLE, Point(now, now, value), job, labels)

    def cumulative(self, metric: str, value: Value, since: float = START, job: str = "till", **labels: str) -> None:
        value_type = ValueType.DISTRIBUTION if isinstance(value, Distribution) else ValueType.INT64
        self.write(metric, MetricKind.CUMULATIVE, value_type, Point(since, self.clock.now, value), job, labels)

    def write(
        self, metric: str, kind: MetricKind, value_type: ValueType, point: Point, job: str, labels: Mapping[str, str]
    ) -> None:
        self.store.write(identity(metric, job, labels), kind, value_type, point)

    def declare(self, *conditions: Mapping[str, Any], combiner: str = "OR", **more: Any) -> None:
        inputs = {"displayName": "alert", "combiner": combiner, "conditions": list(conditions), **more}
        self.monitoring.declare(f"projects/{PROJECT}/alertPolicies/1", inputs)

    def after(self, seconds: float) -> list[Incident]:
        """What is open when the policies are looked at then."""
        self.clock.now += seconds
        self.monitoring.evaluate()
        return self.monitoring.incidents.open()


def identity(metric: str, job: str = "till", labels: Mapping[str, str] | None = None) -> Identity:
    resource = {"project_id": PROJECT, "location": "here", "namespace": "shop", "job": job, "task_id": "1"}
    return Identity.from_labels(PREFIX + metric, labels or {}, "generic_task", resource)


def chosen(metric: str, more: str = "") -> str:
    return f'metric.type = "{PREFIX}{metric}" AND resource.type = "generic_task"{more}'


def aggregation(aligner: str, seconds: int = 60, reducer: str = "REDUCE_NONE", by: tuple[str, ...] = ()) -> Any:
    return {
        "alignmentPeriod": f"{seconds}s",
        "perSeriesAligner": aligner,
        "crossSeriesReducer": reducer,
        "groupByFields": list(by),
    }


def threshold(filter_: str, *aggregations: Any, above: float = 0, seconds: int = 0, **more: Any) -> dict[str, Any]:
    condition = {
        "filter": filter_,
        "aggregations": list(aggregations),
        "comparison": "COMPARISON_GT",
        "thresholdValue": above,
        "duration": f"{seconds}s",
        **more,
    }
    return {"displayName": f"above {above:g}", "conditionThreshold": condition}
