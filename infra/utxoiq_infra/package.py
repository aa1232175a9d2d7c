"""`PersistenceLayer` with a schema, for programs in other languages than Python.

The arguments are those of Pulumi.yaml: the same names, defaults and checks. A test holds the two together.
Secrets of notification channels are left out: declare such a channel beside it, and hand over its name.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import pulumi

from utxoiq_infra import persistence
from utxoiq_infra.configuration.settings import NAME
from utxoiq_infra.configuration.stack import read
from utxoiq_infra.configuration.values import Values
from utxoiq_infra.migration import migrate_in_process

VERSION = "0.1.0"
REPOSITORY = Path(__file__).resolve().parents[2]
LEFT_OUT = frozenset({"alertPagerduty", "alertWebhook", "alertSlackChannel", "alertSlackToken"})


class FunctionArgs(TypedDict):
    """The size of a function; what is left out is its default."""

    max_instances: int | None
    min_instances: int | None
    memory_mib: int | None
    cpu: str | None
    concurrency: int | None
    timeout_seconds: int | None
    ingress: str | None
    pool_size: int | None
    pool_overflow: int | None


class PersistenceLayerArgs(TypedDict):
    """What a stack may choose."""

    project: str
    """Id of the Google Cloud project to deploy to"""
    stack: str | None
    """Part of every resource's name; by default the stack of the program"""
    functions: dict[str, FunctionArgs] | None
    """Sizes of functions, by the names of the functions"""
    schedules: dict[str, str] | None
    """Crons of the schedules, by their names"""
    project_number: str | None
    """Number of the project; empty to have Google asked for it where alertTopic or budget is set, in previews too"""
    region: str | None
    """Region of the functions, the database and the cache"""
    backup_region: str | None
    """Region of the buckets and of the database's backups; never the database's own"""
    labels: list[str] | None
    """Further labels of every resource, each as key=value"""
    deletion_protection: bool | None
    """Guards what holds data, in Google's setting and in Pulumi's; false only where losing it is fine"""
    log_level: str | None
    """DEBUG, INFO, WARNING or ERROR"""
    function_runtime: str | None
    """Runtime of the functions"""
    functions_range: str | None
    """Addresses of function instances in the network; each takes up to two"""
    services_range: str | None
    """Addresses of Cloud SQL and Memorystore, peered with the network"""
    egress_listed: bool | None
    """Let functions reach nothing but the database, the cache, Google's APIs and egressHosts"""
    egress_hosts: list[str] | None
    """Hosts that functions may reach besides, at port 443; that of userJwksUrl is one by itself"""
    database_version: str | None
    """POSTGRES_15 or newer"""
    database_tier: str | None
    """Machine type; db-custom-<CPUs>-<MiB>"""
    database_availability: str | None
    """REGIONAL (a standby in another zone) or ZONAL"""
    database_disk_gb: int | None
    """SSD to begin with; it grows by itself"""
    database_name: str | None
    """Name of the database"""
    database_max_connections: int | None
    """PostgreSQL's max_connections; has to carry all functions at full scale"""
    database_reserved_connections: int | None
    """Connections kept free for operators, Google's agents and revisions that overlap"""
    database_backups_kept: int | None
    """Automated backups kept, one a day, at 01:00 UTC in backupRegion"""
    database_recovery_days: int | None
    """Days back to any second of which the database can be recovered"""
    database_final_backup_days: int | None
    """Days that the backup is kept that deleting the instance makes"""
    database_maintenance_hour: int | None
    """Hour (UTC) of Google's maintenance of database and cache, on Sundays"""
    database_audited: str | None
    """pgaudit's classes of statements that are logged"""
    armor_enforced: bool | None
    """Have Cloud Armor refuse what looks like an attack; false to have it logged only, while clients are watched"""
    kms_key: str | None
    """Customer-managed key of region, for all that it holds; empty for Google's own"""
    backup_kms_key: str | None
    """Customer-managed key of backupRegion, for all that it holds; goes with kmsKey"""
    replica_region: str | None
    """Region of a read replica, which may be the primary's own; empty for none"""
    cache_version: str | None
    """Version of Memorystore for Redis, REDIS_7_0 or newer"""
    cache_tier: str | None
    """STANDARD_HA (with a replica in another zone) or BASIC"""
    cache_memory_gb: int | None
    """Memory of the cache"""
    cache_eviction: str | None
    """allkeys-lru or allkeys-lfu"""
    cache_encryption: bool | None
    """TLS between functions and cache"""
    cache_replicas: int | None
    """Replicas of STANDARD_HA; more than one for reading, from 5 GB on"""
    cache_persistence: str | None
    """How often a snapshot is taken; off, 1h, 6h, 12h or 24h"""
    soft_delete_days: int | None
    """Days that a deleted object of any bucket can be restored"""
    backfill_hot_days: int | None
    """Days that ended backfill jobs stay in PostgreSQL before they are archived"""
    feedback_hot_days: int | None
    """Days that feedback stays in PostgreSQL after its last change"""
    metrics_hot_days: int | None
    """Days that metrics stay in PostgreSQL before they are archived"""
    audit_days: int | None
    """Days that entries of the audit log stay in PostgreSQL"""
    metrics_max_series: int | None
    """Series of metrics (service, type and unit) that there may be; a new one beyond is refused"""
    metrics_days: int | None
    """Age at which metrics leave the archive"""
    archive_days: int | None
    """Days that all else stays in the archive; two years at least"""
    archive_retention_days: int | None
    """Days that nobody may delete or replace an archived object; with 0 old versions are kept instead"""
    retention_locked: bool | None
    """Locks that for good; nobody can lower or remove it ever after"""
    backups_retention_days: int | None
    """Days that nobody may delete or replace an export of the database; with 0 old versions are kept instead"""
    backups_locked: bool | None
    """Locks that for good, so that no owner of the project can destroy the second copy"""
    export_project: str | None
    """Project of the exports' bucket, which other people own; empty for the stack's own"""
    export_hours: int | None
    """Hours from that of the schedule export for which the database's account may create exports; 24 for always"""
    user_issuer: str | None
    """Issuer of the users' ID tokens; empty for Firebase Authentication of the project"""
    user_audience: str | None
    """Audience of the users' ID tokens; empty for the project's id"""
    user_jwks_url: str | None
    """Where the issuer publishes its keys; empty for Firebase's"""
    max_token_seconds: int | None
    """Longest time from an ID token's issue to its expiry; one that is made for longer is refused"""
    operators: list[str] | None
    """IAM members (user:, group:, serviceAccount:) that may call every endpoint; an email alone is a user"""
    operator_audience: str | None
    """Audience of operators' ID tokens; empty for https://<project>.utxoiq-persistence"""
    deployer: str | None
    """Who runs `pulumi up`, as an IAM member; granted to call the migrate function through its account"""
    break_glass: str | None
    """Email of a person who may log in to the database and recover it, until breakGlassUntil; empty for nobody"""
    break_glass_until: str | None
    """When that ends, within 7 days, such as 2026-12-01T18:00:00Z"""
    rate_limit_signed_in: int | None
    """Requests an hour of a signed-in caller; an API key may have its own"""
    sign_in_providers: list[str] | None
    """Firebase's names of how users may have signed in, such as password; empty for all"""
    user_tenant: str | None
    """Tenant of Firebase Authentication that users belong to; empty for users of no tenant"""
    rate_limit_address: int | None
    """Requests an hour of all users of one address together"""
    rate_limit_anonymous: int | None
    """Requests an hour of an address without credentials"""
    rate_limit_batches: int | None
    """Batches of metrics an hour of a caller; an API key may have its own"""
    cors_origins: list[str] | None
    """Origins of the web pages that may call from a browser, such as https://app.example.com"""
    service_key: bool | None
    """Hand out an API key with every scope but admin's, as the output service_key"""
    service_key_limit: int | None
    """That key's requests, and batches, an hour"""
    deployment_key_days: int | None
    """Days after which `pulumi up` makes the deployment's own API keys anew; unused, they end after two such terms"""
    metrics_ahead_seconds: int | None
    """Seconds by which a metric's timestamp may lie in the future; later ones are refused"""
    request_seconds: int | None
    """Seconds that a request may take, with all its waits and retries; upkeep takes as long as it may"""
    domain: str | None
    """Host name of a load balancer for all functions; empty for none"""
    fallback_service: str | None
    """Cloud Run service that answers what is no function's on that host name; empty for 404. Locally a URL"""
    console: bool | None
    """A page for operators, as a private function that the accounts of operators may call"""
    audit_logs: bool | None
    """Log who reads and writes data; a setting of the project, so of its stacks only one declares it"""
    log_days: int | None
    """Days that audit logs are kept"""
    logs_locked: bool | None
    """Lock the bucket of audit logs for good, so that nobody can shorten logDays or delete it"""
    logs_project: str | None
    """Project of that bucket, which other people own; empty for the stack's own"""
    container_scanning: bool | None
    """Have the images of functions looked through for known vulnerabilities"""
    flow_logs: bool | None
    """Log samples of the traffic of the functions' subnetwork"""
    dns_logs: bool | None
    """Log which names are asked for in the network"""
    database_connector_enforced: bool | None
    """Let nobody connect to the database but through Cloud SQL's connectors and proxy, which ask IAM first"""
    alert_emails: list[str] | None
    """Whom alerts, and the budget's, are sent to"""
    notification_channels: list[str] | None
    """Channels that exist already, which alerts go to as well; projects/<project>/notificationChannels/<id>"""
    alert_topic: str | None
    """Pub/Sub topic that alerts are published to; projects/<project>/topics/<name>"""
    figures_seconds: str | None
    """Seconds between two writes of an instance's figures to the cache; 0.1 to 60"""
    publish_seconds: str | None
    """Seconds within which figures are published to Cloud Monitoring once, however often that is asked for"""
    trace_sampling: str | None
    """Part of the requests that are traced, 0 to 1; 0 for none, which costs nothing"""
    runbook_url: str | None
    """Where docs/operations/alerts can be read, which alerts link to; empty for its path in the repository"""
    budget: int | None
    """Monthly budget of the project in whole units of the billing account's currency; 0 for none"""
    billing_account: str | None
    """Billing account of the budget"""


