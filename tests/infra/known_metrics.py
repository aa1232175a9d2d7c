"""What alerts and charts may be on: metrics that functions publish, that are made from logs, and that Google publishes.

Google's, with kinds and labels: https://docs.cloud.google.com/monitoring/api/metrics_gcp_c (cloudsql),
…/metrics_gcp_i_o (logging, monitoring), …/metrics_gcp_p_z (redis, run); resources:
https://docs.cloud.google.com/monitoring/api/resources.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.infra.deployment import Deployment

from utxoiq_persistence.publishing.published_metrics import METRICS, PREFIX

GAUGE, DELTA, CUMULATIVE = "GAUGE", "DELTA", "CUMULATIVE"
INT64, DOUBLE, BOOL, DISTRIBUTION = "INT64", "DOUBLE", "BOOL", "DISTRIBUTION"

RESOURCES: Mapping[str, frozenset[str]] = {
    "generic_task": frozenset({"project_id", "location", "namespace", "job", "task_id"}),
    "cloud_run_revision": frozenset({"project_id", "location", "service_name", "revision_name", "configuration_name"}),
    "cloud_scheduler_job": frozenset({"project_id", "location", "job_id"}),
    "cloudsql_database": frozenset({"project_id", "database_id", "region"}),
    "redis_instance": frozenset({"project_id", "region", "instance_id", "node_id"}),
    "uptime_url": frozenset({"project_id", "host"}),
}
ANY = frozenset(RESOURCES)


@dataclass(frozen=True)
class Metric:
    kind: str
    value_type: str
    labels: frozenset[str]
    resources: frozenset[str]


def _google(prefix: str, resource: str, table: Mapping[str, tuple[str, str, tuple[str, ...]]]) -> dict[str, Metric]:
    return {
        f"{prefix}/{name}": Metric(kind, value_type, frozenset(labels), frozenset({resource}))
        for name, (kind, value_type, labels) in table.items()
    }


CODES = ("response_code", "response_code_class")
GOOGLES: Mapping[str, Metric] = {
    **_google(
        "cloudsql.googleapis.com/database",
        "cloudsql_database",
        {
            "cpu/utilization": (GAUGE, DOUBLE, ()),
            "memory/utilization": (GAUGE, DOUBLE, ()),
            "disk/utilization": (GAUGE, DOUBLE, ()),
            "up": (GAUGE, INT64, ()),
            "postgresql/num_backends": (GAUGE, INT64, ("database",)),
            "replication/replica_lag": (GAUGE, DOUBLE, ()),
        },
    ),
    **_google(
        "redis.googleapis.com",
        "redis_instance",
        {
            "stats/memory/usage_ratio": (GAUGE, DOUBLE, ("role",)),
            "stats/evicted_keys": (DELTA, INT64, ("role",)),
            "stats/cache_hit_ratio": (GAUGE, DOUBLE, ("role",)),
            "clients/connected": (GAUGE, INT64, ("role",)),
        },
    ),
    **_google(
        "run.googleapis.com",
        "cloud_run_revision",
        {
            "request_count": (DELTA, INT64, CODES),
            "request_latencies": (DELTA, DISTRIBUTION, CODES),
            "container/instance_count": (GAUGE, INT64, ("state",)),
        },
    ),
    **_google(
        "monitoring.googleapis.com",
        "uptime_url",
        {
            "uptime_check/check_passed": (GAUGE, BOOL, ("check_id", "checker_location", "checked_resource_id")),
            "uptime_check/request_latency": (GAUGE, DOUBLE, ("check_id", "checker_location", "checked_resource_id")),
        },
    ),
}
OURS: Mapping[str, Metric] = {
    f"{PREFIX}{metric.name}": Metric(
        metric.kind, metric.value_type, frozenset(metric.labels), frozenset({"generic_task"})
    )
    for metric in METRICS
}


def known(deployment: Deployment) -> Mapping[str, Metric]:
    logged = {
        f"logging.googleapis.com/user/{found['name']}": Metric(DELTA, INT64, frozenset(), ANY)
        for found in deployment.all("logging/metric:Metric")
    }
    return {**OURS, **GOOGLES, **logged}


@dataclass(frozen=True)
class Chosen:
    """What a filter chooses; values by label, several where it says one_of."""

    metric: str
    resource: str
    metric_labels: Mapping[str, tuple[str, ...]]
    resource_labels: Mapping[str, tuple[str, ...]]


PART = re.compile(r'(metric|resource)\.(type|labels\.\w+) = (?:"([^"]*)"|one_of\(([^)]*)\))')


def parse(text: str) -> Chosen:
    """Raises ValueError for what is no filter of ours."""
    parts: dict[str, tuple[str, ...]] = {}
    for part in text.split(" AND "):
        matched = PART.fullmatch(part)
        if matched is None:
            raise ValueError(f"{part!r} in {text!r}")
        values = re.findall(r'"([^"]*)"', matched[4]) if matched[3] is None else [matched[3]]
        parts[f"{matched[1]}.{matched[2]}"] = tuple(values)

    def labels(side: str) -> dict[str, tuple[str, ...]]:
        prefix = f"{side}.labels."
        return {key.removeprefix(prefix): values for key, values in parts.items() if key.startswith(prefix)}

    (metric,), (resource,) = parts["metric.type"], parts["resource.type"]
    return Chosen(metric, resource, labels("metric"), labels("resource"))


# By what a metric is, what Google aligns it by.
ALIGNERS: Mapping[tuple[str, str], frozenset[str]] = {
    **{
        (GAUGE, value_type): frozenset({"ALIGN_MEAN", "ALIGN_MAX", "ALIGN_MIN", "ALIGN_NEXT_OLDER"})
        for value_type in (INT64, DOUBLE)
    },
    (GAUGE, BOOL): frozenset({"ALIGN_FRACTION_TRUE", "ALIGN_COUNT_FALSE", "ALIGN_NEXT_OLDER"}),
    **{
        (kind, value_type): frozenset({"ALIGN_DELTA", "ALIGN_RATE"})
        for kind in (DELTA, CUMULATIVE)
        for value_type in (INT64, DOUBLE)
    },
    **{(kind, DISTRIBUTION): frozenset({"ALIGN_DELTA"}) for kind in (DELTA, CUMULATIVE)},
}


def misfits(text: str, aggregations: list[Mapping[str, object]], metrics: Mapping[str, Metric]) -> Iterator[str]:
    """What is wrong with a choice of time series and their aggregation."""
    chosen = parse(text)
    metric = metrics.get(chosen.metric)
    if metric is None:
        yield f"nobody publishes {chosen.metric}"
        return
    if chosen.resource not in metric.resources:
        yield f"{chosen.metric} is not of {chosen.resource}"
        return
    of_resource = RESOURCES[chosen.resource]
    yield from (f"{chosen.resource} has no label {label}" for label in chosen.resource_labels.keys() - of_resource)
    yield from (f"{chosen.metric} has no label {label}" for label in chosen.metric_labels.keys() - metric.labels)
    for aggregation in aggregations:
        aligner, reducer = str(aggregation["perSeriesAligner"]), str(aggregation.get("crossSeriesReducer", ""))
        if aligner not in ALIGNERS[metric.kind, metric.value_type]:
            yield f"{chosen.metric} is {metric.kind} {metric.value_type}, which {aligner} does not fit"
        if reducer.startswith("REDUCE_PERCENTILE") != (metric.value_type == DISTRIBUTION):
            yield f"{chosen.metric} is {metric.value_type}, which {reducer} does not fit"
        fields = aggregation.get("groupByFields") or []
        assert isinstance(fields, list)
        for field in fields:
            side, _, label = str(field).partition(".labels.")
            if label not in (of_resource if side == "resource" else metric.labels):
                yield f"{chosen.metric} cannot be grouped by {field}"
