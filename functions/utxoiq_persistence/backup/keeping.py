"""The expiry of on-demand backups, which Cloud SQL keeps until somebody deletes them.

Only the keeper's identity may do that, and only Cloud Scheduler may call the keeper: whoever takes over the function
that makes backups can destroy none.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from utxoiq_persistence.backup.cloud_sql import CloudSql, Resource
from utxoiq_persistence.backup.runs import DESCRIPTION
from utxoiq_persistence.backup.settings import admin_endpoint
from utxoiq_persistence.config import connection_name

_log = logging.getLogger(__name__)

# What is kept of our backups whatever their age, and how long each is kept whatever their number.
KEPT_BACKUPS = 8
KEPT_FOR = timedelta(days=28)


@dataclass(frozen=True)
class KeeperSettings:
    """The settings of the keeper.

    Attributes:
        instance: The connection name of the instance whose backups expire.
        endpoint: The Admin API's URL, None for Google's.
    """

    instance: str
    endpoint: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "KeeperSettings":
        """Return the settings. Raises ConfigurationError, which names the variable and what it should hold."""
        return cls(connection_name(environment, "BACKED_UP_INSTANCE"), admin_endpoint(environment))


def expire_backups(settings: KeeperSettings) -> int:
    """Delete the oldest on-demand backup of ours that nobody needs any more. Return how many were deleted: one or none.

    Cloud SQL does one thing at a time with an instance: the next call continues. Automated backups and those that
    people made are never deleted. Blocks. Raises CloudSqlUnavailable, CloudSqlRefused.
    """
    project, _, instance = settings.instance.split(":")
    cloud = CloudSql(project, settings.endpoint)
    try:
        expired = list_expired(cloud.list_backups(instance), datetime.now(UTC))
        if not expired:
            return 0
        _log.info("the backup %s has expired and is deleted", expired[-1]["id"])
        cloud.delete_backup(instance, str(expired[-1]["id"]))
        return 1
    finally:
        cloud.close()


def list_expired(newest_first: list[Resource], now: datetime) -> list[Resource]:
    """Return those of the backups that are ours, beyond the ones to keep, and older than they have to become."""
    ours = [
        backup
        for backup in newest_first
        if backup.get("type") == "ON_DEMAND"
        and backup["status"] == "SUCCESSFUL"
        and str(backup.get("description", "")).startswith(f"{DESCRIPTION} ")
    ]
    return [one for one in ours[KEPT_BACKUPS:] if now - msgspec.convert(one["endTime"], datetime) > KEPT_FOR]
