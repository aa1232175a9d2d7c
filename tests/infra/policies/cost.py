"""What keeps the bill within what was meant."""

import importlib
import inspect
from collections.abc import Iterator

from tests.infra.deployment import Deployment, Resource
from tests.infra.policies.rule import rule

from utxoiq_infra.configuration.catalog import FUNCTIONS, SCHEDULES

FUNCTION = "cloudfunctionsv2/function:Function"
LABELS = {"labels", "user_labels"}
# What is called so and is something else: whom a channel notifies, and the labels that a metric's series have.
OTHER_LABELS = {
    "gcp:monitoring/notificationChannel:NotificationChannel": {"labels"},
    "gcp:monitoring/metricDescriptor:MetricDescriptor": {"labels"},
}


@rule
def whatever_takes_labels_has_them(deployment: Deployment) -> Iterator[str]:
    for resource in deployment.google():
        for key in _label_inputs(resource):
            labels = resource["settings.userLabels"] if key == "settings" else resource[_camel(key)]
            if not labels or not {"app", "stack", "managed-by"} <= labels.keys():
                yield f"{resource.type} {resource.name}"


@rule
def functions_at_full_scale_leave_connections_free(deployment: Deployment) -> Iterator[str]:
    needed = sum(spec.sizing.apart for spec in FUNCTIONS)
    for function in deployment.all(FUNCTION):
        variables = function["serviceConfig.environmentVariables"]
        pool = int(variables.get("DB_POOL_SIZE", 0)) + int(variables.get("DB_POOL_OVERFLOW", 0))
        needed += int(function["serviceConfig.maxInstanceCount"]) * pool
    for instance in deployment.all("sql/databaseInstance:DatabaseInstance"):
        flags = {flag["name"]: flag["value"] for flag in instance["settings.databaseFlags"]}
        if needed > int(flags["max_connections"]) - int(deployment.setting("databaseReservedConnections")):
            yield f"{instance.name} has {flags['max_connections']} connections, and {needed} may be wanted"


@rule
def a_query_of_all_metrics_names_its_days(deployment: Deployment) -> Iterator[str]:
    for table in deployment.all("bigquery/table:Table"):
        options = table["externalDataConfiguration.hivePartitioningOptions"]
        if table["tableId"] == "system_metrics_objects" and not options["requirePartitionFilter"]:
            yield table.name


@rule
def schedules_retry_and_end(deployment: Deployment) -> Iterator[str]:
    jobs = deployment.all("cloudscheduler/job:Job")
    if len(jobs) != len(SCHEDULES):
        yield f"{len(jobs)} jobs of {len(SCHEDULES)}"
    for job in jobs:
        again = job["retryConfig.retryCount"] or job.name.endswith("-continue-verification")  # again by itself
        if not again or not job["attemptDeadline"] or job["timeZone"] != "Etc/UTC":
            yield job.name


def _label_inputs(resource: Resource) -> set[str]:
    """Those inputs of the resource's class in Google's SDK that hold labels."""
    if resource.type == "gcp:sql/databaseInstance:DatabaseInstance":
        return {"settings"}
    module, _, class_name = resource.type.removeprefix("gcp:").replace("/", ":").partition(":")
    package = importlib.import_module(f"pulumi_gcp.{module}")
    arguments = getattr(package, f"{class_name.rpartition(':')[2]}Args", None)
    if arguments is None:
        return set()
    return LABELS & set(inspect.signature(arguments).parameters) - OTHER_LABELS.get(resource.type, set())


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
