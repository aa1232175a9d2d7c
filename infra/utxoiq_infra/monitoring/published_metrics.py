"""The metrics that the functions publish, with what they mean. Alerts and dashboards are about these."""

from dataclasses import dataclass

import pulumi
from pulumi_gcp import monitoring

from utxoiq_infra.component import Component

PREFIX = "custom.googleapis.com/utxoiq/"

LABELS = {
    "function": "The function's name",
    "group": "What is cached",
    "method": "Of HTTP",
    "result": "What became of it",
    "route": "The path, its parameters by name",
    "state": "What the connection does",
    "statement": "The statement's name",
    "status": "Of HTTP",
}


@dataclass(frozen=True)
class PublishedMetric:
    """name: after PREFIX. unit: as UCUM has it."""

    name: str
    kind: str
    value_type: str
    unit: str
    description: str
    labels: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        return PREFIX + self.name


def _gauge(name: str, value_type: str, unit: str, description: str, *labels: str) -> PublishedMetric:
    return PublishedMetric(name, "GAUGE", value_type, unit, description, labels)


def _counter(name: str, description: str, *labels: str) -> PublishedMetric:
    return PublishedMetric(name, "CUMULATIVE", "INT64", "1", description, labels)


def _latencies(name: str, description: str, *labels: str) -> PublishedMetric:
    return PublishedMetric(name, "CUMULATIVE", "DISTRIBUTION", "ms", description, labels)


PUBLISHED_METRICS = (
    # Of every instance: generic_task, whose job is the function and whose task_id the instance.
    _gauge("pool/utilization", "DOUBLE", "%", "Connections in use, of all that the pool may open"),
    _gauge("pool/connections", "INT64", "1", "Connections of the pool; overflow: those beyond its size", "state"),
    _gauge("pool/waiting", "INT64", "1", "Requests that wait for a connection"),
    _counter("pool/timeouts", "Requests that waited for a connection in vain"),
    _latencies("pool/checkout_latencies", "How long requests waited for a connection"),
    _counter("query/count", "Statements: fast, slow (over 200 ms), error", "result"),
    _latencies("query/latencies", "How long statements took", "statement"),
    _counter("request/count", "Requests answered", "method", "route", "status"),
    _latencies("request/latencies", "How long requests took to be answered", "method", "route"),
    _counter("cache/lookups", "Readings of the cache: memory, redis, miss, error", "group", "result"),
    _counter("cache/evictions", "Entries that the process dropped for want of room"),
    # Of the whole system: generic_task, whose job is the stack's prefix and whose task_id is fleet.
    _gauge("fleet/instances", "INT64", "1", "Instances that have told of themselves lately", "function"),
    _gauge("redis/up", "INT64", "1", "1 while Redis takes what it is told, else 0"),
    _gauge("partitions/months_ahead", "INT64", "1", "Months of system_metrics that are there beyond the present one"),
    _gauge("retention/consecutive_failures", "INT64", "1", "Runs of retention that failed since the last that did not"),
    _gauge("retention/duration", "DOUBLE", "s", "How long the last run of retention took, or takes so far"),
    _gauge("backup/age", "DOUBLE", "s", "Since the newest backup ended"),
    _gauge("backup/failures", "INT64", "1", "Backups that failed since the newest one that succeeded"),
    _gauge("verification/age", "DOUBLE", "s", "Since the last backup verification that passed"),
    _gauge("verification/failed", "INT64", "1", "1 if the last backup verification did not pass, else 0"),
)


class MetricDescriptors(Component):
    """They stay when the stack goes: other stacks of the project publish the same, and without them history is lost."""

    def __init__(self, name: str, project: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("MetricDescriptors", name, opts)
        kept = pulumi.ResourceOptions.merge(self.own(), pulumi.ResourceOptions(retain_on_delete=True))
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
                opts=kept,
            )
        self.register_outputs({})
