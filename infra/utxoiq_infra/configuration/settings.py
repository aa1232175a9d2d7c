"""What a stack may choose, and what follows from it.

The defaults are production's. They stand in Pulumi.yaml as well, for the Pulumi CLI; a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pulumi

from utxoiq_infra.configuration.catalog import CONSOLE, FUNCTIONS, SCHEDULES, FunctionSpec, Sizing

NAME = "utxoiq-persistence"
LONGEST_MONTH = 31
INGRESS = {"all": "ALLOW_ALL", "internal": "ALLOW_INTERNAL_ONLY", "balancer": "ALLOW_INTERNAL_AND_GCLB"}


@dataclass(frozen=True)
class NetworkSettings:
    """functions_range: of the instances of functions. services_range: of Cloud SQL and Memorystore.

    egress_listed: whether functions reach only what is listed: those, Google's APIs, and egress_hosts, at port 443.
    """

    functions_range: str = "10.8.0.0/24"
    services_range: str = "10.9.0.0/20"
    egress_listed: bool = True
    egress_hosts: tuple[str, ...] = ()
    flow_logs: bool = True
    dns_logs: bool = True


@dataclass(frozen=True)
class DatabaseSettings:
    """reserved_connections: kept free for operators, Google's own agents and revisions that overlap.

    replica_region: empty for none. maintenance_hour: on Sundays, UTC.
    """

    version: str = "POSTGRES_17"
    tier: str = "db-custom-2-7680"
    availability: str = "REGIONAL"
    disk_gb: int = 100
    name: str = "utxoiq"
    max_connections: int = 400
    reserved_connections: int = 20
    backups_kept: int = 7
    recovery_days: int = 7
    final_backup_days: int = 30
    maintenance_hour: int = 6
    audited: str = "ddl,role"
    replica_region: str = ""
    connector_enforced: bool = True


@dataclass(frozen=True)
class CacheSettings:
    """persistence: how often a snapshot is taken; off for never."""

    version: str = "REDIS_7_2"
    tier: str = "STANDARD_HA"
    memory_gb: int = 5
    eviction: str = "allkeys-lru"
    encryption: bool = True
    replicas: int = 1
    persistence: str = "off"


@dataclass(frozen=True)
class StorageSettings:
    """Days. *_hot: in PostgreSQL; metrics: from a metric's birth to its end in the archive; archive: of all else.

    retention: how long nobody may delete or replace an object; zero for versions instead, which the two exclude.
    locked: for good, that is. export_project: empty for the stack's own. export_hours: a day.
    max_series: of metrics in PostgreSQL, which is a number and not days.
    """

    soft_delete: int = 7
    backfill_hot: int = 180
    feedback_hot: int = 730
    metrics_hot: int = 90
    audit_hot: int = 400
    max_series: int = 20_000
    metrics: int = 365
    archive: int = 1825
    archive_retention: int = 0
    locked: bool = False
    backups_retention: int = 21
    backups_locked: bool = True
    export_project: str = ""
    export_hours: int = 6

    @property
    def metrics_in_archive(self) -> int:
        """Return for how many days metrics stay in the archive at least, since whole months are archived at once."""
        return self.metrics - self.metrics_hot - LONGEST_MONTH


@dataclass(frozen=True)
class IdentitySettings:
    """Empty: the functions' own default, which is Firebase Authentication of the project.

    operators: IAM members, of which an email alone is a user. sign_in_providers: by which users may have signed in,
    empty for all. user_tenant: of Firebase, empty for users of none. deployer: who runs `pulumi up`, as an IAM member.
    max_token_seconds: from an ID token's issue to its expiry. break_glass: the email of a person who may log in to the
    database, until break_glass_until; empty for nobody.
    """

    user_issuer: str = ""
    user_audience: str = ""
    user_jwks_url: str = ""
    operators: tuple[str, ...] = ()
    operator_audience: str = ""
    deployer: str = ""
    max_token_seconds: int = 3600
    break_glass: str = ""
    break_glass_until: str = ""
    sign_in_providers: tuple[str, ...] = ()
    user_tenant: str = ""

    @property
    def operator_members(self) -> tuple[str, ...]:
        """Return the operators as IAM members."""
        return tuple(one if ":" in one else f"user:{one}" for one in self.operators)

    @property
    def operator_emails(self) -> tuple[str, ...]:
        """Return the emails of those operators that are accounts: a token names no group."""
        accounts = (one for one in self.operator_members if not one.startswith("group:"))
        return tuple(one.partition(":")[2] for one in accounts)


@dataclass(frozen=True)
class AccessSettings:
    """Limits are a caller's requests an hour; address_limit: those of all users of one address.

    origins: of the web pages that may call from a browser.
    service_key: whether the deployment hands out a key with every scope but admin's, and service_key_limit its limit.
    metrics_ahead_seconds: how far in the future a metric's timestamp may lie. request_seconds: how long a request may
    take, upkeep apart. key_days: the term of the deployment's own keys; zero for keys without an end.
    """

    signed_in_limit: int = 1000
    anonymous_limit: int = 100
    address_limit: int = 5000
    batch_limit: int = 100
    origins: tuple[str, ...] = ()
    service_key: bool = False
    service_key_limit: int = 1000
    metrics_ahead_seconds: int = 86_400
    request_seconds: int = 25
    key_days: int = 90


@dataclass(frozen=True)
class OversightSettings:
    """audit_logs: of who read and wrote data. logs_locked: for good, so that nobody shortens log_days.

    logs_project: where they are kept; empty for the stack's own.

    budget: a month, in whole units of the billing account's currency.
    """

    audit_logs: bool = True
    log_days: int = 400
    logs_locked: bool = True
    logs_project: str = ""
    container_scanning: bool = True
    budget: int = 0
    billing_account: str = ""


@dataclass(frozen=True)
class NotificationSettings:
    """Whom alerts are told to. existing: names of channels, projects/…/notificationChannels/….

    pagerduty: an integration key. webhook: an address, a token in it. topic: of Pub/Sub, projects/…/topics/….
    """

    emails: tuple[str, ...] = ()
    existing: tuple[str, ...] = ()
    pagerduty: str = field(default="", repr=False)
    webhook: str = field(default="", repr=False)
    slack_channel: str = ""
    slack_token: str = field(default="", repr=False)
    topic: str = ""


@dataclass(frozen=True)
class MonitoringSettings:
    """figures_seconds: between two writes of an instance's figures. publish_seconds: within which publishing is once.

    trace_sampling: part of the requests that are traced. runbook_url: of the folder with a file an alert.
    """

    figures_seconds: float = 5.0
    publish_seconds: float = 60.0
    trace_sampling: float = 0.0
    runbook_url: str = ""


@dataclass(frozen=True)
class Configuration:
    """domain: of the one host name for all functions; empty for none. crons: of the schedules, by their names.

    fallback_service: what answers the paths of that host name that are no function's; empty for 404.
    armor_enforced: whether Cloud Armor refuses what looks like an attack, or only logs it.
    kms_key: of the customer, for what the region holds, and backup_kms_key for what the backup region holds; both empty
    for Google's own.
    project_number: empty to have Google asked for it. console: whether there is a page for operators.
    """

    project: str
    stack: str
    project_number: str = ""
    region: str = "us-central1"
    backup_region: str = "us-east1"
    deletion_protection: bool = True
    runtime: str = "python313"
    log_level: str = "INFO"
    kms_key: str = ""
    backup_kms_key: str = ""
    armor_enforced: bool = True
    domain: str = ""
    fallback_service: str = ""
    console: bool = True
    own_labels: Mapping[str, str] = field(default_factory=dict)
    network: NetworkSettings = NetworkSettings()
    database: DatabaseSettings = DatabaseSettings()
    cache: CacheSettings = CacheSettings()
    storage: StorageSettings = StorageSettings()
    identity: IdentitySettings = IdentitySettings()
    access: AccessSettings = AccessSettings()
    oversight: OversightSettings = OversightSettings()
    notifications: NotificationSettings = NotificationSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    sizing: Mapping[str, Sizing] = field(default_factory=lambda: {spec.name: spec.sizing for spec in FUNCTIONS})
    crons: Mapping[str, str] = field(default_factory=lambda: {row.name: row.cron for row in SCHEDULES})

    @property
    def prefix(self) -> str:
        """Return the prefix of every resource's name, since several stacks may share a project."""
        return f"utxoiq-{self.stack}"

    @property
    def labels(self) -> dict[str, pulumi.Input[str]]:
        """Return the labels of every resource."""
        return {"app": NAME, "stack": self.stack, "managed-by": "pulumi", **self.own_labels}

    @property
    def operator_audience(self) -> str:
        """Return the audience of the ID tokens of operators."""
        return self.identity.operator_audience or f"https://{self.project}.{NAME}"

    @property
    def functions(self) -> tuple[FunctionSpec, ...]:
        """Return the functions that this stack has."""
        return tuple(spec for spec in FUNCTIONS if self.console or spec != CONSOLE)

    @property
    def egress_hosts(self) -> tuple[str, ...]:
        """Return the hosts beyond Google's that functions may reach: those listed, and that of the users' keys."""
        keys = urlsplit(self.identity.user_jwks_url)
        own = keys.scheme == "https" and keys.hostname and not keys.hostname.endswith(".googleapis.com")
        return tuple(sorted({*self.network.egress_hosts, *([str(keys.hostname)] if own else [])}))

    def function_name(self, spec: FunctionSpec) -> str:
        """Return the name of the function in this stack."""
        return f"{self.prefix}-{spec.name}"

    def database_user(self, spec: FunctionSpec) -> str:
        """The PostgreSQL role of a function's service account, known before the account exists."""
        return f"{self.function_name(spec)}@{self.project}.iam"

    def function_audience(self, spec: FunctionSpec) -> str:
        """Return the function's audience: known before it exists, and accepted by Cloud Run besides its URL."""
        return f"https://{self.region}-{self.project}.cloudfunctions.net/{self.function_name(spec)}"

    def trusted_proxies(self, spec: FunctionSpec) -> int:
        """Return how many of our proxies append an address to X-Forwarded-For before Cloud Run's front end does."""
        return 1 if self.domain and self.ingress(spec) == INGRESS["balancer"] else 0

    def ingress(self, spec: FunctionSpec) -> str:
        """Return the function's ingress setting: behind a load balancer, no caller may bypass its rules."""
        chosen = self.sizing[spec.name].ingress
        if chosen == "auto":
            chosen = "balancer" if self.domain and spec.public else "all"
        return INGRESS[chosen]
