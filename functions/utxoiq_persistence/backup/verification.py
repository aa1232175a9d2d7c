"""The verification of the newest backup or export, in turn: it is restored into a temporary instance and compared.

A state machine of small steps whose state is a row. A step looks at the present state before it acts, so that the next
call continues where one was killed. Steps block, and the caller holds a lock so that only one runs at a time.
"""

import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import identifier

from utxoiq_persistence.backup import checks as backup_checks
from utxoiq_persistence.backup import dumps
from utxoiq_persistence.backup import facts as backup_facts
from utxoiq_persistence.backup.checks import Check
from utxoiq_persistence.backup.cloud_sql import (
    CloudSql,
    CloudSqlRefused,
    CloudSqlUnavailable,
    Resource,
    describe_failure,
)
from utxoiq_persistence.backup.dumps import DumpDamaged
from utxoiq_persistence.backup.runs import BackupRuns, RecordedBackup
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.postgres.session import Session, connector
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.sqlstates import read_sqlstate

_SQL = load("backup_verifications")
_log = logging.getLogger(__name__)

LONGEST = timedelta(hours=6)
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
GROWTH = 1.25
PURPOSE = "backup-verification"
# Of an instance that a key of the customer's encrypts: the restored copy is no less.
ENCRYPTION = "diskEncryptionConfiguration"
# SQLSTATE classes of a copy that has just started: it refuses connections, or does not know its users yet.
NOT_READY = ("08", "28", "53", "57")
# As whom an export is loaded, and as whom what was loaded is read.
OWNER_ROLE, READER_ROLE = "cloudsqlsuperuser", "utxoiq_backup"
UNJUDGED = ("choose", "create", "restore", "check")


class Verification(Struct, frozen=True):
    """The verification in progress. now is the time by the database's clock, as started_at is."""

    id: uuid.UUID
    step: str
    started_at: datetime
    backup_run: uuid.UUID | None
    passed: bool | None
    error: str | None
    now: datetime


class VerificationResult(Struct, frozen=True):
    """What is published. age (seconds) and size (bytes) of the backup are None if there was none to verify."""

    verification: uuid.UUID
    passed: bool
    duration: float
    age: float | None
    size: int | None


