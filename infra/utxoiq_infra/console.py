"""The operators' console: its rights, its API key, and its environment."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi_gcp import projects

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
from utxoiq_infra.function import ServerlessFunction
from utxoiq_infra.identity import Account
from utxoiq_infra.load_balancer import health_path
from utxoiq_infra.secrets import ApiKey, Mount, Secret, Term
from utxoiq_infra.storage import Storage

READING = {"metrics": "roles/monitoring.viewer", "logs": "roles/logging.viewer"}
# Only where requests are traced.
READING_TRACES = "roles/cloudtrace.user"
# Cloud Scheduler takes no condition on a job: the function itself starts none but this stack's.
STARTING = ("cloudscheduler.jobs.get", "cloudscheduler.jobs.list", "cloudscheduler.jobs.run")
# Its own role, roles/monitoring.snoozeEditor, is of the whole project as well, and has more in it.
SILENCING = ("monitoring.snoozes.create", "monitoring.snoozes.update")
# Some requests every few seconds while somebody looks.
REQUESTS_AN_HOUR = 20_000

Resource = dict[str, pulumi.Input[Any]]


class ConsoleAccess(Component):
    """The console's rights, as `grants`, and its API `key` for the functions it queries, which `mounts` passes on."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        account: Account,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ConsoleAccess", name, opts)
        self.key = ApiKey(
            f"{name}-key",
            called="deployment-console",
            scopes=READER_SCOPES,
            term=Term.current(configuration.access.key_days, datetime.now(UTC)),
            limit=REQUESTS_AN_HOUR,
            opts=self.own(),
        )
        role = projects.IAMCustomRole(
            f"{name}-scheduler",
            role_id=f"{name}-scheduler".replace("-", "_"),
            project=configuration.project,
            title=f"{name}-scheduler",
            permissions=[*STARTING, *SILENCING],
            opts=self.own(),
        )
        roles: dict[str, pulumi.Input[str]] = {**READING, "schedules": role.name}
        if configuration.monitoring.trace_sampling:
            roles["traces"] = READING_TRACES
        self.grants: list[pulumi.Resource] = [
            projects.IAMMember(
                f"{name}-{what}",
                project=configuration.project,
                role=granted,
                member=account.member,
                opts=self.own(),
            )
            for what, granted in roles.items()
        ]
        secret = Secret(f"{name}-key", configuration, self.key.key, opts=self.own())
        self.mounts: dict[str, Mount] = {"CONSOLE_KEY": secret.mounted_by(CONSOLE.name, account)}
        self.register_outputs({})


def environment(configuration: Configuration, resources: pulumi.Output[str]) -> dict[str, pulumi.Input[str]]:
    """Return the environment variables of the console."""
    return {
        "GOOGLE_CLOUD_PROJECT": configuration.project,
        "LOG_LEVEL": configuration.log_level,
        "MONITORING_NAMESPACE": configuration.prefix,
        "MONITORING_LOCATION": configuration.region,
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
        _resource(
            "clients", "entry", "Clients", configuration.domain, configuration.domain or "By each function's URL", names
        ),
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
    url = functions[spec.name].url
    if configuration.domain:
        base = f"https://{configuration.domain}"
        shown = {**made, "paths": list(spec.paths), "url": base, "health": base + health_path(spec)}
    else:
        shown = {**made, "paths": list(spec.paths), "url": url, "health": pulumi.Output.concat(url, "/health")}
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
