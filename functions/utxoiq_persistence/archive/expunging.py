"""The removal of what the archive holds of persons in clear: objects of releases that encrypted nothing.

Only the keeper's identity may delete archived objects, and only Cloud Scheduler may call the keeper. It deletes what
retention has withdrawn, and of that only what lies there in clear: whoever takes over retention destroys no sealed
object, and somebody has a week to see what was withdrawn.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from utxoiq_persistence.archive.bucket import ArchiveBucket, manifest_name
from utxoiq_persistence.config import required
from utxoiq_persistence.postgres.columns import TABLES

_log = logging.getLogger(__name__)

# How long an object was withdrawn before it is removed.
WITHDRAWN_FOR = timedelta(days=7)


@dataclass(frozen=True)
class ExpungingSettings:
    """The settings of the keeper about the archive.

    Attributes:
        project: The Google Cloud project.
        bucket: The name of the archive's bucket.
    """

    project: str
    bucket: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ExpungingSettings":
        """Return the settings. Raises ConfigurationError, which names the variable."""
        return cls(required(environment, "GOOGLE_CLOUD_PROJECT"), required(environment, "ARCHIVE_BUCKET"))


class Expunged(Struct, frozen=True):
    """Counts objects in clear that were removed in all versions, and those that the bucket keeps for now."""

    removed: int
    kept: int


class _Manifest(Struct):
    columns: dict[str, str] = {}


def expunge(settings: ExpungingSettings) -> Expunged:
    """Remove withdrawn objects in clear, of all tables that tell of persons. Blocks. Raises ArchiveUnavailable.

    Their manifests stay, which tell of nobody. A bucket with a retention policy keeps objects until their time is over.
    """
    archive = ArchiveBucket(settings.project, settings.bucket)
    removed = kept = 0
    for table in (name for name, listed in TABLES.items() if listed.personal):
        withdrawn = archive.list_withdrawn(table, datetime.now(UTC) - WITHDRAWN_FOR)
        for name, versions in archive.list_versions(table).items():
            if name not in withdrawn or _is_sealed(archive, name):
                continue
            if archive.delete_versions(versions):
                removed += 1
                _log.info("the archive held %s in clear, and it was removed", name)
            else:
                kept += 1
    return Expunged(removed, kept)


def _is_sealed(archive: ArchiveBucket, name: str) -> bool:
    """Return whether the object was verified, and holds what tells of persons encrypted.

    Its manifest says so, which nobody who serves can replace.
    """
    manifest = manifest_name(name)
    if not archive.has(manifest):
        return False
    return "sealed" in msgspec.json.decode(archive.get(manifest), type=_Manifest).columns
