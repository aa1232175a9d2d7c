"""Log-based metrics: counted on what the parts log."""

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


@handles("gcp:logging/metric:Metric")
async def metric(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Count the entries that a filter chooses from now on."""
    inputs = declaration.inputs
    name = declaration.resource_name
    described = inputs.get("metricDescriptor") or {}
    if described.get("valueType", "INT64") != "INT64" or inputs.get("valueExtractor"):
        raise DeploymentFailed(f"the log-based metric {name}: the local deployer counts entries, and no values in them")
    try:
        node = parse(str(inputs["filter"]))
        extractors = {
            label: compile_extractor(str(text)) for label, text in (inputs.get("labelExtractors") or {}).items()
        }
        counted = LogMetric(f"{LOG_METRIC}{name}", node, compile_filter(node), extractors)
    except BadFilter as error:
        raise DeploymentFailed(f"the log-based metric {name}: {error}") from None
    description = str(inputs.get("description") or "")
    cloud.google.monitoring.store.describe(
        Descriptor(
            counted.type,
            MetricKind.DELTA,
            ValueType.INT64,
            dict.fromkeys(extractors, ""),
            unit=str(described.get("unit") or "1"),
            description=description,
        )
    )
    if not inputs.get("disabled"):
        cloud.google.log_metrics.append(counted)
    return CreatedResource(id=name, outputs={"name": name})
