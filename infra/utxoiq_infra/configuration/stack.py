"""A stack's configuration, read whole and checked before any resource is declared."""

from dataclasses import replace

from utxoiq_infra.configuration.catalog import FUNCTIONS, SCHEDULES, Sizing
from utxoiq_infra.configuration.checks import check
from utxoiq_infra.configuration.cron import is_cron
from utxoiq_infra.configuration.settings import (
    INGRESS,
    AccessSettings,
    CacheSettings,
    Configuration,
    DatabaseSettings,
    IdentitySettings,
    MonitoringSettings,
    NetworkSettings,
    NotificationSettings,
    OversightSettings,
    StorageSettings,
)
from utxoiq_infra.configuration.values import Values

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
CPUS = ("0.5", "1", "2", "4", "6", "8")
SNAPSHOTS = ("off", "1h", "6h", "12h", "24h")

_PROJECT = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
_REGION = r"[a-z]+-[a-z]+\d+"
_LABEL = r"[a-z][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63}"
_DOMAIN = r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
_EMAIL = r"[^@\s,]+@[^@\s,]+\.[^@\s,]+"
_OPERATOR = rf"((user|group|serviceAccount):)?{_EMAIL}"
_PROVIDER = r"[a-z][a-z0-9.\-]*"
_MEMBER = rf"(user|group|serviceAccount):{_EMAIL}|principal(Set)?://\S+"
_KMS_KEY = r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+"
_KMS_KEY_FORM = "set it to projects/…/locations/…/keyRings/…/cryptoKeys/…"
_AUDITED = r"(all|none|ddl|role|read|write|function|misc)(,(-?)(ddl|role|read|write|function|misc))*"
_CHANNEL = r"projects/[^/]+/notificationChannels/\d+"
_TOPIC = r"projects/[^/]+/topics/[^/]+"
_SERVICE = r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?"
_LOOPBACK = r"http://(localhost|127\.0\.0\.1):\d+"
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_ORIGIN = r"https?://[^/\s,]+"
_SECURE_URL = r"https://\S+|http://(localhost|127\.0\.0\.1)(:\d+)?(/\S*)?"


def read(stack: str, values: Values, google: Values) -> Configuration:
    """Return the stack's configuration. Raises ConfigurationError, which names the key, its value and the remedy."""
    default = Configuration
    configuration = Configuration(
        project=google.required("project", _PROJECT, "set it to the id of the Google Cloud project to deploy to"),
        stack=stack,
        project_number=values.text("projectNumber", "", r"\d{6,19}", "set it to the project's number, not its id"),
        region=values.text("region", default.region, _REGION, "set it to a region such as us-central1"),
        backup_region=values.text(
            "backupRegion", default.backup_region, _REGION, "set it to a region such as us-east1"
        ),
        deletion_protection=values.switch("deletionProtection", default.deletion_protection),
        runtime=values.text("functionRuntime", default.runtime, r"python31[1-9]", "set it to python311 or newer"),
        log_level=values.choice("logLevel", default.log_level, LOG_LEVELS),
        armor_enforced=values.switch("armorEnforced", default.armor_enforced),
        kms_key=values.text("kmsKey", "", _KMS_KEY, _KMS_KEY_FORM),
        backup_kms_key=values.text("backupKmsKey", "", _KMS_KEY, _KMS_KEY_FORM),
        domain=values.text("domain", default.domain, _DOMAIN, "set it to a host name such as api.example.com"),
        fallback_service=values.text(
            "fallbackService",
            default.fallback_service,
            rf"{_SERVICE}|{_LOOPBACK}",
            "set it to the name of a Cloud Run service of this region",
        ),
        console=values.switch("console", default.console),
        own_labels=_labels(values),
        network=_network(values),
        database=_database(values),
        cache=_cache(values),
        storage=_storage(values),
        identity=_identity(values),
        access=_access(values),
        oversight=_oversight(values),
        notifications=_notifications(values),
        monitoring=_monitoring(values),
        sizing=_sizing(values),
        crons=_crons(values),
    )
    values.refuse_unknown()
    check(configuration, values)
    return configuration


def _labels(values: Values) -> dict[str, str]:
    pairs = values.texts("labels", _LABEL, "write it as key=value, in lower case")
    return dict(pair.split("=", 1) for pair in pairs)


def _network(values: Values) -> NetworkSettings:
    default = NetworkSettings
    return NetworkSettings(
        functions_range=values.network("functionsRange", default.functions_range),
        services_range=values.network("servicesRange", default.services_range),
        egress_listed=values.switch("egressListed", default.egress_listed),
        egress_hosts=values.texts("egressHosts", _DOMAIN, "set it to a host name such as login.example.com"),
        flow_logs=values.switch("flowLogs", default.flow_logs),
        dns_logs=values.switch("dnsLogs", default.dns_logs),
    )


