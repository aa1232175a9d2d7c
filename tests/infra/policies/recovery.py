"""What is kept, where, for how long, and guarded from whom."""

import re
from collections.abc import Iterator

from tests.infra.deployment import Deployment, Resource
from tests.infra.policies.rule import rule

BUCKET = "storage/bucket:Bucket"
INSTANCE = "sql/databaseInstance:DatabaseInstance"
HOLDS_DATA = (INSTANCE, "sql/database:Database", BUCKET, "logging/projectBucketConfig:ProjectBucketConfig")
# Copies of log lines, which `_Default` has as well.
COPIES = "-console-logs"
GUARD = "random:index/randomId:RandomId"
ROLE = "projects/iAMCustomRole:IAMCustomRole"
TEMPORARY = re.compile(r'startsWith\("projects/[^/]+/instances/[^/]+-verify-"\)')
REPLACING = {"cloudsql.instances.create", "cloudsql.instances.delete", "cloudsql.instances.restoreBackup"}


@rule
def what_holds_data_is_protected(deployment: Deployment) -> Iterator[str]:
    if deployment.setting("deletionProtection") == "false":
        return
    for resource in (found for type_ in HOLDS_DATA for found in deployment.all(type_)):
        if not resource.protect and not resource.name.endswith(COPIES):
            yield f"{resource.name} is not protected in Pulumi"
    for instance in deployment.all(INSTANCE):
        if not (instance["deletionProtection"] and instance["settings.deletionProtectionEnabled"]):
            yield f"{instance.name} can be deleted"
    for bucket in deployment.all(BUCKET):
        if bucket["forceDestroy"] is not False:
            yield f"{bucket.name} would be emptied"


@rule
def destroying_stops_before_anything_is_deleted(deployment: Deployment) -> Iterator[str]:
    """What is deleted first is protected: it depends on all else. Components are nothing to delete."""
    if deployment.setting("deletionProtection") == "false":
        return
    guards = [found for found in deployment.resources if found.type == GUARD and found.protect]
    for resource in (found for found in deployment.resources if not found.type.startswith("utxoiq:")):
        if resource not in guards and not any(resource in deployment.before(guard) for guard in guards):
            yield f"{resource.name} may be deleted before protection is met"


@rule
def the_database_is_backed_up_every_night(deployment: Deployment) -> Iterator[str]:
    for instance in _primaries(deployment):
        backups = instance["settings.backupConfiguration"] or {}
        if not backups.get("enabled") or backups.get("startTime") != "01:00":
            yield f"{instance.name} has no backup at 01:00"
        kept = (backups.get("backupRetentionSettings") or {}).get("retainedBackups", 0)
        if kept < int(deployment.setting("databaseBackupsKept")):
            yield f"{instance.name} keeps {kept} backups"


@rule
def any_second_of_the_last_days_can_be_recovered(deployment: Deployment) -> Iterator[str]:
    for instance in _primaries(deployment):
        backups = instance["settings.backupConfiguration"] or {}
        days = backups.get("transactionLogRetentionDays") or 0
        if not backups.get("pointInTimeRecoveryEnabled") or days < int(deployment.setting("databaseRecoveryDays")):
            yield f"{instance.name}: {days} days"


@rule
def maintenance_comes_after_the_verification_on_sundays(deployment: Deployment) -> Iterator[str]:
    for instance in deployment.all(INSTANCE):
        day, hour = instance["settings.maintenanceWindow.day"], instance["settings.maintenanceWindow.hour"]
        if day != 7 or 3 <= hour < 5:
            yield f"{instance.name}: day {day}, {hour} o'clock"


