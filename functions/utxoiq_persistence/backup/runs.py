"""Backups with a record of what they must contain. Steps block; each may be killed and repeated."""

import logging
import uuid
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from utxoiq_persistence.backup import facts as backup_facts
from utxoiq_persistence.backup.cloud_sql import CloudSql, CloudSqlRefused, Resource
from utxoiq_persistence.backup.facts import Facts
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("backup_runs")
_log = logging.getLogger(__name__)

# The description of our backups is this and their id.
DESCRIPTION = "utxoiq backup"
LONGEST = timedelta(hours=6)
FAILED = {"FAILED", "SKIPPED", "DELETION_PENDING", "DELETION_FAILED", "DELETED"}


class RecordedBackup(Struct, frozen=True):
    """A backup that succeeded, with the facts before and after. bytes is None if Cloud SQL does not say."""

    backup_id: str
    before: Facts
    after: Facts
    ended_at: datetime
    bytes: int | None


class BackupRuns:
    """The backups that we request, with their records. Methods raise CloudSqlUnavailable."""

    def __init__(self, session: Session, cloud: CloudSql, instance: str) -> None:
        self._session = session
        self._cloud = cloud
        self._instance = instance
        self._requested: set[uuid.UUID] = set()

    def ensure_under_way(self) -> None:
        """Record the facts and begin a backup, unless one is in progress."""
        if not self._session.run(_SQL["under_way"]):
            facts = msgspec.json.encode(backup_facts.gather(self._session)).decode()
            self._session.run(_SQL["begin"], id=uuid.uuid4(), instance=self._instance, facts=facts)

    def advance(self) -> bool:
        """Take the next step of the backup in progress. Return whether none is in progress any more."""
        rows = self._session.run(_SQL["under_way"])
        if not rows:
            return True
        ((run, requested_at, facts),) = rows
        try:
            backup = self._find_or_request(run)
        except CloudSqlRefused as refusal:
            return self._fail(run, str(refusal))
        if backup is not None and backup["status"] == "SUCCESSFUL":
            self._succeed(run, backup, msgspec.convert(facts, Facts))
            return True
        if backup is not None and backup["status"] in FAILED:
            error = backup.get("error", {}).get("message") or "Cloud SQL does not say why"
            return self._fail(run, f"the backup is {backup['status']}: {error}")
        if datetime.now(UTC) - requested_at > LONGEST:
            return self._fail(run, f"the backup did not end within {LONGEST}")
        return False

    def find_record(self, backup_id: str) -> uuid.UUID | None:
        """Return the id of our record of one of Cloud SQL's backups, None if we have none."""
        rows = self._session.run(_SQL["with_facts"], backup_id=backup_id)
        return rows[0][0] if rows else None

    def get(self, run: uuid.UUID) -> RecordedBackup:
        """Return the recorded backup."""
        ((backup_id, before, after, ended_at, size),) = self._session.run(_SQL["one"], id=run)
        return RecordedBackup(backup_id, msgspec.convert(before, Facts), msgspec.convert(after, Facts), ended_at, size)

    def failure_since(self, moment: datetime) -> str | None:
        """Return why the newest backup since `moment` failed, None if none has."""
        rows = self._session.run(_SQL["failure_since"], since=moment)
        return rows[0][0] if rows else None

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

    def _succeed(self, run: uuid.UUID, backup: Resource, before: Facts) -> None:
        after = backup_facts.gather(self._session, [sample.range for sample in before.samples])
        size = backup.get("maxChargeableBytes")
        self._session.run(
            _SQL["succeed"],
            id=run,
            backup_id=str(backup["id"]),
            bytes=None if size is None else int(str(size)),
            facts=msgspec.json.encode(after).decode(),
        )

    def _fail(self, run: uuid.UUID, error: str) -> bool:
        _log.error("a backup failed: %s", error)
        self._session.run(_SQL["fail"], id=run, error=error)
        return True
