"""What is kept, and where, so that it can be recovered."""

from collections.abc import Iterator

from utxoiq_policies.rule import Stack, rule
from utxoiq_policies.values import UNKNOWN, entries, is_below, is_set

BUCKET = "storage/bucket:Bucket"
INSTANCE = "sql/databaseInstance:DatabaseInstance"
BACKUPS = "settings.backupConfiguration"
DAY_SECONDS = 86_400
SOFT_DELETE_DAYS = 7


@rule
def the_database_is_backed_up_in_another_region(stack: Stack) -> Iterator[str]:
    """Require of primaries: backups kept elsewhere, recovery to any second, and a backup when they are deleted."""
    for instance in stack.all(INSTANCE):
        if instance["masterInstanceName"]:
            continue
        if not instance[f"{BACKUPS}.enabled"] or not instance[f"{BACKUPS}.pointInTimeRecoveryEnabled"]:
            yield f"{instance.name} has no backups, or no recovery to any second"
        location, region = instance[f"{BACKUPS}.location"], instance["region"]
        if not location or (location is not UNKNOWN and location == region):
            yield f"{instance.name} keeps its backups in {location}"
        if not (instance["settings.finalBackupConfig.enabled"] and instance["settings.retainBackupsOnDelete"]):
            yield f"{instance.name} leaves no backup when it is deleted"


@rule
def buckets_are_away_from_the_database(stack: Stack) -> Iterator[str]:
    """Refuse buckets in the region of a primary: the loss of that region would take both."""
    regions = {found["region"] for found in stack.all(INSTANCE) if not found["masterInstanceName"]}
    for bucket in stack.all(BUCKET):
        location = bucket["location"]
        if location is not UNKNOWN and str(location).lower() in regions:
            yield f"{bucket.name} is in {location}"


@rule
def what_is_deleted_from_a_bucket_can_be_restored(stack: Stack) -> Iterator[str]:
    """Require old versions or a retention policy, not both, and soft deletion for a week, of every bucket."""
    for bucket in stack.all(BUCKET):
        versions, retention = bucket["versioning.enabled"], bucket["retentionPolicy"]
        if not versions and not retention:
            yield f"{bucket.name} keeps no versions"
        if is_set(versions) and is_set(retention):
            yield f"{bucket.name} has both versions and a retention policy, which Cloud Storage refuses"
        if is_below(bucket["softDeletePolicy.retentionDurationSeconds"], SOFT_DELETE_DAYS * DAY_SECONDS):
            yield f"{bucket.name} forgets what was deleted"


@rule
def nothing_is_deleted_while_it_must_be_kept(stack: Stack) -> Iterator[str]:
    """Refuse a lifecycle that deletes objects younger than their bucket's retention."""
    for bucket in stack.all(BUCKET):
        period = bucket["retentionPolicy.retentionPeriod"]
        if period is UNKNOWN:
            continue
        days = int(period or 0) / DAY_SECONDS
        for found in entries(bucket["lifecycleRules"]):
            action, condition = found.get("action"), found.get("condition")
            if UNKNOWN in (action, condition) or not action or not condition or action.get("type") != "Delete":
                continue
            # The provider writes 0 where a rule has no age.
            if condition.get("age") and is_below(condition["age"], days):
                yield f"{bucket.name}: {condition['age']} < {days}"