@rule
def metrics_leave_the_archive_at_their_age_and_nothing_else_early(deployment: Deployment) -> Iterator[str]:
    """Of the metrics, not of their objects: a restart of retention must not make them older."""
    (archive,) = (bucket for bucket in deployment.all(BUCKET) if bucket.name.endswith("-archive"))
    conditions = [found["condition"] for found in archive["lifecycleRules"] if found["action"]["type"] == "Delete"]
    by_age = {tuple(sorted(one.get("matchesPrefixes") or ())): one.get("daysSinceCustomTime") for one in conditions}
    wanted = int(deployment.setting("metricsDays"))
    if by_age.get(("manifests/system_metrics/", "system_metrics/")) != wanted:
        yield f"metrics leave by {by_age}, not at {wanted} days"
    rest = [one["age"] for one in conditions if "age" in one]
    if len(rest) != 1 or rest[0] < 730:
        yield f"the rest leaves after {rest} days"


@rule
def temporary_instances_are_all_that_backups_may_replace(deployment: Deployment) -> Iterator[str]:
    roles = {found["roleId"]: set(found["permissions"]) for found in deployment.all(ROLE)}
    for binding in deployment.all("projects/iAMMember:IAMMember"):
        permissions = roles.get(binding["role"].rpartition("/")[2], set())
        condition = binding["condition.expression"] or ""
        # A person whom breakGlass names recovers the live one, until a time.
        is_person = binding["member"].startswith("user:") and "request.time < timestamp(" in condition
        if permissions & REPLACING and not TEMPORARY.search(condition) and not is_person:
            yield f"{binding.name} may {permissions & REPLACING} if {condition}"
    if not any(permissions >= REPLACING for permissions in roles.values()):
        yield "nobody may restore a backup to verify it"


@rule
def the_second_copy_is_locked(deployment: Deployment) -> Iterator[str]:
    (bucket,) = (found for found in deployment.all(BUCKET) if found.name.endswith("-backups"))
    days, locked = int(deployment.setting("backupsRetentionDays")), deployment.setting("backupsLocked") == "true"
    kept = int(bucket["retentionPolicy.retentionPeriod"] or 0) // 86400
    if kept != days or bool(bucket["retentionPolicy.isLocked"]) != locked:
        yield f"{bucket.name} keeps exports {kept} days, locked {bucket['retentionPolicy.isLocked']}"
    if bucket["project"] != (deployment.setting("exportProject") or deployment.setting("gcp:project")):
        yield f"{bucket.name} is in the project {bucket['project']}"


@rule
def the_database_creates_exports_in_their_hours_and_nothing_else(deployment: Deployment) -> Iterator[str]:
    (bucket,) = (found for found in deployment.all(BUCKET) if found.name.endswith("-backups"))
    exports = f'resource.name.startsWith("projects/_/buckets/{bucket["name"]}/objects/exports/")'
    for grant in deployment.all("storage/bucketIAMMember:BucketIAMMember"):
        if "gcp-sa-cloud-sql" not in grant["member"]:
            continue
        alternatives = (grant["condition.expression"] or "").split(" || ")
        timed = deployment.setting("exportHours") == "24" or all("request.time.getHours" in one for one in alternatives)
        if (
            grant["bucket"] != bucket["name"]
            or grant["role"] != "roles/storage.objectCreator"
            or not all(one.startswith(exports) for one in alternatives)
            or not timed
        ):
            yield f"{grant.name}: {grant['role']} on {grant['bucket']} if {grant['condition.expression']}"


@rule
def audit_logs_are_kept(deployment: Deployment) -> Iterator[str]:
    buckets = deployment.all("logging/projectBucketConfig:ProjectBucketConfig")
    kept = {bucket.name: bucket["retentionDays"] for bucket in buckets if not bucket.name.endswith(COPIES)}
    if not kept or min(kept.values()) < int(deployment.setting("logDays")):
        yield f"{kept}"
    for sink in deployment.all("logging/projectSink:ProjectSink"):
        if sink.name.endswith(COPIES):
            continue
        for log in ("activity", "data_access"):
            if f"cloudaudit.googleapis.com/{log}" not in sink["filter"]:
                yield f"{sink.name} leaves out {log}"


def _primaries(deployment: Deployment) -> list[Resource]:
    return [found for found in deployment.all(INSTANCE) if not found["masterInstanceName"]]