def _database(values: Values) -> DatabaseSettings:
    default = DatabaseSettings
    return DatabaseSettings(
        version=values.text("databaseVersion", default.version, r"POSTGRES_1[5-8]", "set it to POSTGRES_15 to 18"),
        tier=values.text(
            "databaseTier", default.tier, r"db-\S+", "set it to a Cloud SQL machine type such as db-custom-2-7680"
        ),
        availability=values.choice("databaseAvailability", default.availability, ("REGIONAL", "ZONAL")),
        disk_gb=values.integer("databaseDiskGb", default.disk_gb, 10, 65536),
        name=values.text("databaseName", default.name, r"[a-z][a-z0-9_]{0,62}", "set it to a lower-case identifier"),
        max_connections=values.integer("databaseMaxConnections", default.max_connections, 14, 262143),
        reserved_connections=values.integer("databaseReservedConnections", default.reserved_connections, 0, 1000),
        backups_kept=values.integer("databaseBackupsKept", default.backups_kept, 1, 365),
        recovery_days=values.integer("databaseRecoveryDays", default.recovery_days, 1, 7),
        final_backup_days=values.integer("databaseFinalBackupDays", default.final_backup_days, 1, 365),
        maintenance_hour=values.integer("databaseMaintenanceHour", default.maintenance_hour, 0, 23),
        audited=values.text(
            "databaseAudited", default.audited, _AUDITED, "set it to pgaudit's classes, such as ddl,role,write"
        ),
        connector_enforced=values.switch("databaseConnectorEnforced", default.connector_enforced),
        replica_region=values.text("replicaRegion", "", _REGION, "set it to a region such as us-west1, or to nothing"),
    )


def _cache(values: Values) -> CacheSettings:
    default = CacheSettings
    return CacheSettings(
        version=values.text("cacheVersion", default.version, r"REDIS_7_[02]", "set it to REDIS_7_0 or REDIS_7_2"),
        tier=values.choice("cacheTier", default.tier, ("BASIC", "STANDARD_HA")),
        memory_gb=values.integer("cacheMemoryGb", default.memory_gb, 1, 300),
        eviction=values.choice("cacheEviction", default.eviction, ("allkeys-lru", "allkeys-lfu")),
        encryption=values.switch("cacheEncryption", default.encryption),
        replicas=values.integer("cacheReplicas", default.replicas, 1, 5),
        persistence=values.choice("cachePersistence", default.persistence, SNAPSHOTS),
    )


def _storage(values: Values) -> StorageSettings:
    default = StorageSettings
    return StorageSettings(
        soft_delete=values.integer("softDeleteDays", default.soft_delete, 7, 90),
        backfill_hot=values.integer("backfillHotDays", default.backfill_hot, 1, 36500),
        feedback_hot=values.integer("feedbackHotDays", default.feedback_hot, 1, 36500),
        metrics_hot=values.integer("metricsHotDays", default.metrics_hot, 7, 3650),
        audit_hot=values.integer("auditDays", default.audit_hot, 60, 36500),
        max_series=values.integer("metricsMaxSeries", default.max_series, 1, 10**7),
        metrics=values.integer("metricsDays", default.metrics, 1, 3650),
        archive=values.integer("archiveDays", default.archive, 730, 36500),
        archive_retention=values.integer("archiveRetentionDays", default.archive_retention, 0, 36500),
        locked=values.switch("retentionLocked", default.locked),
        backups_retention=values.integer("backupsRetentionDays", default.backups_retention, 0, 28),
        backups_locked=values.switch("backupsLocked", default.backups_locked),
        export_project=values.text("exportProject", "", _PROJECT, "set it to the id of a Google Cloud project"),
        export_hours=values.integer("exportHours", default.export_hours, 1, 24),
    )


def _identity(values: Values) -> IdentitySettings:
    return IdentitySettings(
        user_issuer=values.text("userIssuer", "", _SECURE_URL, "set it to the https URL of the users' OIDC issuer"),
        user_audience=values.text("userAudience", ""),
        user_jwks_url=values.text("userJwksUrl", "", _SECURE_URL, "set it to the https URL of the issuer's keys"),
        operators=values.texts(
            "operators", _OPERATOR, "set it to an IAM member: user:…, group:… or serviceAccount:… with an email"
        ),
        operator_audience=values.text("operatorAudience", ""),
        deployer=values.text("deployer", "", _MEMBER, "set it to an IAM member such as user:name@example.com"),
        max_token_seconds=values.integer("maxTokenSeconds", IdentitySettings.max_token_seconds, 60, 86400),
        break_glass=values.text("breakGlass", "", _EMAIL, "set it to the email of a person's Google account"),
        break_glass_until=values.text(
            "breakGlassUntil", "", _MOMENT, "set it to a time in UTC such as 2026-12-01T18:00:00Z"
        ),
        sign_in_providers=values.texts(
            "signInProviders", _PROVIDER, "set it to Firebase's name of one, such as password"
        ),
        user_tenant=values.text("userTenant", ""),
    )


