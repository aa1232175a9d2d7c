"""Log-based metrics: counted on what the parts log."""

from local.deployment import Declaration, Deployment, Made
from local.errors import DeploymentFailed
from local.monitoring.descriptors import LOG_METRIC, Descriptor
from local.monitoring.points import Kind, ValueType
from local.platform.logs.errors import BadFilter
from local.platform.logs.extracting import extractor
from local.platform.logs.language import parse
from local.platform.logs.matching import predicate
from local.platform.logs.metrics import LogMetric
from local.registry import handles


@handles("gcp:logging/metric:Metric")
async def metric(deployment: Deployment, declaration: Declaration) -> Made:
    inputs = declaration.inputs
    name = declaration.resource_name
    described = inputs.get("metricDescriptor") or {}
    if described.get("valueType", "INT64") != "INT64" or inputs.get("valueExtractor"):
        raise DeploymentFailed(f"the log-based metric {name}: the local deployer counts entries, and no values in them")
    try:
        node = parse(str(inputs["filter"]))
        extractors = {label: extractor(str(text)) for label, text in (inputs.get("labelExtractors") or {}).items()}
        counted = LogMetric(f"{LOG_METRIC}{name}", node, predicate(node), extractors)
    except BadFilter as error:
        raise DeploymentFailed(f"the log-based metric {name}: {error}") from None
    description = str(inputs.get("description") or "")
    deployment.monitoring.store.describe(
        Descriptor(
            counted.type,
            Kind.DELTA,
            ValueType.INT64,
            dict.fromkeys(extractors, ""),
            unit=str(described.get("unit") or "1"),
            description=description,
        )
    )
    if not inputs.get("disabled"):
        deployment.log_metrics.append(counted)
    return Made(id=name, outputs={"name": name})
