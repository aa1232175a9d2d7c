"""The metrics that the functions publish, with their descriptions. Alerts and dashboards use them."""

from dataclasses import dataclass

import pulumi
from pulumi_gcp import monitoring

from utxoiq_infra.component import Component

PREFIX = "custom.googleapis.com/utxoiq/"

LABELS = {
    "function": "Function name",
    "group": "Kind of cached entry",
    "method": "HTTP method",
    "result": "Outcome",
    "route": "URL path template",
    "schedule": "Schedule name",
    "state": "Connection state",
    "statement": "SQL statement name",
    "status": "HTTP status code",
}


@dataclass(frozen=True)
class PublishedMetric:
    """A metric that the functions publish.

    Attributes:
        name: The type after PREFIX.
        kind: GAUGE or CUMULATIVE.
        value_type: The type of its points.
        unit: The unit in UCUM.
        description: What it measures.
        labels: The names of its labels.
    """

    name: str
    kind: str
    value_type: str
    unit: str
    description: str
    labels: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """Return the metric's type."""
        return PREFIX + self.name


def _gauge(name: str, value_type: str, unit: str, description: str, *labels: str) -> PublishedMetric:
    return PublishedMetric(name, "GAUGE", value_type, unit, description, labels)


def _counter(name: str, description: str, *labels: str) -> PublishedMetric:
    return PublishedMetric(name, "CUMULATIVE", "INT64", "1", description, labels)


def _latencies(name: str, description: str, *labels: str) -> PublishedMetric:
    return PublishedMetric(name, "CUMULATIVE", "DISTRIBUTION", "ms", description, labels)


PUBLISHED_METRICS = (
    # Of every instance: a generic_task whose job is the function and whose task_id is the instance.
    _gauge("pool/utilization", "DOUBLE", "%", "Connections in use, as a percentage of the pool's limit"),
    _gauge(
        "pool/connections",
        "INT64",
        "1",
        "Connections of the pool by state; overflow counts those beyond its size",
        "state",
    ),
    _gauge("pool/waiting", "INT64", "1", "Requests waiting for a connection"),
    _counter("pool/timeouts", "Requests that timed out waiting for a connection"),
    _latencies("pool/checkout_latencies", "Time that requests waited for a connection"),
    _counter("query/count", "SQL statements by outcome: fast, slow (over 200 ms), error", "result"),
    _latencies("query/latencies", "SQL statement execution time", "statement"),
    _counter("request/count", "HTTP requests answered", "method", "route", "status"),
    _latencies("request/latencies", "HTTP request duration", "method", "route"),
    _counter("cache/lookups", "Cache lookups by outcome: memory, redis, miss, error", "group", "result"),
    _counter("cache/evictions", "Entries evicted from the in-process cache because it was full"),
    _counter("cache/forged", "What was found in Redis, or heard through it, and not signed by a function of the stack"),
    # Of the whole system: a generic_task whose job is the stack's prefix and whose task_id is fleet.
    _gauge("fleet/instances", "INT64", "1", "Instances that reported recently", "function"),
    _gauge("redis/up", "INT64", "1", "1 if Redis accepts writes, else 0"),
    _gauge("partitions/months_ahead", "INT64", "1", "Monthly partitions of system_metrics after this month"),
    _gauge("metrics/series_used", "DOUBLE", "%", "Series of metrics, as a percentage of how many there may be"),
    _gauge(
        "retention/consecutive_failures", "INT64", "1", "Retention runs that failed since the last one that succeeded"
    ),
    _gauge("retention/duration", "DOUBLE", "s", "Duration of the last retention run, or of the present one so far"),
    _gauge("schedule/age", "DOUBLE", "s", "Time since a schedule last did its work", "schedule"),
    _gauge("backup/age", "DOUBLE", "s", "Time since the newest backup ended"),
    _gauge("backup/failures", "INT64", "1", "Backups that failed since the newest one that succeeded"),
    _gauge("verification/age", "DOUBLE", "s", "Time since the last backup verification that passed"),
    _gauge("verification/failed", "INT64", "1", "1 if the last backup verification failed, else 0"),
)


class MetricDescriptors(Component):
    """The descriptors of all published metrics.

    They are kept when the stack is destroyed: other stacks of the project use them, and history needs them.
    """

    def __init__(self, name: str, project: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("MetricDescriptors", name, opts)
        for metric in PUBLISHED_METRICS:
            monitoring.MetricDescriptor(
                f"{name}-{metric.name.replace('/', '-')}",
                project=project,
                type=metric.type,
                metric_kind=metric.kind,
                value_type=metric.value_type,
                unit=metric.unit,
                display_name=f"utxoIQ {metric.name}",
                description=metric.description,
                labels=[
                    monitoring.MetricDescriptorLabelArgs(key=label, value_type="STRING", description=LABELS[label])
                    for label in metric.labels
                ],
                opts=self.own(retain_on_delete=True),
            )
        self.register_outputs({})
