"""The whole system as one component."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
import pulumi_random as random
from pulumi_gcp import projects, serviceaccount

from utxoiq_infra import console
from utxoiq_infra.archive import Archive
from utxoiq_infra.backups import BackupAccess
from utxoiq_infra.break_glass import GROUP, BreakGlass
from utxoiq_infra.build import Build
from utxoiq_infra.cache import Cache
from utxoiq_infra.component import Component
from utxoiq_infra.configuration.catalog import (
    ADMIN_SCOPE,
    BACKUP,
    CONSOLE,
    DATABASE,
    ENDPOINTS,
    FEEDBACK,
    KEEPER,
    METRICS,
    MIGRATE,
    PUBLISHERS,
    RETENTION,
    SCOPES,
    FunctionSpec,
)
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.console import ConsoleAccess
from utxoiq_infra.database import OWNER_ROLE, Database
from utxoiq_infra.encryption import Encryption
from utxoiq_infra.function import EVERYBODY, Platform, ServerlessFunction
from utxoiq_infra.guard import guard
from utxoiq_infra.identity import Account, database_user
from utxoiq_infra.load_balancer import LoadBalancer
from utxoiq_infra.migration import build_trigger, migrate_by_resource
from utxoiq_infra.monitoring.monitoring import Monitoring
from utxoiq_infra.monitoring.notifications import NotificationChannels
from utxoiq_infra.monitoring.oversight import Oversight
from utxoiq_infra.monitoring.published_metrics import MetricDescriptors
from utxoiq_infra.network import Network
from utxoiq_infra.schedules import Schedules
from utxoiq_infra.secrets import KEY_LENGTH, ApiKey, Mount, Secret, Term, fleet_keys
from utxoiq_infra.services import GoogleServices
from utxoiq_infra.source_archive import Sources
from utxoiq_infra.storage import Storage

PUBLISHING = "monitoring.timeSeries.create"


class PersistenceLayer(Component):
    """The whole system.

    `repository` is the folder that contains functions/, sql/, migrations/ and docs/; `migrate`, a function of
    migration.py, is the way in which the schema is brought up to date.
    """

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        repository: Path,
        opts: pulumi.ResourceOptions | None = None,
        migrate: Callable[..., pulumi.Input[pulumi.Resource]] = migrate_by_resource,
    ) -> None:
        super().__init__("PersistenceLayer", name, opts)
        self._configuration = configuration
        self._sources = Sources(repository)
        self._migrate = migrate
        services = GoogleServices(
            f"{name}-services",
            configuration.project,
            opts=self.own(),
            container_scanning=configuration.oversight.container_scanning,
        )
        enabled = self._enabled = self.own(depends_on=[services])
        self.accounts = {
            spec.name: Account(f"{name}-{spec.name}", configuration, purpose=spec.description, opts=enabled)
            for spec in configuration.functions
        }
        self.scheduler = Account(f"{name}-scheduler", configuration, purpose="Runs the schedules", opts=enabled)
        self.deployer = Account(f"{name}-deployer", configuration, purpose="Has the schema migrated", opts=enabled)
        self.operator = Account(f"{name}-operator", configuration, purpose="Stands for the operators", opts=enabled)
        for member in configuration.identity.operator_members:
            self.operator.may_be_impersonated_by(member, member.partition(":")[2])
        # Google's own role defines metrics as well, which the program does.
        self._publisher = projects.IAMCustomRole(
            f"{name}-publisher",
            role_id=f"{name}-publisher".replace("-", "_"),
            project=configuration.project,
            title=f"{name}-publisher",
            permissions=[PUBLISHING],
            opts=enabled,
        )
        self._cache_keys = {spec.name: self._cache_key(spec) for spec in ENDPOINTS}
        encryption = self._encryption = Encryption(name, configuration, opts=enabled)
        network = Network(name, configuration, opts=enabled)
        self.buckets = Storage(name, configuration, encryption, opts=enabled)
        self.database = Database(name, configuration, network, encryption, opts=enabled)
        self.cache = Cache(name, configuration, network, encryption, opts=enabled)
        self.keys = self._api_keys(name)
        self._console = self._console_access(name, enabled) if configuration.console else None
        declared = [*self.keys.values(), *([self._console.key] if self._console else [])]
        declarations = pulumi.Output.json_dumps([key.declaration for key in declared], sort_keys=True)
        self._deployment_keys = self._secret(f"{name}-deployment-keys", declarations, enabled)
        self._declared = pulumi.Output.unsecret(declarations.apply(build_trigger))
        self._secrets = {
            "REDIS_AUTH": self._secret(f"{name}-redis-auth", self.cache.auth, enabled),
            "COMMON_KEY": self._common_key(name, enabled),
        }
        self.backups = BackupAccess(
            f"{name}-backups",
            configuration,
            self.accounts[BACKUP.name],
            self.accounts[KEEPER.name],
            self.database,
            self.buckets.backups,
            opts=enabled,
        )
        self.archive = Archive(
            f"{name}-archive",
            configuration,
            self.buckets.archive,
            writer=self.accounts[RETENTION.name],
            reader=self.accounts[FEEDBACK.name],
            keeper=self.accounts[KEEPER.name],
            encryption=encryption,
            opts=enabled,
        )
        self._break_glass = (
            BreakGlass(f"{name}-break-glass", configuration, self.database, opts=enabled)
            if configuration.identity.break_glass
            else None
        )
        self._platform = Platform(
            network, self.buckets, Build(name, configuration, self.buckets, encryption, opts=enabled), encryption
        )
        self.functions = {MIGRATE.name: self._migrate_function()}
        migrated = self._migration(self.functions[MIGRATE.name])
        self.functions |= {spec.name: self._endpoint(spec, migrated) for spec in ENDPOINTS}
        if self._console:
            self.functions[CONSOLE.name] = self._console_function(self._console)
        self.functions[KEEPER.name] = self._keeper_function()
        schedules = Schedules(name, configuration, self.functions, self.scheduler, opts=self.own())
        self.load_balancer = (
            LoadBalancer(name, configuration, self.functions, opts=enabled) if configuration.domain else None
        )
        notifications = NotificationChannels(name, configuration, opts=enabled)
        oversight = Oversight(name, configuration, notifications.emails, encryption, opts=enabled)
        descriptors = MetricDescriptors(name, configuration.project, opts=enabled)
        # Google refuses an alert on a metric that it has not heard of yet.
        self.monitoring = Monitoring(
            name,
            configuration,
            self.functions,
            notifications.channels,
            repository,
            opts=self.own(depends_on=[*self.functions.values(), schedules, oversight, descriptors]),
        )
        self.register_outputs({})
        # Beside the component: within it, it would wait for itself.
        guard(name, self, protect=configuration.deletion_protection, parent=opts.parent if opts else None)

    def outputs(self) -> dict[str, pulumi.Input[Any]]:
        """Return the stack's outputs for whoever deploys it."""
        configuration, buckets = self._configuration, self.buckets
        outputs: dict[str, pulumi.Input[Any]] = {
            "functions": {name: function.url for name, function in self.functions.items()},
            # Which function answers the paths that begin so.
            "routes": {path: spec.name for spec in ENDPOINTS for path in spec.paths},
            **{f"{name}_key": key.key for name, key in self.keys.items()},
            "first_key_command": f"pulumi stack output admin_key --show-secrets --stack {configuration.stack}",
            "scheduler_account": self.scheduler.email,
            "deployer_account": self.deployer.email,
            "operators": list(configuration.identity.operator_emails),
            "operator_account": self.operator.email,
            "operator_audience": configuration.operator_audience,
            "database_connection_name": self.database.connection_name,
            "buckets": {
                "backups": buckets.backups.name,
                "archive": buckets.archive.name,
                "sources": buckets.sources.name,
            },
            "archive_dataset": pulumi.Output.concat(configuration.project, ".", self.archive.dataset.dataset_id),
            "dashboard": self.monitoring.dashboards["service"],
        }
        if configuration.fallback_service:
            outputs["fallback"] = configuration.fallback_service
        if self.load_balancer:
            outputs |= {"base_url": self.load_balancer.url, "load_balancer_address": self.load_balancer.address}
        return outputs

    def _api_keys(self, name: str) -> dict[str, ApiKey]:
        """The first admin's, and one for services where the stack wants that."""
        access = self._configuration.access
        term = Term.current(access.key_days, datetime.now(UTC))
        keys = {
            "admin": ApiKey(
                f"{name}-admin-key", called="deployment-admin", scopes=[ADMIN_SCOPE], term=term, opts=self.own()
            )
        }
        if access.service_key:
            keys["service"] = ApiKey(
                f"{name}-service-key",
                called="deployment-service",
                scopes=SCOPES,
                term=term,
                limit=access.service_key_limit,
                opts=self.own(),
            )
        return keys

    def _console_access(self, name: str, enabled: pulumi.ResourceOptions) -> ConsoleAccess:
        account = self.accounts[CONSOLE.name]
        return ConsoleAccess(f"{name}-console", self._configuration, account, self._encryption, opts=enabled)

    def _console_function(self, access: ConsoleAccess) -> ServerlessFunction:
        """Open at the platform to operators alone."""
        configuration = self._configuration
        resources = console.resources(configuration, self.functions, self.database, self.cache, self.buckets)
        function = ServerlessFunction(
            configuration,
            CONSOLE,
            self._platform,
            source=self._sources.archive(CONSOLE.name),
            account=self.accounts[CONSOLE.name],
            environment=console.environment(configuration, resources, access.log_view),
            mounts=access.mounts,
            opts=self.own(depends_on=[*self.functions.values(), *access.grants]),
        )
        for member in configuration.identity.operator_members:
            function.allow(member.partition(":")[2], member)
        return function

    def _keeper_function(self) -> ServerlessFunction:
        """Has no database and no cache; only the scheduler may call it."""
        return self._function(
            KEEPER,
            {
                "GOOGLE_CLOUD_PROJECT": self._configuration.project,
                "LOG_LEVEL": self._configuration.log_level,
                "BACKED_UP_INSTANCE": self.database.connection_name,
                **self.archive.reader_environment,
                **self._observed_environment(KEEPER),
            },
            mounts={},
            depends_on=[*self.backups.keeper_grants, *self.archive.keeper_grants],
        )

    def _role_members(self) -> pulumi.Output[str]:
        """Which database user belongs to which group role of the migrations."""
        members: dict[str, pulumi.Input[str]] = {
            f"utxoiq_{spec.name}": database_user(self.accounts[spec.name]) for spec in ENDPOINTS
        }
        if self._break_glass:
            members[GROUP] = self._break_glass.user.name
        return pulumi.Output.json_dumps(members, sort_keys=True)

    def _migrate_function(self) -> ServerlessFunction:
        users = [self.database.user(self.accounts[spec.name]) for spec in ENDPOINTS]
        owner = self.database.user(self.accounts[MIGRATE.name], roles=(OWNER_ROLE,))
        return self._function(
            MIGRATE,
            self._database_environment(MIGRATE) | {"DB_ROLE_MEMBERS": self._role_members()},
            mounts={"DEPLOYMENT_KEYS": self._deployment_keys.mounted_by(MIGRATE.name, self.accounts[MIGRATE.name])},
            depends_on=[*users, owner, *([self._break_glass] if self._break_glass else [])],
        )

    def _migration(self, function: ServerlessFunction) -> pulumi.Input[pulumi.Resource]:
        """The schema, brought up to date by the one function that may change it."""
        grants = [function.allow("deployer", self.deployer.member)]
        if self._configuration.identity.deployer:
            grants.append(self.deployer.may_be_impersonated_by(self._configuration.identity.deployer))
        token = serviceaccount.get_account_id_token_output(
            target_service_account=self.deployer.email,
            target_audience=self._configuration.function_audience(MIGRATE),
            include_email=True,
            opts=pulumi.InvokeOutputOptions(parent=self, depends_on=grants),
        ).id_token
        digest = self._sources.archive(MIGRATE.name).digest
        target = pulumi.Output.all(
            self.database.connection_name, self.database.database.name, self._role_members(), self._declared
        )
        return self._migrate(
            f"{self.pulumi_resource_name}-schema",
            url=function.url,
            token=token,
            trigger=target.apply(lambda parts: build_trigger(digest, parts)),
            after=grants,
            opts=self.own(),
        )

    def _endpoint(self, spec: FunctionSpec, migrated: pulumi.Input[pulumi.Resource]) -> ServerlessFunction:
        identity, access = self._configuration.identity, self._configuration.access
        optional = {
            "OIDC_USER_ISSUER": identity.user_issuer,
            "OIDC_USER_AUDIENCE": identity.user_audience,
            "OIDC_USER_JWKS_URL": identity.user_jwks_url,
            "OIDC_SIGN_IN_PROVIDERS": ",".join(identity.sign_in_providers),
            "OIDC_USER_TENANT": identity.user_tenant,
            "CORS_ORIGINS": ",".join(access.origins),
        }
        environment: dict[str, pulumi.Input[str]] = {
            "FUNCTION_AUDIENCE": self._configuration.function_audience(spec),
            "OPERATOR_AUDIENCE": self._configuration.operator_audience,
            "SCHEDULER_ACCOUNT": self.scheduler.email,
            # A person's own ID token, as gcloud makes it, names no audience of ours: they take this account's.
            "OPERATORS": self.operator.email.apply(lambda email: ",".join([email, *identity.operator_emails])),
            "MAX_TOKEN_SECONDS": str(identity.max_token_seconds),
            "REQUEST_SECONDS": str(access.request_seconds),
            "RATE_LIMIT_SIGNED_IN": str(access.signed_in_limit),
            "RATE_LIMIT_ANONYMOUS": str(access.anonymous_limit),
            "RATE_LIMIT_ADDRESS": str(access.address_limit),
            "RATE_LIMIT_BATCHES": str(access.batch_limit),
            "CALLERS_CHECKED_BY_PLATFORM": str(not spec.open).lower(),
            "TRUSTED_PROXIES": str(self._configuration.trusted_proxies(spec)),
            **{variable: value for variable, value in optional.items() if value},
        }
        function = self._function(
            spec,
            self._database_environment(spec) | self.cache.environment | environment | self._own_environment(spec),
            mounts={
                variable: secret.mounted_by(spec.name, self.accounts[spec.name])
                for variable, secret in {**self._secrets, **self._redis_secrets(spec, self._enabled)}.items()
            },
            depends_on=[migrated, *self._own_grants(spec)],
        )
        if spec.open:
            function.allow("everybody", EVERYBODY)
        else:
            function.allow("operator", self.operator.member)
            for member in identity.operator_members:
                function.allow(member.partition(":")[2], member)
        return function

    def _cache_key(self, spec: FunctionSpec) -> random.RandomPassword:
        """By which the function knows its own entries in Redis, where every function may write."""
        name = f"{self.accounts[spec.name].pulumi_resource_name}-cache-key"
        return random.RandomPassword(name, length=KEY_LENGTH, special=False, opts=self.own())

    def _common_key(self, name: str, enabled: pulumi.ResourceOptions) -> Secret:
        """By which functions know in Redis what is of any of them: counts of rate limits, and news of changes."""
        key = random.RandomPassword(f"{name}-common-key", length=KEY_LENGTH, special=False, opts=self.own())
        return self._secret(key.pulumi_resource_name, key.result, enabled)

    def _redis_secrets(self, spec: FunctionSpec, enabled: pulumi.ResourceOptions) -> dict[str, Secret]:
        """The function's own key; for who reads the figures of all, a key of each that is good for checking those."""
        own = self._cache_keys[spec.name]
        secrets = {"CACHE_KEY": self._secret(own.pulumi_resource_name, own.result, enabled)}
        if spec == DATABASE:
            keys = {self._configuration.function_name(one): self._cache_keys[one.name].result for one in ENDPOINTS}
            derived = pulumi.Output.all(**keys).apply(fleet_keys)  # secret, as what it is made from is
            name = f"{self.pulumi_resource_name}-fleet-keys"
            secrets["FLEET_KEYS"] = self._secret(name, derived, enabled)
        return secrets

    def _secret(self, name: str, content: pulumi.Output[str], enabled: pulumi.ResourceOptions) -> Secret:
        return Secret(name, self._configuration, content, self._encryption, opts=enabled)

    def _own_environment(self, spec: FunctionSpec) -> dict[str, pulumi.Input[str]]:
        """What no other function is told."""
        own: dict[str, dict[str, pulumi.Input[str]]] = {
            RETENTION.name: self.archive.environment,
            FEEDBACK.name: self.archive.reader_environment,
            BACKUP.name: self.backups.environment,
            METRICS.name: {"METRICS_AHEAD_SECONDS": str(self._configuration.access.metrics_ahead_seconds)},
        }
        return own.get(spec.name, {})

    def _own_grants(self, spec: FunctionSpec) -> list[pulumi.Resource]:
        """What no other function may do."""
        own: dict[str, list[pulumi.Resource]] = {
            RETENTION.name: self.archive.grants,
            FEEDBACK.name: self.archive.reader_grants,
            BACKUP.name: self.backups.grants,
        }
        return own.get(spec.name, [])

    def _database_environment(self, spec: FunctionSpec) -> dict[str, pulumi.Input[str]]:
        sizing = self._configuration.sizing[spec.name]
        return {
            "GOOGLE_CLOUD_PROJECT": self._configuration.project,
            "LOG_LEVEL": self._configuration.log_level,
            **self._observed_environment(spec),
            "DB_INSTANCE": self.database.connection_name,
            "DB_NAME": self.database.database.name,
            "DB_USER": database_user(self.accounts[spec.name]),
            "DB_POOL_SIZE": str(sizing.pool_size),
            "DB_POOL_OVERFLOW": str(sizing.pool_overflow),
            "METRICS_MAX_SERIES": str(self._configuration.storage.max_series),
            **self._replica_environment(spec),
        }

    def _observed_environment(self, spec: FunctionSpec) -> dict[str, pulumi.Input[str]]:
        """What it tells of itself, and as whose."""
        settings = self._configuration.monitoring
        environment: dict[str, pulumi.Input[str]] = {
            "MONITORING_NAMESPACE": self._configuration.prefix,
            "MONITORING_LOCATION": self._configuration.region,
            "FIGURES_SECONDS": f"{settings.figures_seconds:g}",
            "TRACE_SAMPLING": f"{settings.trace_sampling:g}",
        }
        if spec in PUBLISHERS:
            environment["PUBLISH_SECONDS"] = f"{settings.publish_seconds:g}"
        return environment

    def _observed_grants(self, spec: FunctionSpec) -> list[pulumi.Resource]:
        """Metrics and traces are the project's; the roles write them and read nothing."""
        account = self.accounts[spec.name]
        roles: dict[str, pulumi.Input[str]] = {"metrics": self._publisher.name} if spec in PUBLISHERS else {}
        if self._configuration.monitoring.trace_sampling:
            roles["traces"] = "roles/cloudtrace.agent"
        return [account.may_write(what, role) for what, role in roles.items()]

    def _replica_environment(self, spec: FunctionSpec) -> dict[str, pulumi.Input[str]]:
        replica = self.database.replica
        return {"DB_READ_INSTANCE": replica.connection_name} if replica and spec.reads_replica else {}

    def _function(
        self,
        spec: FunctionSpec,
        environment: Mapping[str, pulumi.Input[str]],
        mounts: Mapping[str, Mount],
        depends_on: Sequence[pulumi.Input[pulumi.Resource]],
    ) -> ServerlessFunction:
        account = self.accounts[spec.name]
        instances = {"": self.database.instance.name} if spec != KEEPER else {}
        if self.database.replica and spec.reads_replica:
            instances["-replica"] = self.database.replica.name
        connects = account.may_connect(instances)
        return ServerlessFunction(
            self._configuration,
            spec,
            self._platform,
            source=self._sources.archive(spec.name),
            account=account,
            environment=environment,
            mounts=mounts,
            opts=self.own(depends_on=[*depends_on, *connects, *self._observed_grants(spec)]),
        )
