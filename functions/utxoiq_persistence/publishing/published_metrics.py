"""The metrics that are written to Cloud Monitoring. The Pulumi program declares them, with what they mean."""

from dataclasses import dataclass
from typing import Literal

PREFIX = "custom.googleapis.com/utxoiq/"


@dataclass(frozen=True)
class Metric:
    """name: after PREFIX. unit: as UCUM has it."""

    name: str
    kind: Literal["GAUGE", "CUMULATIVE"]
    value_type: Literal["INT64", "DOUBLE", "DISTRIBUTION"]
    unit: str
    labels: tuple[str, ...] = ()


# Of every instance.
POOL_UTILIZATION = Metric("pool/utilization", "GAUGE", "DOUBLE", "%")
POOL_CONNECTIONS = Metric("pool/connections", "GAUGE", "INT64", "1", ("state",))
POOL_WAITING = Metric("pool/waiting", "GAUGE", "INT64", "1")
POOL_TIMEOUTS = Metric("pool/timeouts", "CUMULATIVE", "INT64", "1")
POOL_CHECKOUT_LATENCIES = Metric("pool/checkout_latencies", "CUMULATIVE", "DISTRIBUTION", "ms")
QUERY_COUNT = Metric("query/count", "CUMULATIVE", "INT64", "1", ("result",))
QUERY_LATENCIES = Metric("query/latencies", "CUMULATIVE", "DISTRIBUTION", "ms", ("statement",))
REQUEST_COUNT = Metric("request/count", "CUMULATIVE", "INT64", "1", ("method", "route", "status"))
REQUEST_LATENCIES = Metric("request/latencies", "CUMULATIVE", "DISTRIBUTION", "ms", ("method", "route"))
CACHE_LOOKUPS = Metric("cache/lookups", "CUMULATIVE", "INT64", "1", ("group", "result"))
CACHE_EVICTIONS = Metric("cache/evictions", "CUMULATIVE", "INT64", "1")

# Of the whole system.
FLEET_INSTANCES = Metric("fleet/instances", "GAUGE", "INT64", "1", ("function",))
REDIS_UP = Metric("redis/up", "GAUGE", "INT64", "1")
PARTITIONS_MONTHS_AHEAD = Metric("partitions/months_ahead", "GAUGE", "INT64", "1")
RETENTION_CONSECUTIVE_FAILURES = Metric("retention/consecutive_failures", "GAUGE", "INT64", "1")
RETENTION_DURATION = Metric("retention/duration", "GAUGE", "DOUBLE", "s")
BACKUP_AGE = Metric("backup/age", "GAUGE", "DOUBLE", "s")
BACKUP_FAILURES = Metric("backup/failures", "GAUGE", "INT64", "1")
VERIFICATION_AGE = Metric("verification/age", "GAUGE", "DOUBLE", "s")
VERIFICATION_FAILED = Metric("verification/failed", "GAUGE", "INT64", "1")

METRICS = tuple(value for value in globals().values() if isinstance(value, Metric))