class PersistenceLayer(pulumi.ComponentResource):
    """The whole system as one component: Cloud SQL, Memorystore, buckets, functions, schedules, alerts."""

    functions: pulumi.Output[dict[str, str]]
    """Addresses of the functions, by name"""
    admin_key: pulumi.Output[str]
    """The first API key, by which others are made; a secret"""
    scheduler_account: pulumi.Output[str]
    """Service account that runs the schedules"""
    deployer_account: pulumi.Output[str]
    """Service account that has the schema migrated"""
    database_connection_name: pulumi.Output[str]
    """Connection name of the Cloud SQL instance"""
    dashboard: pulumi.Output[str]
    """Address of the service's dashboard"""

    def __init__(self, name: str, args: PersistenceLayerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{NAME}:index:PersistenceLayer", name, None, opts)
        values = configuration_values(args)
        stack = args.get("stack") or pulumi.get_stack()
        configuration = read(stack, Values(NAME, values), Values("gcp", {"gcp:project": args["project"]}))
        options = pulumi.ResourceOptions(parent=self)
        layer = persistence.PersistenceLayer(
            configuration.prefix, configuration, REPOSITORY, opts=options, migrate=migrate_in_process
        )
        outputs = layer.outputs()
        self.functions = pulumi.Output.from_input(outputs["functions"])
        self.admin_key = pulumi.Output.secret(outputs["admin_key"])
        self.scheduler_account = pulumi.Output.from_input(outputs["scheduler_account"])
        self.deployer_account = pulumi.Output.from_input(outputs["deployer_account"])
        self.database_connection_name = pulumi.Output.from_input(outputs["database_connection_name"])
        self.dashboard = pulumi.Output.from_input(outputs["dashboard"])
        self.register_outputs(
            {
                "functions": self.functions,
                "adminKey": self.admin_key,
                "schedulerAccount": self.scheduler_account,
                "deployerAccount": self.deployer_account,
                "databaseConnectionName": self.database_connection_name,
                "dashboard": self.dashboard,
            }
        )


def configuration_values(args: Mapping[str, Any]) -> dict[str, str]:
    """Return the arguments as a stack's file would hold them, by their keys with the namespace."""
    given = {key: value for key, value in args.items() if value is not None and key not in ("project", "stack")}
    return {f"{NAME}:{_camel(key)}": _text(value) for key, value in given.items()}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(_plain(value))


def _plain(value: object) -> object:
    """Whole numbers come over the wire as floats; the names within objects are those of the stack's file."""
    if isinstance(value, Mapping):
        return {_camel(str(key)): _plain(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
