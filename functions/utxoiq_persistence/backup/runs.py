"""Backups and exports with a record of what they must contain. Steps block; each may be killed and repeated."""

import logging
import uuid
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from utxoiq_persistence.backup import facts as backup_facts
from utxoiq_persistence.backup.cloud_sql import CloudSql, CloudSqlRefused, Resource, describe_failure
from utxoiq_persistence.backup.facts import Facts
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("backup_runs")
_log = logging.getLogger(__name__)

# The description of our backups is this and their id.
DESCRIPTION = "utxoiq backup"
# What the names of exports begin with.
EXPORTS = "exports/"
LONGEST = timedelta(hours=6)
FAILED = {"FAILED", "SKIPPED", "DELETION_PENDING", "DELETION_FAILED", "DELETED"}


class RecordedBackup(Struct, frozen=True):
    """A backup that succeeded, with the facts before and after. bytes is None if Cloud SQL does not say.

    backup_id is the name of its object if it is an export.
    """

    backup_id: str
    before: Facts
    after: Facts
    ended_at: datetime
    bytes: int | None
    is_export: bool


class _Run(Struct, frozen=True):
    """The backup, or export, in progress."""

    id: uuid.UUID
    requested_at: datetime
    facts: object
    is_export: bool


class BackupRuns:
    """The backups and exports that we request, with their records. Methods raise CloudSqlUnavailable."""

    def __init__(self, session: Session, cloud: CloudSql, settings: BackupSettings) -> None:
        self._session = session
        self._cloud = cloud
        self._settings = settings
        self._instance = settings.instance
        self._requested: set[uuid.UUID] = set()

    def ensure_under_way(self, *, is_export: bool = False) -> bool:
        """Record the facts and begin a backup, or an export, unless one is in progress.

        Return whether what is in progress now is what was asked for: one of the other kind has to end first.
        """
        current = self._under_way()
        if current is not None:
            return current.is_export == is_export
        facts = msgspec.json.encode(backup_facts.gather(self._session)).decode()
        self._session.run(_SQL["begin"], id=uuid.uuid4(), instance=self._instance, facts=facts, is_export=is_export)
        return True

    def advance(self) -> bool:
        """Take the next step of what is in progress. Return whether nothing is in progress any more."""
        current = self._under_way()
        if current is None:
            return True
        try:
            ended = self._advance_export(current) if current.is_export else self._advance_backup(current)
        except CloudSqlRefused as refusal:
            return self._fail(current.id, str(refusal))
        if not ended and datetime.now(UTC) - current.requested_at > LONGEST:
            return self._fail(current.id, f"the backup did not end within {LONGEST}")
        return ended

    def find_record(self, backup_id: str) -> uuid.UUID | None:
        """Return the id of our record of one of Cloud SQL's backups, None if we have none."""
        rows = self._session.run(_SQL["with_facts"], backup_id=backup_id)
        return rows[0][0] if rows else None

    def newest_export(self) -> uuid.UUID | None:
        """Return the id of our record of the newest export that succeeded, None if none has."""
        rows = self._session.run(_SQL["newest_export"])
        return rows[0][0] if rows else None

    def get(self, run: uuid.UUID) -> RecordedBackup:
        """Return the recorded backup."""
        ((backup_id, before, after, ended_at, size, is_export),) = self._session.run(_SQL["one"], id=run)
        return RecordedBackup(
            backup_id, msgspec.convert(before, Facts), msgspec.convert(after, Facts), ended_at, size, is_export
        )

    def failure_since(self, moment: datetime) -> str | None:
        """Return why the newest backup since `moment` failed, None if none has."""
        rows = self._session.run(_SQL["failure_since"], since=moment)
        return rows[0][0] if rows else None

    def _under_way(self) -> _Run | None:
        rows = self._session.run(_SQL["under_way"])
        return _Run(*rows[0]) if rows else None

    def _advance_backup(self, run: _Run) -> bool:
        backup = self._find_or_request(run.id)
        if backup is not None and backup["status"] == "SUCCESSFUL":
            size = backup.get("maxChargeableBytes")
            return self._succeed(run, str(backup["id"]), None if size is None else int(str(size)))
        if backup is not None and backup["status"] in FAILED:
            error = backup.get("error", {}).get("message") or "Cloud SQL does not say why"
            return self._fail(run.id, f"the backup is {backup['status']}: {error}")
        return False

    def _advance_export(self, run: _Run) -> bool:
        """Each export has a name of its own, by which its operation is found, whoever has asked for it."""
        name = f"{EXPORTS}{run.requested_at.astimezone(UTC):%Y-%m-%dT%H%M%SZ}-{run.id}.sql.gz"
        uri = f"gs://{self._settings.export_bucket}/{name}"
        for operation in self._cloud.list_operations(self._instance):
            if operation.get("exportContext", {}).get("uri") == uri:
                if operation["status"] != "DONE":
                    return False
                error = describe_failure(operation)
                return self._fail(run.id, f"the export failed: {error}") if error else self._succeed(run, name, None)
        if run.id not in self._requested:
            self._cloud.export(self._instance, self._settings.database.name, uri)
            self._requested.add(run.id)
        return False

    def _find_or_request(self, run: uuid.UUID) -> Resource | None:
        """Return the requested backup, None if it is not listed yet; request it if that was not done.

        It is found by its description, since a call that was killed may have requested it.
        """
        description = f"{DESCRIPTION} {run}"
        for backup in self._cloud.list_backups(self._instance):
            if backup.get("description") == description:
                return backup
        if run not in self._requested:
            self._cloud.create_backup(self._instance, description)
            self._requested.add(run)
        return None

    def _succeed(self, run: _Run, backup_id: str, size: int | None) -> bool:
        before = msgspec.convert(run.facts, Facts)
        after = backup_facts.gather(self._session, [sample.range for sample in before.samples])
        facts = msgspec.json.encode(after).decode()
        self._session.run(_SQL["succeed"], id=run.id, backup_id=backup_id, bytes=size, facts=facts)
        return True

    def _fail(self, run: uuid.UUID, error: str) -> bool:
        _log.error("a backup failed: %s", error)
        self._session.run(_SQL["fail"], id=run, error=error)
        return True
