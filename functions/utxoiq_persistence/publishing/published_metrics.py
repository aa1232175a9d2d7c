"""The metrics that are written to Cloud Monitoring. The Pulumi program declares them, with what they mean."""

from dataclasses import dataclass
from typing import Literal

PREFIX = "custom.googleapis.com/utxoiq/"


@dataclass(frozen=True)
class PublishedMetric:
    """A metric of Cloud Monitoring.

    Attributes:
        name: The type after PREFIX.
        kind: Whether it is a present value or a count since a start.
        value_type: The type of its points.
        unit: The unit in UCUM.
        labels: The names of its labels.
    """

    name: str
    kind: Literal["GAUGE", "CUMULATIVE"]
    value_type: Literal["INT64", "DOUBLE", "DISTRIBUTION"]
    unit: str
    labels: tuple[str, ...] = ()


# These have a series for every instance.
POOL_UTILIZATION = PublishedMetric("pool/utilization", "GAUGE", "DOUBLE", "%")
POOL_CONNECTIONS = PublishedMetric("pool/connections", "GAUGE", "INT64", "1", ("state",))
POOL_WAITING = PublishedMetric("pool/waiting", "GAUGE", "INT64", "1")
POOL_TIMEOUTS = PublishedMetric("pool/timeouts", "CUMULATIVE", "INT64", "1")
POOL_CHECKOUT_LATENCIES = PublishedMetric("pool/checkout_latencies", "CUMULATIVE", "DISTRIBUTION", "ms")
QUERY_COUNT = PublishedMetric("query/count", "CUMULATIVE", "INT64", "1", ("result",))
QUERY_LATENCIES = PublishedMetric("query/latencies", "CUMULATIVE", "DISTRIBUTION", "ms", ("statement",))
REQUEST_COUNT = PublishedMetric("request/count", "CUMULATIVE", "INT64", "1", ("method", "route", "status"))
REQUEST_LATENCIES = PublishedMetric("request/latencies", "CUMULATIVE", "DISTRIBUTION", "ms", ("method", "route"))
CACHE_LOOKUPS = PublishedMetric("cache/lookups", "CUMULATIVE", "INT64", "1", ("group", "result"))
CACHE_EVICTIONS = PublishedMetric("cache/evictions", "CUMULATIVE", "INT64", "1")
CACHE_FORGED = PublishedMetric("cache/forged", "CUMULATIVE", "INT64", "1")

# These have one series for the whole system.
FLEET_INSTANCES = PublishedMetric("fleet/instances", "GAUGE", "INT64", "1", ("function",))
REDIS_UP = PublishedMetric("redis/up", "GAUGE", "INT64", "1")
PARTITIONS_MONTHS_AHEAD = PublishedMetric("partitions/months_ahead", "GAUGE", "INT64", "1")
METRICS_SERIES_USED = PublishedMetric("metrics/series_used", "GAUGE", "DOUBLE", "%")
RETENTION_CONSECUTIVE_FAILURES = PublishedMetric("retention/consecutive_failures", "GAUGE", "INT64", "1")
RETENTION_DURATION = PublishedMetric("retention/duration", "GAUGE", "DOUBLE", "s")
SCHEDULE_AGE = PublishedMetric("schedule/age", "GAUGE", "DOUBLE", "s", ("schedule",))
BACKUP_AGE = PublishedMetric("backup/age", "GAUGE", "DOUBLE", "s")
BACKUP_FAILURES = PublishedMetric("backup/failures", "GAUGE", "INT64", "1")
VERIFICATION_AGE = PublishedMetric("verification/age", "GAUGE", "DOUBLE", "s")
VERIFICATION_FAILED = PublishedMetric("verification/failed", "GAUGE", "INT64", "1")

METRICS = (
    POOL_UTILIZATION,
    POOL_CONNECTIONS,
    POOL_WAITING,
    POOL_TIMEOUTS,
    POOL_CHECKOUT_LATENCIES,
    QUERY_COUNT,
    QUERY_LATENCIES,
    REQUEST_COUNT,
    REQUEST_LATENCIES,
    CACHE_LOOKUPS,
    CACHE_EVICTIONS,
    CACHE_FORGED,
    FLEET_INSTANCES,
    REDIS_UP,
    PARTITIONS_MONTHS_AHEAD,
    METRICS_SERIES_USED,
    RETENTION_CONSECUTIVE_FAILURES,
    RETENTION_DURATION,
    SCHEDULE_AGE,
    BACKUP_AGE,
    BACKUP_FAILURES,
    VERIFICATION_AGE,
    VERIFICATION_FAILED,
)