def _access(values: Values) -> AccessSettings:
    default = AccessSettings
    return AccessSettings(
        signed_in_limit=values.integer("rateLimitSignedIn", default.signed_in_limit, 1, 10**9),
        anonymous_limit=values.integer("rateLimitAnonymous", default.anonymous_limit, 1, 10**9),
        address_limit=values.integer("rateLimitAddress", default.address_limit, 1, 10**9),
        batch_limit=values.integer("rateLimitBatches", default.batch_limit, 1, 10**9),
        origins=values.texts("corsOrigins", _ORIGIN, "set it to an origin such as https://app.example.com"),
        service_key=values.switch("serviceKey", default.service_key),
        service_key_limit=values.integer("serviceKeyLimit", default.service_key_limit, 1, 10**9),
        key_days=values.integer("deploymentKeyDays", default.key_days, 0, 365),
        metrics_ahead_seconds=values.integer("metricsAheadSeconds", default.metrics_ahead_seconds, 0, 31 * 86400),
        request_seconds=values.integer("requestSeconds", default.request_seconds, 1, 120),
    )


def _oversight(values: Values) -> OversightSettings:
    default = OversightSettings
    return OversightSettings(
        audit_logs=values.switch("auditLogs", default.audit_logs),
        log_days=values.integer("logDays", default.log_days, 1, 3650),
        logs_locked=values.switch("logsLocked", default.logs_locked),
        logs_project=values.text("logsProject", "", _PROJECT, "set it to the id of a Google Cloud project"),
        container_scanning=values.switch("containerScanning", default.container_scanning),
        budget=values.integer("budget", default.budget, 0, 10**9),
        billing_account=values.text(
            "billingAccount", "", r"[0-9A-F]{6}(-[0-9A-F]{6}){2}", "set it to an id such as 012345-6789AB-CDEF01"
        ),
    )


def _notifications(values: Values) -> NotificationSettings:
    return NotificationSettings(
        emails=values.texts("alertEmails", _EMAIL, "set it to an email address"),
        existing=values.texts(
            "notificationChannels", _CHANNEL, "set it to a channel's name such as projects/p/notificationChannels/123"
        ),
        pagerduty=values.secret("alertPagerduty", r"\w{16,64}", "set it to the integration key of a PagerDuty service"),
        webhook=values.secret("alertWebhook", r"https://\S+", "set it to an https URL"),
        slack_channel=values.text("alertSlackChannel", "", r"#\S+", "set it to a channel such as #alerts"),
        slack_token=values.secret("alertSlackToken", r"\S+", "set it to the token of a Slack app"),
        topic=values.text("alertTopic", "", _TOPIC, "set it to a topic's name such as projects/p/topics/alerts"),
    )


def _monitoring(values: Values) -> MonitoringSettings:
    default = MonitoringSettings
    return MonitoringSettings(
        figures_seconds=values.number("figuresSeconds", default.figures_seconds, 0.1, 60),
        publish_seconds=values.number("publishSeconds", default.publish_seconds, 0.1, 3600),
        trace_sampling=values.number("traceSampling", default.trace_sampling, 0, 1),
        runbook_url=values.text("runbookUrl", "", _SECURE_URL, "set it to the https URL of docs/operations/alerts"),
    )


def _sizing(values: Values) -> dict[str, Sizing]:
    overrides = values.objects("functions", [spec.name for spec in FUNCTIONS])
    return {spec.name: _size(overrides[spec.name], spec.sizing) for spec in FUNCTIONS}


def _size(values: Values, default: Sizing) -> Sizing:
    sizing = replace(
        default,
        memory_mib=values.integer("memoryMib", default.memory_mib, 256, 32768),
        cpu=values.choice("cpu", default.cpu, CPUS),
        concurrency=values.integer("concurrency", default.concurrency, 1, 1000),
        min_instances=values.integer("minInstances", default.min_instances, 0, 1000),
        max_instances=values.integer("maxInstances", default.max_instances, 1, 1000),
        timeout_seconds=values.integer("timeoutSeconds", default.timeout_seconds, 1, 3600),
        ingress=values.choice("ingress", default.ingress, ("auto", *INGRESS)),
        pool_size=values.integer("poolSize", default.pool_size, min(1, default.pool_size), 1000),
        pool_overflow=values.integer("poolOverflow", default.pool_overflow, 0, 1000),
    )
    values.refuse_unknown()
    if sizing.min_instances > sizing.max_instances:
        raise values.refuse("minInstances", f"set it to at most maxInstances, which is {sizing.max_instances}")
    if sizing.cpu == "0.5" and sizing.concurrency > 1:
        raise values.refuse("cpu", "less than one CPU serves one request at a time: set concurrency to 1, or cpu to 1")
    return sizing


def _crons(values: Values) -> dict[str, str]:
    overrides = values.mapping("schedules", [row.name for row in SCHEDULES])
    crons = {row.name: overrides.text(row.name, row.cron) for row in SCHEDULES}
    for name, cron in crons.items():
        if not is_cron(cron):
            raise overrides.refuse(name, "set it to five fields of cron, such as 0 2 * * * for every day at 02:00 UTC")
    return crons
