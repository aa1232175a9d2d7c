"""Metrics and monitored resources that Google knows: as far as this machine has what they are about."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from local_cloud.google.monitoring.points import MetricKind, ValueType

# Prefixes of metrics that anybody may publish; a first point makes their descriptor.
CUSTOM = ("custom.googleapis.com/", "workload.googleapis.com/")
LOG_METRIC = "logging.googleapis.com/user/"


@dataclass(frozen=True)
class Descriptor:
    """What a metric is. labels: keys to what they mean."""

    type: str
    kind: MetricKind
    value_type: ValueType
    labels: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    description: str = ""
    display_name: str = ""

    @property
    def is_custom(self) -> bool:
        """Return whether anybody may publish it."""
        return self.type.startswith(CUSTOM)


# The labels that a resource of the type has to have. project_id is filled in.
RESOURCES: Mapping[str, frozenset[str]] = {
    "global": frozenset({"project_id"}),
    "generic_node": frozenset({"project_id", "location", "namespace", "node_id"}),
    "generic_task": frozenset({"project_id", "location", "namespace", "job", "task_id"}),
    "cloudsql_database": frozenset({"project_id", "database_id", "region"}),
    "redis_instance": frozenset({"project_id", "region", "instance_id", "node_id"}),
    "cloud_run_revision": frozenset({"project_id", "location", "service_name", "revision_name", "configuration_name"}),
    # What Google's audit log is about.
    "project": frozenset({"project_id"}),
    "gce_network": frozenset({"project_id", "network_id"}),
    "gce_firewall_rule": frozenset({"project_id", "firewall_rule_id"}),
    "gcs_bucket": frozenset({"project_id", "bucket_name", "location"}),
    "cloud_scheduler_job": frozenset({"project_id", "location", "job_id"}),
    "uptime_url": frozenset({"project_id", "host"}),
}
# Those that custom metrics may be about.
CUSTOM_RESOURCES = frozenset({"global", "generic_node", "generic_task"})


def _describe_googles(
    prefix: str, rows: Mapping[str, tuple[MetricKind, ValueType, str, tuple[str, ...]]]
) -> dict[str, Descriptor]:
    return {
        f"{prefix}/{name}": Descriptor(f"{prefix}/{name}", kind, value_type, dict.fromkeys(labels, ""), unit)
        for name, (kind, value_type, unit, labels) in rows.items()
    }


_CODES = ("response_code", "response_code_class")
_CHECK = ("check_id", "checked_resource_id", "checker_location")

# A fraction has the unit 10^2.%: it is shown times a hundred.
GOOGLES: Mapping[str, Descriptor] = {
    **_describe_googles(
        "cloudsql.googleapis.com/database",
        {
            "up": (MetricKind.GAUGE, ValueType.INT64, "1", ()),
            "cpu/utilization": (MetricKind.GAUGE, ValueType.DOUBLE, "10^2.%", ()),
            "memory/utilization": (MetricKind.GAUGE, ValueType.DOUBLE, "10^2.%", ()),
            "disk/utilization": (MetricKind.GAUGE, ValueType.DOUBLE, "10^2.%", ()),
            "disk/bytes_used": (MetricKind.GAUGE, ValueType.INT64, "By", ()),
            "postgresql/num_backends": (MetricKind.GAUGE, ValueType.INT64, "1", ("database",)),
            "replication/replica_lag": (MetricKind.GAUGE, ValueType.DOUBLE, "s", ()),
        },
    ),
    **_describe_googles(
        "redis.googleapis.com",
        {
            "stats/memory/usage": (MetricKind.GAUGE, ValueType.INT64, "By", ("role",)),
            "stats/memory/usage_ratio": (MetricKind.GAUGE, ValueType.DOUBLE, "10^2.%", ("role",)),
            "stats/evicted_keys": (MetricKind.DELTA, ValueType.INT64, "1", ("role",)),
            "stats/cache_hit_ratio": (MetricKind.GAUGE, ValueType.DOUBLE, "10^2.%", ("role",)),
            "clients/connected": (MetricKind.GAUGE, ValueType.INT64, "1", ("role",)),
            "server/uptime": (MetricKind.GAUGE, ValueType.INT64, "s", ("role",)),
        },
    ),
    **_describe_googles(
        "run.googleapis.com",
        {
            "request_count": (MetricKind.DELTA, ValueType.INT64, "1", _CODES),
            "request_latencies": (MetricKind.DELTA, ValueType.DISTRIBUTION, "ms", _CODES),
            "container/instance_count": (MetricKind.GAUGE, ValueType.INT64, "1", ("state",)),
        },
    ),
    **_describe_googles(
        "monitoring.googleapis.com/uptime_check",
        {
            "check_passed": (MetricKind.GAUGE, ValueType.BOOL, "", _CHECK),
            "request_latency": (MetricKind.GAUGE, ValueType.DOUBLE, "ms", _CHECK),
        },
    ),
}
