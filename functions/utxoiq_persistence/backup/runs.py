"""Backups with a record of what they must hold. Blocking; each step can be killed and taken again."""

import logging
import uuid
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from utxoiq_persistence.backup import facts as backup_facts
from utxoiq_persistence.backup.cloud_sql import CloudSql, CloudSqlRefused, CloudSqlUnavailable, Resource
from utxoiq_persistence.backup.facts import Facts
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("backup_runs")
_log = logging.getLogger(__name__)

# Ours carry this and their id as the description.
DESCRIPTION = "utxoiq backup"
# Cloud SQL keeps backups that were asked for until somebody deletes them.
KEPT = 8
LONGEST = timedelta(hours=6)
FAILED = {"FAILED", "SKIPPED", "DELETION_PENDING", "DELETION_FAILED", "DELETED"}


class Recorded(Struct, frozen=True):
    """A backup that succeeded. bytes: None where Cloud SQL does not say."""

    backup_id: str
    before: Facts
    after: Facts
    ended_at: datetime
    bytes: int | None


class BackupRuns:
    def __init__(self, session: Session, cloud: CloudSql, instance: str) -> None:
        self._session = session
        self._cloud = cloud
        self._instance = instance
        self._asked: set[uuid.UUID] = set()

    def ensure_under_way(self) -> None:
        if not self._session.run(_SQL["under_way"]):
            facts = msgspec.json.encode(backup_facts.gather(self._session)).decode()
            self._session.run(_SQL["begin"], id=uuid.uuid4(), instance=self._instance, facts=facts)

    def advance(self) -> bool:
        """Whether none is under way any more."""
        rows = self._session.run(_SQL["under_way"])
        if not rows:
            return True
        ((run, requested_at, facts),) = rows
        try:
            backup = self._find_or_ask(run)
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

    def recorded(self, backup_id: str) -> uuid.UUID | None:
        """The record of one of Cloud SQL's backups."""
        rows = self._session.run(_SQL["with_facts"], backup_id=backup_id)
        return rows[0][0] if rows else None

    def get(self, run: uuid.UUID) -> Recorded:
        ((backup_id, before, after, ended_at, size),) = self._session.run(_SQL["one"], id=run)
        return Recorded(backup_id, msgspec.convert(before, Facts), msgspec.convert(after, Facts), ended_at, size)

    def failure_since(self, moment: datetime) -> str | None:
        rows = self._session.run(_SQL["failure_since"], since=moment)
        return rows[0][0] if rows else None

    def _find_or_ask(self, run: uuid.UUID) -> Resource | None:
        """A call that was killed may have asked already: the description tells."""
        description = f"{DESCRIPTION} {run}"
        for backup in self._cloud.backups(self._instance):
            if backup.get("description") == description:
                return backup
        if run not in self._asked:
            self._cloud.back_up(self._instance, description)
            self._asked.add(run)
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
        self._forget_oldest()

    def _fail(self, run: uuid.UUID, error: str) -> bool:
        _log.error("a backup failed: %s", error)
        self._session.run(_SQL["fail"], id=run, error=error)
        return True

    def _forget_oldest(self) -> None:
        """One at a time, since Cloud SQL does one thing at a time; the next backup goes on with it."""
        backups = self._cloud.backups(self._instance)
        ours = [backup for backup in backups if str(backup.get("description", "")).startswith(DESCRIPTION)]
        if len(ours) > KEPT:
            try:
                self._cloud.delete_backup(self._instance, str(ours[-1]["id"]))
            except (CloudSqlUnavailable, CloudSqlRefused) as error:
                _log.warning("an old backup stays for now: %s", error)
