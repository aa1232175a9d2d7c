"""Cloud Monitoring: what is declared is evaluated here, dashboards are checked and kept."""

import hashlib
import json
from typing import Any

from local_cloud.errors import DeploymentFailed
from local_cloud.google.monitoring import uptime
from local_cloud.google.monitoring.descriptors import Descriptor
from local_cloud.google.monitoring.notifications import NotificationChannel
from local_cloud.google.monitoring.points import MetricKind, ValueType
from local_cloud.google.monitoring.policies import matched_entries
from local_cloud.google.monitoring.store import Rejected
from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.logging import count_entries
from local_cloud.resources.registry import handles

CHANNEL_LABELS = {
    "email": {"email_address"},
    "webhook_tokenauth": {"url"},
    "webhook_basicauth": {"url"},
    "slack": {"channel_name"},
    "pagerduty": set[str](),
    "pubsub": {"topic"},
    "sms": {"number"},
}


@handles("gcp:monitoring/alertPolicy:AlertPolicy")
async def alert_policy(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Evaluate a policy once the system is up."""
    name = f"projects/{cloud.project}/alertPolicies/{_derive_number(declaration)}"
    for condition in declaration.inputs.get("conditions") or []:
        if matched := condition.get("conditionMatchedLog"):
            count_entries(cloud, matched_entries(name), f"the alert policy {declaration.name}", matched, "")
    policy = cloud.google.monitoring.declare(name, declaration.inputs)
    return CreatedResource(id=name, outputs={"name": name, "enabled": policy.enabled, "creationRecords": []})


@handles("gcp:monitoring/notificationChannel:NotificationChannel")
async def notification_channel(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Add a channel, whose webhook is called if it is on this machine."""
    inputs = declaration.inputs
    kind, labels = str(inputs["type"]), {str(key): str(value) for key, value in (inputs.get("labels") or {}).items()}
    if kind not in CHANNEL_LABELS:
        raise DeploymentFailed(f"{declaration.name}: there are no channels of type {kind} here")
    missing = CHANNEL_LABELS[kind] - labels.keys()
    if missing:
        raise DeploymentFailed(f"{declaration.name}: a channel of type {kind} has the labels {', '.join(missing)}")
    name = f"projects/{cloud.project}/notificationChannels/{_derive_number(declaration)}"
    secret = {str(key): str(value) for key, value in (inputs.get("sensitiveLabels") or {}).items()}
    cloud.google.monitoring.notifier.channels[name] = NotificationChannel(
        name=name,
        type=kind,
        labels=labels,
        secrets=secret,
        enabled=bool(inputs.get("enabled", True)),
        display_name=str(inputs.get("displayName") or ""),
    )
    return CreatedResource(id=name, outputs={"name": name, "verificationStatus": ""})


@handles("gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig")
async def uptime_check(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Run a check once the system is up."""
    check_id = (
        f"{_slugify(str(declaration.inputs.get('displayName') or declaration.name))}-{_derive_number(declaration)[:6]}"
    )
    name = f"projects/{cloud.project}/uptimeCheckConfigs/{check_id}"
    monitoring = cloud.google.monitoring
    monitoring.uptime.checks[name] = uptime.read_check(check_id, declaration.name, declaration.inputs, monitoring.pace)
    return CreatedResource(id=name, outputs={"name": name, "uptimeCheckId": check_id})


@handles("gcp:monitoring/customService:CustomService")
async def custom_service(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Name a service that objectives belong to."""
    return _name_service(cloud, declaration)


@handles("gcp:monitoring/genericService:GenericService")
async def generic_service(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Name a service that objectives belong to."""
    return _name_service(cloud, declaration)


@handles("gcp:monitoring/slo:Slo")
async def slo(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Add an objective, whose burn rate policies may watch."""
    inputs = declaration.inputs
    service = str(inputs["service"]).rpartition("/")[2]
    slo_id = str(inputs.get("sloId") or _slugify(declaration.name))
    name = f"projects/{cloud.project}/services/{service}/serviceLevelObjectives/{slo_id}"
    cloud.google.monitoring.declare_objective(name, inputs)
    return CreatedResource(id=name, outputs={"name": name, "sloId": slo_id})


@handles("gcp:monitoring/metricDescriptor:MetricDescriptor")
async def metric_descriptor(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Describe a metric before anybody publishes it."""
    inputs = declaration.inputs
    metric_type = str(inputs["type"])
    try:
        cloud.google.monitoring.store.describe(
            Descriptor(
                type=metric_type,
                kind=MetricKind(str(inputs["metricKind"])),
                value_type=ValueType(str(inputs["valueType"])),
                labels={str(label["key"]): str(label.get("description") or "") for label in inputs.get("labels") or ()},
                unit=str(inputs.get("unit") or ""),
                description=str(inputs.get("description") or ""),
                display_name=str(inputs.get("displayName") or ""),
            )
        )
    except (Rejected, ValueError) as error:
        raise DeploymentFailed(f"{declaration.name}: {error}") from None
    name = f"projects/{cloud.project}/metricDescriptors/{metric_type}"
    return CreatedResource(id=name, outputs={"name": name})


@handles("gcp:monitoring/dashboard:Dashboard")
async def dashboard(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Read a dashboard's filters, so that a wrong one fails here; only Google's console shows it."""
    try:
        content: dict[str, Any] = json.loads(str(declaration.inputs["dashboardJson"]))
    except ValueError as error:
        raise DeploymentFailed(f"{declaration.name}: its dashboardJson is no JSON: {error}") from None
    cloud.google.monitoring.check_dashboard(declaration.name, content)
    cloud.note(declaration.token, declaration.resource_name)
    name = f"projects/{cloud.project}/dashboards/{_derive_number(declaration)}"
    return CreatedResource(id=name, outputs={"name": name})


def _name_service(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    service_id = str(declaration.inputs.get("serviceId") or _slugify(declaration.name))
    name = f"projects/{cloud.project}/services/{service_id}"
    return CreatedResource(id=name, outputs={"name": name, "serviceId": service_id})


def _derive_number(declaration: Declaration) -> str:
    """Return a number such as Google names things by; the same in each run."""
    return str(int(hashlib.sha256(declaration.urn.encode()).hexdigest()[:15], 16))


def _slugify(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())
