"""The operators' console: its rights, its API key, and its environment."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi_gcp import logging, projects

from utxoiq_infra.cache import Cache
from utxoiq_infra.component import Component
from utxoiq_infra.configuration.catalog import (
    BACKUP,
    CONSOLE,
    ENDPOINTS,
    FEEDBACK,
    KEEPER,
    MIGRATE,
    PUBLISHERS,
    READER_SCOPES,
    RETENTION,
    SCHEDULES,
    FunctionSpec,
)
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.database import Database
from utxoiq_infra.encryption import Encryption
from utxoiq_infra.function import ServerlessFunction
from utxoiq_infra.identity import Account
from utxoiq_infra.load_balancer import health_path
from utxoiq_infra.secrets import ApiKey, Mount, Secret, Term
from utxoiq_infra.stack_logs import FUNCTION_LINES, JOB_LINES, encrypt_logs, within_stack
from utxoiq_infra.storage import Storage

# What it asks of the project's services, each a call that it makes. Cloud Monitoring, Cloud Scheduler and Cloud Trace
# know no condition on resources, and no policies of single ones: the function leaves alone what is another stack's.
READING = (
    "monitoring.alertPolicies.get",
    "monitoring.alerts.list",
    "monitoring.snoozes.list",
    "monitoring.timeSeries.list",
)
SILENCING = ("monitoring.snoozes.create", "monitoring.snoozes.update")
STARTING = ("cloudscheduler.jobs.list", "cloudscheduler.jobs.run")
# Only where requests are traced.
READING_TRACES = ("cloudtrace.traces.get",)
# Log lines lie in a bucket of this stack's, of which it may read a view.
READING_LOGS = "roles/logging.viewAccessor"
VIEW = "_AllLogs"
LOG_DAYS = 30
# The platform's lines have the URL with its query; who keeps those out of `_Default` has no other copy of them.
WITHOUT_USERS = 'NOT httpRequest.requestUrl:"user_id="'
# Some requests every few seconds while somebody looks.
REQUESTS_AN_HOUR = 20_000

Resource = dict[str, pulumi.Input[Any]]


class ConsoleAccess(Component):
    """The console's rights, as `grants`, and its API `key` for the functions it queries, which `mounts` passes on.

    `log_view` is what it reads log lines in.
    """

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        account: Account,
        encryption: Encryption,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ConsoleAccess", name, opts)
        self._configuration = configuration
        self.key = ApiKey(
            f"{name}-key",
            called="deployment-console",
            scopes=READER_SCOPES,
            term=Term.current(configuration.access.key_days, datetime.now(UTC)),
            limit=REQUESTS_AN_HOUR,
            opts=self.own(),
        )
        traces = READING_TRACES if configuration.monitoring.trace_sampling else ()
        role = projects.IAMCustomRole(
            name,
            role_id=name.replace("-", "_"),
            project=configuration.project,
            title=name,
            permissions=[*READING, *SILENCING, *STARTING, *traces],
            opts=self.own(),
        )
        logs = self._logs(encryption)
        self.log_view = pulumi.Output.concat(logs.id, "/views/", VIEW)
        self.grants: list[pulumi.Resource] = [
            projects.IAMMember(
                name,
                project=configuration.project,
                role=role.name,
                member=account.member,
                opts=self.own(),
            ),
            logging.LogViewIamMember(
                f"{name}-logs",
                parent=f"projects/{configuration.project}",
                location=configuration.region,
                bucket=logs.bucket_id,
                name=VIEW,
                role=READING_LOGS,
                member=account.member,
                opts=self.own(),
            ),
        ]
        secret = Secret(f"{name}-key", configuration, self.key.key, encryption, opts=self.own())
        self.mounts: dict[str, Mount] = {"CONSOLE_KEY": secret.mounted_by(CONSOLE.name, account)}
        self.register_outputs({})

    def _logs(self, encryption: Encryption) -> logging.ProjectBucketConfig:
        """Return a bucket with copies of this stack's log lines: the filter of a view tells no functions apart."""
        configuration, name = self._configuration, f"{self.pulumi_resource_name}-logs"
        bucket = logging.ProjectBucketConfig(
            name,
            bucket_id=name,
            project=configuration.project,
            location=configuration.region,
            description="Log lines of this stack's functions and schedules, for the console",
            retention_days=LOG_DAYS,
            cmek_settings=encrypt_logs(encryption),
            opts=self.own(depends_on=encryption.grants),
        )
        logging.ProjectSink(
            name,
            name=name,
            project=configuration.project,
            destination=pulumi.Output.concat("logging.googleapis.com/", bucket.id),
            filter=within_stack(configuration, f"(({FUNCTION_LINES}) OR ({JOB_LINES}))") + f" AND {WITHOUT_USERS}",
            unique_writer_identity=True,
            opts=self.own(),
        )
        return bucket


