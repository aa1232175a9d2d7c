"""Checks of configuration values that are each valid but do not fit together."""

import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from urllib.parse import urlsplit

from utxoiq_infra.archive import MARGIN_SECONDS
from utxoiq_infra.configuration.catalog import ENDPOINTS, FUNCTIONS, MIGRATE, RETENTION
from utxoiq_infra.configuration.cron import list_hours
from utxoiq_infra.configuration.settings import LONGEST_MONTH, Configuration
from utxoiq_infra.configuration.values import ConfigurationError, Values

ACCOUNT_ID_LENGTH = 30
LONGEST_SUFFIX = "-scheduler"
# PostgreSQL cuts longer names, and Cloud SQL refuses them.
DATABASE_USER_LENGTH = 63
# Cloud Run may hold two addresses an instance while revisions change over; Google keeps four of a subnetwork.
ADDRESSES_AN_INSTANCE = 2
ADDRESSES_RESERVED = 4
# Sundays, UTC: when the newest backup is restored and verified, and how long that may take.
VERIFICATION_HOUR = 3
VERIFICATION_HOURS = 2
# Of the colder class that the archive moves to.
COLD_AFTER_DAYS = 30
COLD_AT_LEAST_DAYS = 90
# A way to the database that is meant for an hour of need.
LONGEST_BREAK_GLASS = timedelta(days=7)
# No address in numbers, no other port.
_HOST_AT_HTTPS = r"(?i)([a-z0-9-]+\.)+[a-z][a-z0-9-]*(:443)?"


def check(configuration: Configuration, values: Values) -> None:
    """Raise ConfigurationError for the first values that do not fit together."""
    _stack_name(configuration)
    _database_users(configuration)
    _regions(configuration, values)
    _connections(configuration, values)
    _addresses(configuration, values)
    _database(configuration, values)
    _keys(configuration, values)
    _egress(configuration, values)
    _cache(configuration, values)
    _lifecycles(configuration, values)
    _retention(configuration, values)
    _requests(configuration, values)
    _ingress(configuration, values)
    _issuer(configuration, values)
    _budget(configuration, values)
    _slack(configuration, values)
    _fallback(configuration, values)
    _break_glass(configuration, values)


def _stack_name(configuration: Configuration) -> None:
    longest = ACCOUNT_ID_LENGTH - len("utxoiq-") - len(LONGEST_SUFFIX)
    stack = configuration.stack
    if len(stack) > longest or not stack.replace("-", "").isalnum() or stack != stack.lower() or not stack.isascii():
        raise ConfigurationError(
            "the stack's name",
            stack,
            f"it is part of resource names, of which service accounts take {ACCOUNT_ID_LENGTH} characters: "
            f"use at most {longest} lower-case letters, digits and hyphens",
        )


def _database_users(configuration: Configuration) -> None:
    """Each function's user is called by its service account: the stack's name and the project's are parts of it."""
    longest = max((configuration.database_user(spec) for spec in (*ENDPOINTS, MIGRATE)), key=len)
    over = len(longest) - DATABASE_USER_LENGTH
    if over > 0:
        raise ConfigurationError(
            "the stack's name",
            configuration.stack,
            f"with the project {configuration.project} it makes the database user {longest}, which has {len(longest)} "
            f"bytes of {DATABASE_USER_LENGTH}: use at most {len(configuration.stack) - over} characters",
        )


def _regions(configuration: Configuration, values: Values) -> None:
    if configuration.backup_region == configuration.region:
        raise values.refuse(
            "backupRegion",
            "the loss of that region would take the database and its backups alike: set it to another than region",
            configuration.backup_region,
        )


def _connections(configuration: Configuration, values: Values) -> None:
    database = configuration.database
    available = database.max_connections - database.reserved_connections
    needed = {spec.name: configuration.sizing[spec.name].connections for spec in FUNCTIONS}
    if sum(needed.values()) > available:
        listed = ", ".join(f"{name} {count}" for name, count in needed.items())
        raise values.refuse(
            "databaseMaxConnections",
            f"less databaseReservedConnections ({database.reserved_connections}) it leaves {available}, and the "
            f"functions at full scale take {sum(needed.values())} ({listed}: maxInstances times poolSize plus "
            "poolOverflow); raise it, with a databaseTier that carries it, or lower functions.<name>.maxInstances, "
            "poolSize or poolOverflow",
            database.max_connections,
        )


