"""The buckets of backups, archived rows and function sources, all outside the database's region."""

from collections.abc import Sequence

import pulumi
from pulumi_gcp import storage

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.encryption import Encryption

DAY_SECONDS = 86_400
# Prefixes of object names: what leaves a bucket by an age of its own.
METRICS = ("system_metrics/", "manifests/system_metrics/")
EXPORTS = "exports/"
EXPORT_DAYS = 28
COLD_AFTER_DAYS = 30
FROZEN_AFTER_DAYS = 365
OLD_VERSION_DAYS = 30
UNFINISHED_DAYS = 7


class Storage(Component):
    """The stack's buckets."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        encryption: Encryption,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Storage", name, opts)
        self._configuration = configuration
        self._encryption = encryption
        settings = configuration.storage
        self.backups = self._bucket(
            "backups",
            lifecycle=[_delete_after(EXPORT_DAYS, prefix=EXPORTS)],
            retention=_retention(settings.backups_retention, locked=settings.backups_locked),
            project=settings.export_project,
        )
        self.archive = self._bucket(
            "archive",
            lifecycle=[
                _move("COLDLINE", COLD_AFTER_DAYS),
                _move("ARCHIVE", FROZEN_AFTER_DAYS),
                _delete_once_old(settings.metrics, METRICS),
                _delete_after(settings.archive),
            ],
            retention=_retention(settings.archive_retention, locked=settings.locked),
        )
        self.sources = self._bucket("sources", lifecycle=[])
        self.register_outputs({})

    def _bucket(
        self,
        purpose: str,
        lifecycle: Sequence[storage.BucketLifecycleRuleArgs],
        retention: storage.BucketRetentionPolicyArgs | None = None,
        project: str = "",
    ) -> storage.Bucket:
        """Bucket names are the whole world's: the project's id makes them the project's."""
        configuration = self._configuration
        name = f"{self.pulumi_resource_name}-{purpose}"
        return storage.Bucket(
            name,
            name=f"{configuration.project}-{name}",
            project=project or configuration.project,
            location=configuration.backup_region.upper(),
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            # Cloud Storage takes either: under a retention policy nothing is replaced, so there are no old versions.
            versioning=storage.BucketVersioningArgs(enabled=retention is None),
            retention_policy=retention,
            soft_delete_policy=storage.BucketSoftDeletePolicyArgs(
                retention_duration_seconds=configuration.storage.soft_delete * DAY_SECONDS
            ),
            lifecycle_rules=[*lifecycle, _old_versions(), _unfinished_uploads()],
            force_destroy=not configuration.deletion_protection,
            encryption=storage.BucketEncryptionArgs(default_kms_key_name=self._encryption.backup_key)
            if self._encryption.backup_key
            else None,
            labels=configuration.labels,
            opts=self.own(depends_on=self._encryption.grants, protect=configuration.deletion_protection),
        )


def _retention(days: int, *, locked: bool) -> storage.BucketRetentionPolicyArgs | None:
    if not days:
        return None
    return storage.BucketRetentionPolicyArgs(retention_period=str(days * DAY_SECONDS), is_locked=locked)


def _move(storage_class: str, days: int) -> storage.BucketLifecycleRuleArgs:
    return storage.BucketLifecycleRuleArgs(
        action=storage.BucketLifecycleRuleActionArgs(type="SetStorageClass", storage_class=storage_class),
        condition=storage.BucketLifecycleRuleConditionArgs(age=days),
    )


def _delete_after(days: int, prefix: str | None = None) -> storage.BucketLifecycleRuleArgs:
    return storage.BucketLifecycleRuleArgs(
        action=storage.BucketLifecycleRuleActionArgs(type="Delete"),
        condition=storage.BucketLifecycleRuleConditionArgs(age=days, matches_prefixes=[prefix] if prefix else None),
    )


def _delete_once_old(days: int, prefixes: Sequence[str]) -> storage.BucketLifecycleRuleArgs:
    """By the age of what an object holds: its custom time is the end of its day."""
    return storage.BucketLifecycleRuleArgs(
        action=storage.BucketLifecycleRuleActionArgs(type="Delete"),
        condition=storage.BucketLifecycleRuleConditionArgs(days_since_custom_time=days, matches_prefixes=prefixes),
    )


def _unfinished_uploads() -> storage.BucketLifecycleRuleArgs:
    """Nobody who writes here may delete: what was left half done goes by itself."""
    return storage.BucketLifecycleRuleArgs(
        action=storage.BucketLifecycleRuleActionArgs(type="AbortIncompleteMultipartUpload"),
        condition=storage.BucketLifecycleRuleConditionArgs(age=UNFINISHED_DAYS),
    )


def _old_versions() -> storage.BucketLifecycleRuleArgs:
    return storage.BucketLifecycleRuleArgs(
        action=storage.BucketLifecycleRuleActionArgs(type="Delete"),
        condition=storage.BucketLifecycleRuleConditionArgs(days_since_noncurrent_time=OLD_VERSION_DAYS),
    )
