"""The alerts on changes that an attacker would make, or a colleague by mistake: each looks for entries of logs.

Google's audit log has who changed what of the project's rights, network, buckets and database; a deployment changes
them, too. The functions' own lines have who made keys.
"""

from collections.abc import Iterator

from utxoiq_infra.configuration.catalog import KEYS
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.monitoring.alert_table import ERROR, WARNING, Alert, LogMatch

ACTIVITY = 'log_id("cloudaudit.googleapis.com/activity")'
AUDIT_DELTA = "protoPayload.serviceData.policyDelta.auditConfigDeltas:*"
SETS_RIGHTS = "(SetIamPolicy|SetIAMPolicy|CreateRole|UpdateRole|DeleteRole|UndeleteRole|CreateServiceAccountKey)$"
CHANGES_LOGS = "ConfigServiceV2[.](Update|Delete)(Sink|Bucket|Exclusion|Settings)|ConfigServiceV2[.]CreateExclusion"
NETWORK = ("gce_network", "gce_subnetwork", "gce_firewall_rule", "gce_route", "gce_router", "network_security_policy")
# Those by their methods: what functions may reach, and where Google's names lead.
EGRESS = "[.](regionNetworkF|networkF|f)irewallPolicies[.]|^dns[.](changes|managedZones|resourceRecordSets|policies)[.]"
OF_BUCKETS = ("storage.setIamPermissions", "storage.buckets.update", "storage.buckets.delete")
OF_DATABASES = "^cloudsql[.](instances[.](update|patch|delete|restoreBackup|import|promoteReplica|clone)|users[.])"


def change_alerts(configuration: Configuration) -> Iterator[Alert]:
    """Yield the alerts. Those on the whole project are of the one stack that declares the project's audit logs."""
    if configuration.oversight.audit_logs:
        yield from _project_changes()
    instance = f"{configuration.project}:{configuration.prefix}"
    yield _alert(
        "database-changed",
        "The database's configuration or its users were changed, or it was restored",
        f'{ACTIVITY} resource.type="cloudsql_database" resource.labels.database_id="{instance}" '
        f'protoPayload.methodName=~"{OF_DATABASES}"',
    )
    yield _alert(
        "admin-key-made",
        "An API key was made that may make keys",
        f'resource.type="cloud_run_revision" resource.labels.service_name="{configuration.function_name(KEYS)}" '
        'jsonPayload.audit.action="key.create" jsonPayload.audit.details.scopes="admin"',
        ERROR,
    )


def _project_changes() -> Iterator[Alert]:
    yield _alert(
        "rights-changed",
        "Rights in the project were changed: who may do what",
        f'{ACTIVITY} protoPayload.methodName=~"{SETS_RIGHTS}" NOT resource.type="gcs_bucket" NOT {AUDIT_DELTA}',
    )
    yield _alert(
        "audit-changed",
        "What is logged of accesses, or where logs are kept, was changed",
        f'{ACTIVITY} ((protoPayload.methodName="SetIamPolicy" {AUDIT_DELTA}) '
        f'OR protoPayload.methodName=~"{CHANGES_LOGS}")',
        ERROR,
    )
    yield _alert(
        "network-changed",
        "The network, its routes, its firewall or its names were changed",
        f'{ACTIVITY} (resource.type=({_any(NETWORK)}) OR protoPayload.methodName=~"{EGRESS}")',
    )
    yield _alert(
        "bucket-rights-changed",
        "Rights on a bucket, or what it keeps, were changed",
        f'{ACTIVITY} resource.type="gcs_bucket" protoPayload.methodName=({_any(OF_BUCKETS)})',
    )


def _alert(slug: str, title: str, log_filter: str, severity: str = WARNING) -> Alert:
    return Alert(slug, title, severity, (LogMatch("entries", log_filter),))


def _any(values: tuple[str, ...]) -> str:
    return " OR ".join(f'"{value}"' for value in values)