def _addresses(configuration: Configuration, values: Values) -> None:
    network = configuration.network
    functions, services = ip_network(network.functions_range), ip_network(network.services_range)
    if functions.overlaps(services):
        raise values.refuse("functionsRange", f"set it apart from servicesRange, {services}", str(functions))
    if services.prefixlen > 24:
        raise values.refuse("servicesRange", "Cloud SQL and Memorystore take at least a /24", str(services))
    if functions.prefixlen > 26:
        raise values.refuse("functionsRange", "Direct VPC egress takes at least a /26", str(functions))
    instances = sum(sizing.max_instances for sizing in configuration.sizing.values())
    needed = instances * ADDRESSES_AN_INSTANCE + ADDRESSES_RESERVED
    if needed > functions.num_addresses:
        raise values.refuse(
            "functionsRange",
            f"it has {functions.num_addresses} addresses, and {instances} instances (functions.<name>.maxInstances) "
            f"take up to {needed}: widen it",
            str(functions),
        )


def _database(configuration: Configuration, values: Values) -> None:
    database = configuration.database
    if database.recovery_days > database.backups_kept:
        raise values.refuse(
            "databaseRecoveryDays",
            f"recovery starts from a backup: set it to at most databaseBackupsKept, which is {database.backups_kept}",
            database.recovery_days,
        )
    if VERIFICATION_HOUR <= database.maintenance_hour < VERIFICATION_HOUR + VERIFICATION_HOURS:
        raise values.refuse(
            "databaseMaintenanceHour",
            f"the backup is verified on Sundays from {VERIFICATION_HOUR} o'clock: set it to "
            f"{VERIFICATION_HOUR + VERIFICATION_HOURS} or later",
            database.maintenance_hour,
        )


def _keys(configuration: Configuration, values: Values) -> None:
    """Every service of Google's takes a key of the region that its data lie in."""
    given = {"kmsKey": configuration.kms_key, "backupKmsKey": configuration.backup_kms_key}
    regions = {"kmsKey": configuration.region, "backupKmsKey": configuration.backup_region}
    for name, key in given.items():
        if key and key.split("/")[3] != regions[name]:
            raise values.refuse(name, f"what it encrypts takes a key of its own region: {regions[name]}")
    for name, other in (("kmsKey", "backupKmsKey"), ("backupKmsKey", "kmsKey")):
        if given[name] and not given[other]:
            raise values.refuse(
                other, f"{name} is set, and {regions[other]} holds data too: set it to a key of that region", ""
            )
    if configuration.kms_key and configuration.database.replica_region not in ("", configuration.region):
        raise values.refuse("replicaRegion", "kmsKey is no key of that region: leave one of the two out")


def _egress(configuration: Configuration, values: Values) -> None:
    network, keys = configuration.network, urlsplit(configuration.identity.user_jwks_url)
    if network.egress_hosts and not network.egress_listed:
        raise values.refuse("egressHosts", "functions reach every host: set egressListed to true, or leave this out")
    if not network.egress_listed or keys.scheme != "https":
        return
    if not re.fullmatch(_HOST_AT_HTTPS, keys.netloc):
        raise values.refuse(
            "userJwksUrl", "functions reach hosts that are listed by name, at port 443: set egressListed to false"
        )


def _cache(configuration: Configuration, values: Values) -> None:
    cache = configuration.cache
    if cache.replicas > 1 and (cache.tier != "STANDARD_HA" or cache.memory_gb < 5):
        raise values.refuse("cacheReplicas", "more than one takes cacheTier STANDARD_HA and cacheMemoryGb 5 or more")


def _lifecycles(configuration: Configuration, values: Values) -> None:
    storage = configuration.storage
    in_archive = storage.metrics_in_archive
    if in_archive < COLD_AFTER_DAYS + COLD_AT_LEAST_DAYS:
        raise values.refuse(
            "metricsDays",
            f"metrics are archived with their month, after metricsHotDays ({storage.metrics_hot}), and the archive's "
            f"colder class is paid for at least {COLD_AT_LEAST_DAYS} days after {COLD_AFTER_DAYS}: set it to "
            f"{storage.metrics_hot + LONGEST_MONTH + COLD_AFTER_DAYS + COLD_AT_LEAST_DAYS} or more",
            storage.metrics,
        )
    if storage.archive_retention > in_archive:
        raise values.refuse(
            "archiveRetentionDays",
            f"metrics leave the archive {in_archive} days after they came (metricsDays less metricsHotDays and a "
            "month), which this would forbid: lower it, or raise metricsDays",
        )
    if storage.locked and not storage.archive_retention:
        raise values.refuse("retentionLocked", "there is nothing to lock: set archiveRetentionDays")
    if storage.backups_locked and not storage.backups_retention:
        raise values.refuse(
            "backupsLocked", "there is nothing to lock: set backupsRetentionDays, or this to false", "true"
        )
    hours = list_hours(configuration.crons["export"])
    if storage.export_hours < 24 and len(hours) != 1:
        raise values.refuse(
            "exportHours",
            "the schedule export has no single hour that they could begin at: give it one, or set this to 24",
            storage.export_hours,
        )


