"""Log-based metrics, counted on what the parts log; and sinks, which say what a bucket's view shows."""

from collections.abc import Mapping
from typing import Any

from local_cloud.errors import DeploymentFailed
from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.logging.extracting import compile_extractor
from local_cloud.google.logging.language import parse
from local_cloud.google.logging.matching import compile_filter
from local_cloud.google.logging.metrics import LogMetric
from local_cloud.google.monitoring.descriptors import LOG_METRIC, Descriptor
from local_cloud.google.monitoring.points import MetricKind, ValueType
from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import handles

# Before the path of a bucket.
DESTINATION = "logging.googleapis.com/"


@handles("gcp:logging/metric:Metric")
async def metric(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Count the entries that a filter chooses from now on."""
    inputs = declaration.inputs
    name = declaration.resource_name
    described = inputs.get("metricDescriptor") or {}
    if described.get("valueType", "INT64") != "INT64" or inputs.get("valueExtractor"):
        raise DeploymentFailed(f"the log-based metric {name}: the local deployer counts entries, and no values in them")
    unit = str(described.get("unit") or "1")
    counted = count_entries(cloud, f"{LOG_METRIC}{name}", f"the log-based metric {name}", inputs, unit)
    if inputs.get("disabled"):
        cloud.google.log_metrics.remove(counted)
    return CreatedResource(id=name, outputs={"name": name})


@handles("gcp:logging/projectSink:ProjectSink")
async def sink(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Let a bucket's view show what a filter chooses. Nothing is copied: a view shows the parts' own files."""
    inputs, name = declaration.inputs, declaration.resource_name
    text = str(inputs.get("filter") or "")
    try:
        compile_filter(parse(text))
    except BadFilter as error:
        raise DeploymentFailed(f"the log sink {name}: {error}") from None
    cloud.google.log_buckets.route(str(inputs["destination"]).removeprefix(DESTINATION), text)
    cloud.note(declaration.token, name)
    return CreatedResource(
        id=f"projects/{cloud.project}/sinks/{name}",
        outputs={
            "name": name,
            "writerIdentity": "serviceAccount:service-0@gcp-sa-logging.iam.gserviceaccount.com",
        },
    )


def count_entries(cloud: LocalCloud, kind: str, what: str, inputs: Mapping[str, Any], unit: str) -> LogMetric:
    """Count the entries that the filter chooses from now on, as a metric. Raises DeploymentFailed, which says what."""
    try:
        node = parse(str(inputs["filter"]))
        extractors = {
            label: compile_extractor(str(text)) for label, text in (inputs.get("labelExtractors") or {}).items()
        }
        counted = LogMetric(kind, node, compile_filter(node), extractors)
    except BadFilter as error:
        raise DeploymentFailed(f"{what}: {error}") from None
    description = str(inputs.get("description") or "")
    labels = dict.fromkeys(extractors, "")
    cloud.google.monitoring.store.describe(
        Descriptor(kind, MetricKind.DELTA, ValueType.INT64, labels, unit=unit, description=description)
    )
    cloud.google.log_metrics.append(counted)
    return counted