def environment(
    configuration: Configuration, resources: pulumi.Output[str], log_view: pulumi.Output[str]
) -> dict[str, pulumi.Input[str]]:
    """Return the environment variables of the console."""
    return {
        "GOOGLE_CLOUD_PROJECT": configuration.project,
        "LOG_LEVEL": configuration.log_level,
        "MONITORING_NAMESPACE": configuration.prefix,
        "MONITORING_LOCATION": configuration.region,
        "LOG_VIEW": log_view,
        "RUNBOOKS": configuration.monitoring.runbook_url,
        "RESOURCES": resources,
    }


def resources(
    configuration: Configuration,
    functions: Mapping[str, ServerlessFunction],
    database: Database,
    cache: Cache,
    buckets: Storage,
) -> pulumi.Output[str]:
    """What there is and who uses what, as JSON."""
    return pulumi.Output.json_dumps(
        [
            *_callers(configuration),
            *(_function(configuration, spec, functions) for spec in configuration.functions),
            *_stores(configuration, database, cache, buckets),
            _service("monitoring", "Cloud Monitoring", "Metrics and alerts"),
            _service("logging", "Cloud Logging", "Log lines of all functions"),
        ],
        sort_keys=True,
    )


def _callers(configuration: Configuration) -> list[Resource]:
    names = [spec.name for spec in ENDPOINTS]
    return [
        {
            **_resource(
                "clients",
                "entry",
                "Clients",
                configuration.domain,
                configuration.domain or "By each function's URL",
                names,
            ),
            "url": f"https://{configuration.domain}" if configuration.domain else "",
        },
        {
            **_resource(
                "scheduler",
                "scheduler",
                "Cloud Scheduler",
                configuration.prefix,
                f"{len(SCHEDULES)} schedules",
                sorted({row.function.name for row in SCHEDULES}),
            ),
            "members": [f"{configuration.prefix}-{row.name}" for row in SCHEDULES],
        },
        _resource("operators", "entry", "Operators", "", "Listed Google accounts", [CONSOLE.name]),
        _resource("deployment", "entry", "Deployment", "", "Has the schema migrated", [MIGRATE.name]),
    ]


def _function(
    configuration: Configuration, spec: FunctionSpec, functions: Mapping[str, ServerlessFunction]
) -> Resource:
    name = configuration.function_name(spec)
    made = _resource(spec.name, "function", spec.name, name, spec.description, _uses(configuration, spec))
    if not spec.public:
        return made
    # From within the network, where the load balancer's address is none that functions may reach.
    url: pulumi.Input[str] = functions[spec.name].run_url
    health: pulumi.Input[str] = pulumi.Output.concat(url, "/health")
    if configuration.domain and not configuration.network.egress_listed:
        url = f"https://{configuration.domain}"
        health = url + health_path(spec)
    shown = {**made, "paths": list(spec.paths), "url": url, "health": health}
    if not spec.open:  # the console may not call it
        del shown["health"]
    return shown


def _uses(configuration: Configuration, spec: FunctionSpec) -> list[str]:
    if spec == CONSOLE:
        return ["monitoring", "logging", "scheduler"]
    if spec == KEEPER:
        return ["archive-bucket"]
    replica = ["replica"] if configuration.database.replica_region and spec.reads_replica else []
    buckets = {RETENTION.name: "archive-bucket", FEEDBACK.name: "archive-bucket", BACKUP.name: "backup-bucket"}
    own = [buckets[spec.name]] if spec.name in buckets else []
    cache = ["redis"] if spec != MIGRATE else []
    return ["postgres", *replica, *cache, *own, *(["monitoring"] if spec in PUBLISHERS else [])]


def _stores(configuration: Configuration, database: Database, cache: Cache, buckets: Storage) -> list[Resource]:
    settings = configuration.database
    stores = [
        _resource("postgres", "database", "Cloud SQL", database.instance.name, f"{settings.version}, {settings.tier}"),
        _resource(
            "redis",
            "cache",
            "Memorystore",
            cache.instance.name,
            f"{configuration.cache.version}, {configuration.cache.memory_gb} GB",
        ),
        _resource("archive-bucket", "bucket", "Archive", buckets.archive.name, "Expired rows, as Parquet"),
        _resource("backup-bucket", "bucket", "Backups", buckets.backups.name, "Exported backups"),
    ]
    if database.replica:
        about = f"A copy in {settings.replica_region}"
        stores.insert(1, _resource("replica", "database", "Read replica", database.replica.name, about))
    return stores


def _service(identifier: str, title: str, about: str) -> Resource:
    return _resource(identifier, "service", title, "", about)


def _resource(
    identifier: str, kind: str, title: str, name: pulumi.Input[str], about: str, uses: list[str] | None = None
) -> Resource:
    return {"id": identifier, "kind": kind, "title": title, "name": name, "about": about, "uses": uses or []}