def _retention(configuration: Configuration, values: Values) -> None:
    seconds = configuration.sizing[RETENTION.name].timeout_seconds
    if seconds <= MARGIN_SECONDS:
        raise values.refuse(
            f"functions.{RETENTION.name}.timeoutSeconds",
            f"the last {MARGIN_SECONDS} seconds are for what a run has begun: set it to more",
            seconds,
        )


def _requests(configuration: Configuration, values: Values) -> None:
    seconds = configuration.access.request_seconds
    for spec in ENDPOINTS:
        timeout = configuration.sizing[spec.name].timeout_seconds
        if seconds >= timeout:
            raise values.refuse(
                "requestSeconds",
                f"Cloud Run ends a request after functions.{spec.name}.timeoutSeconds ({timeout}), without "
                "a word of what became of it: set it to less",
                seconds,
            )


def _ingress(configuration: Configuration, values: Values) -> None:
    for spec in ENDPOINTS:
        if configuration.sizing[spec.name].ingress == "balancer" and not configuration.domain:
            raise values.refuse(
                f"functions.{spec.name}.ingress", "there is no load balancer: set domain, or ingress to all", "balancer"
            )


def _issuer(configuration: Configuration, values: Values) -> None:
    issuer = configuration.identity.user_issuer
    if issuer.removeprefix("https://").rstrip("/").lower() == "accounts.google.com":
        raise values.refuse(
            "userIssuer",
            "that is Google's own: every Google account would be a user. Set it to the issuer of your users, "
            "or to nothing for Firebase Authentication of the project",
            issuer,
        )


def _budget(configuration: Configuration, values: Values) -> None:
    oversight = configuration.oversight
    if oversight.budget and not oversight.billing_account:
        raise values.refuse("budget", "a budget belongs to a billing account: set billingAccount as well")


def _slack(configuration: Configuration, values: Values) -> None:
    notifications = configuration.notifications
    if bool(notifications.slack_channel) != bool(notifications.slack_token):
        raise values.refuse(
            "alertSlackChannel", "it takes alertSlackToken as well: set both, or neither", notifications.slack_channel
        )


def _fallback(configuration: Configuration, values: Values) -> None:
    service = configuration.fallback_service
    if not service:
        return
    is_local = service.startswith("http://")
    if not is_local and not configuration.domain:
        raise values.refuse("fallbackService", "there is no load balancer: set domain as well", service)
    if is_local and configuration.domain:
        raise values.refuse("fallbackService", "a load balancer reaches Cloud Run services: name one", service)


def _break_glass(configuration: Configuration, values: Values) -> None:
    identity = configuration.identity
    if bool(identity.break_glass) != bool(identity.break_glass_until):
        raise values.refuse(
            "breakGlass", "it takes breakGlassUntil as well: set both, or neither", identity.break_glass
        )
    if not identity.break_glass:
        return
    if identity.break_glass != identity.break_glass.lower() or len(identity.break_glass) > DATABASE_USER_LENGTH:
        raise values.refuse(
            "breakGlass",
            f"it is a database user's name: write it in lower case, with at most {DATABASE_USER_LENGTH} characters",
            identity.break_glass,
        )
    try:
        until = datetime.fromisoformat(identity.break_glass_until)
    except ValueError:
        raise values.refuse("breakGlassUntil", "there is no such time", identity.break_glass_until) from None
    if until > datetime.now(UTC) + LONGEST_BREAK_GLASS:
        raise values.refuse(
            "breakGlassUntil",
            f"it is for an hour of need: set it to a time within {LONGEST_BREAK_GLASS.days} days",
            identity.break_glass_until,
        )