class Verifier:
    """Runs verifications. `publish` stores a result; for the same result twice, it stores one."""

    def __init__(
        self, settings: BackupSettings, session: Session, cloud: CloudSql, publish: Callable[[VerificationResult], None]
    ) -> None:
        self._settings = settings
        self._session = session
        self._cloud = cloud
        self._publish = publish
        self._runs = BackupRuns(session, cloud, settings)
        self._steps = {
            "choose": self._choose,
            "create": self._create,
            "restore": self._restore,
            "check": self._check,
            "publish": self._publish_result,
            "delete": self._delete,
        }

    def begin(self) -> None:
        """Begin a verification, unless one is in progress."""
        if self._under_way() is None:
            self._session.run(_SQL["begin"], id=uuid.uuid4())

    def advance(self, deadline: float) -> None:
        """Take steps until it ends or time.monotonic() passes the deadline. Raises CloudSqlUnavailable."""
        self._delete_leftovers()
        pause = FIRST_PAUSE
        while (current := self._under_way()) is not None:
            waited_for = None
            try:
                moved = self.step(current)
            except CloudSqlUnavailable as busy:
                moved, waited_for = False, busy
            if time.monotonic() > deadline:
                if waited_for is not None:
                    raise waited_for
                return
            pause = FIRST_PAUSE if moved else min(GROWTH * pause, LONGEST_PAUSE)
            if not moved:
                time.sleep(pause)

    def step(self, current: Verification) -> bool:
        """Take one step. Return whether the verification is at another step now. Raises CloudSqlUnavailable."""
        judged = current.step not in UNJUDGED
        if not judged and current.now - current.started_at > LONGEST:
            return self._fail(current, f"the verification did not get beyond this step within {LONGEST}")
        try:
            return self._steps[current.step](current)
        except CloudSqlRefused as refusal:
            if judged:
                raise
            return self._fail(current, str(refusal))

    def _under_way(self) -> Verification | None:
        rows = self._session.run(_SQL["under_way"])
        return Verification(*rows[0]) if rows else None

    def _choose(self, current: Verification) -> bool:
        """Choose the newest backup, or after one of those the newest export.

        If a backup was made without a record of what it must contain, it cannot be verified, and a new one is made.
        """
        if self._session.run(_SQL["last_was_of_an_export"]) == [[False]]:
            export = self._runs.newest_export()
            if export is not None:
                self._session.run(_SQL["choose"], id=current.id, backup_run=export)
                return True
        for backup in self._cloud.list_backups(self._settings.instance):
            if backup["status"] == "SUCCESSFUL":
                run = self._runs.find_record(str(backup["id"]))
                if run is not None:
                    self._session.run(_SQL["choose"], id=current.id, backup_run=run)
                    return True
                break
        error = self._runs.failure_since(current.started_at)
        if error is not None:
            return self._fail(current, f"there is no backup to verify: {error}")
        self._runs.ensure_under_way()
        self._runs.advance()
        return False

    def _create(self, current: Verification) -> bool:
        name = self._temporary_name(current.id)
        instance = self._cloud.get_instance(name)
        if instance is None:
            source = self._cloud.get_instance(self._settings.instance)
            if source is None:
                return self._fail(current, f"there is no instance {self._settings.instance}")
            self._cloud.create_instance(self._describe_temporary(source, name))
            return False
        if instance["state"] == "FAILED":
            return self._fail(current, f"the temporary instance failed: {self._last_failure(name)}")
        return instance["state"] == "RUNNABLE" and self._advance(current, "restore")

    def _restore(self, current: Verification) -> bool:
        name = self._temporary_name(current.id)
        recorded = self._runs.get(_chosen_backup(current))
        if recorded.is_export:
            return self._restore_export(current, name, recorded)
        restores = [one for one in self._cloud.list_operations(name) if one["operationType"] == "RESTORE_VOLUME"]
        if not restores:
            self._cloud.restore_backup(name, self._settings.instance, recorded.backup_id)
            return False
        if restores[0]["status"] != "DONE":
            return False
        error = describe_failure(restores[0])
        return self._fail(current, f"the restore failed: {error}") if error else self._advance(current, "check")

    def _restore_export(self, current: Verification, name: str, recorded: RecordedBackup) -> bool:
        """Load an export into the instance, which is empty. One that was broken off is begun anew."""
        user = self._settings.database.user
        if user not in self._cloud.list_users(name):
            self._cloud.create_user(name, user, OWNER_ROLE)
            return False
        try:
            self._load_export(self._settings.database_on(name), recorded.backup_id)
        except (OSError, InterfaceError) as error:
            _log.info("the export cannot be loaded yet: %r", error)
            return False
        except DumpDamaged as error:
            return self._fail(current, str(error))
        except DatabaseError as error:
            if read_sqlstate(error)[:2] in NOT_READY:
                _log.info("the temporary instance is not ready: %r", error)
                return False
            return self._fail(current, f"the export cannot be loaded: {error}")
        return self._advance(current, "check")

    def _load_export(self, target: DatabaseSettings, name: str) -> None:
        database = identifier(target.name)
        with contextlib.closing(connector(replace(target, name="postgres"))()) as session:
            session.execute(f"SET ROLE {OWNER_ROLE}")
            there = {role for (role,) in session.run(_SQL["group_roles"])}
            for (role,) in self._session.run(_SQL["group_roles"]):
                if role not in there:
                    session.execute(f"CREATE ROLE {identifier(role)} NOLOGIN")
            session.execute(f"GRANT {READER_ROLE} TO {identifier(target.user)}")
            session.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            session.execute(f"CREATE DATABASE {database}")
        with (
            contextlib.closing(connector(target)()) as session,
            dumps.open_dump(self._settings.storage, self._settings.export_bucket, name) as lines,
        ):
            session.execute(f"SET ROLE {OWNER_ROLE}")
            dumps.load(session, lines)

    def _check(self, current: Verification) -> bool:
        recorded = self._runs.get(_chosen_backup(current))
        try:
            checks = self._compare_copy(self._settings.database_on(self._temporary_name(current.id)), recorded)
        except (OSError, InterfaceError) as error:
            _log.info("the restored copy does not answer yet: %r", error)
            return False
        except DatabaseError as error:
            if read_sqlstate(error)[:2] in NOT_READY:
                _log.info("the restored copy is not ready: %r", error)
                return False
            return self._fail(current, f"the restored copy cannot be read: {error}")
        failed = "; ".join(f"{check.name}: {check.detail}" for check in checks if not check.passed)
        return self._fail(current, failed, checks) if failed else self._record_verdict(current, None, checks)

    def _compare_copy(self, restored: DatabaseSettings, recorded: RecordedBackup) -> list[Check]:
        copy = connector(restored)()
        try:
            if recorded.is_export:
                # With the rights that it has of the source, and not with those of who loaded it.
                copy.execute(f"SET ROLE {READER_ROLE}")
            facts = backup_facts.gather(copy, [sample.range for sample in recorded.before.samples])
            return backup_checks.compare(recorded.before, recorded.after, facts) + backup_checks.check_constraints(copy)
        finally:
            copy.close()

    def _publish_result(self, current: Verification) -> bool:
        duration = (current.now - current.started_at).total_seconds()
        age, size = None, None
        if current.backup_run is not None:
            recorded = self._runs.get(current.backup_run)
            age, size = (current.now - recorded.ended_at).total_seconds(), recorded.bytes
        self._publish(VerificationResult(current.id, bool(current.passed), duration, age, size))
        return self._advance(current, "delete")

    def _delete(self, current: Verification) -> bool:
        if not self._remove(self._temporary_name(current.id)):
            return False
        self._session.run(_SQL["end"], id=current.id)
        return True

    def _remove(self, name: str) -> bool:
        """Have an instance deleted, unless that is under way. Return whether it is gone.

        Operations are looked at first: a deletion that ends between the two looks is seen by the second.
        """
        under_way = [one["operationType"] for one in self._cloud.list_operations(name) if one["status"] != "DONE"]
        if "DELETE" in under_way:
            return False
        if self._cloud.get_instance(name) is None:
            return True
        self._cloud.delete_instance(name)
        return False

    def _delete_leftovers(self) -> None:
        """Delete the temporary instances of earlier verifications: all with our label but the one in use."""
        current = self._under_way()
        ours = None if current is None else self._temporary_name(current.id)
        for instance in self._cloud.list_instances():
            labels = instance.get("settings", {}).get("userLabels", {})
            is_temporary = labels.get("purpose") == PURPOSE and labels.get("source") == self._settings.instance
            if is_temporary and instance["name"] != ours:
                _log.warning(
                    "the instance %s is left over from an earlier verification; it is removed", instance["name"]
                )
                try:
                    self._remove(str(instance["name"]))
                except (CloudSqlRefused, CloudSqlUnavailable) as error:
                    _log.warning("the instance %s could not be deleted: %s", instance["name"], error)

    def _advance(self, current: Verification, following: str) -> bool:
        self._session.run(_SQL["advance"], id=current.id, step=current.step, next=following)
        return True

    def _fail(self, current: Verification, error: str, checks: Sequence[Check] = ()) -> bool:
        _log.error("the verification of the newest backup failed: %s", error)
        return self._record_verdict(current, error, checks)

    def _record_verdict(self, current: Verification, error: str | None, checks: Sequence[Check]) -> bool:
        self._session.run(
            _SQL["judge"],
            id=current.id,
            step=current.step,
            passed=error is None,
            error=error,
            checks=msgspec.json.encode(checks).decode(),
        )
        return True

    def _temporary_name(self, verification: uuid.UUID) -> str:
        return f"{self._settings.instance}-verify-{verification.hex[:8]}"

    def _last_failure(self, name: str) -> str:
        errors = (describe_failure(operation) for operation in self._cloud.list_operations(name))
        return next((error for error in errors if error), "Cloud SQL does not say why")

    def _describe_temporary(self, source: Resource, name: str) -> Resource:
        """Return a small instance in the same network, by the same key, with a disk as large as its source's."""
        settings = source["settings"]
        kept = ("edition", "dataDiskSizeGb", "dataDiskType", "ipConfiguration")
        flags = [flag for flag in settings.get("databaseFlags", []) if flag["name"].startswith("cloudsql.")]
        return {
            **({ENCRYPTION: source[ENCRYPTION]} if ENCRYPTION in source else {}),
            "name": name,
            "region": source["region"],
            "databaseVersion": source["databaseVersion"],
            "settings": {
                **{field: settings[field] for field in kept if field in settings},
                "tier": self._settings.tier,
                "availabilityType": "ZONAL",
                "backupConfiguration": {"enabled": False},
                "deletionProtectionEnabled": False,
                "databaseFlags": flags,
                "userLabels": {"purpose": PURPOSE, "source": self._settings.instance},
            },
        }


def _chosen_backup(current: Verification) -> uuid.UUID:
    if current.backup_run is None:
        raise AssertionError("a verification chooses its backup first")
    return current.backup_run
