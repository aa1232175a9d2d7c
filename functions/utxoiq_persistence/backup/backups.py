"""Backups and their verification in short calls: each call continues what is in progress."""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from pg8000.exceptions import DatabaseError, InterfaceError

from utxoiq_persistence.backup.cloud_sql import CloudSql
from utxoiq_persistence.backup.runs import BackupRuns
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.backup.verification import FIRST_PAUSE, GROWTH, LONGEST_PAUSE, VerificationResult, Verifier
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres.session import Session, connector
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import Document, Idempotency, NewMetric
from utxoiq_persistence.store import Store

_RUNS = load("backup_runs")
_VERIFICATIONS = load("backup_verifications")
_log = logging.getLogger(__name__)

SERVICE_NAME = "utxoiq-persistence"

Work = Callable[[Session, CloudSql], None]


class BackupService:
    """Makes and verifies backups. Of several calls at once, one works and the others return the state so far.

    Every method raises DatabaseUnavailable.
    """

    def __init__(self, settings: BackupSettings, store: Store) -> None:
        self._settings = settings
        self._store = store

    async def parts(self) -> dict[str, str]:
        """Return the state of each part that the function needs, by name."""
        return await self._store.parts()

    async def run(self, budget: float, *, is_export: bool = False) -> Document:
        """Begin a backup, or an export, or continue the one in progress, for up to `budget` seconds.

        Return the status as JSON.
        """
        await self._store.audit.append("backup.export" if is_export else "backup.run", self._settings.instance)
        deadline = time.monotonic() + budget

        def work(session: Session, cloud: CloudSql) -> None:
            runs = BackupRuns(session, cloud, self._settings)
            is_ours = runs.ensure_under_way(is_export=is_export)
            pause = FIRST_PAUSE
            while time.monotonic() < deadline:
                if not runs.advance():
                    time.sleep(pause)
                    pause = min(GROWTH * pause, LONGEST_PAUSE)
                elif is_ours:
                    return
                else:  # one of the other kind was in progress
                    is_ours = runs.ensure_under_way(is_export=is_export)

        await self._run_alone(work)
        return await self.status()

    async def verify(self, budget: float, *, resume_only: bool) -> Document:
        """Begin a verification, or continue the one in progress, for up to `budget` seconds. Return the status as JSON.

        With resume_only, none is begun.
        """
        if not resume_only:
            await self._store.audit.append("backup.verify", self._settings.instance)
        deadline = time.monotonic() + budget
        loop = asyncio.get_running_loop()

        def publish(result: VerificationResult) -> None:
            asyncio.run_coroutine_threadsafe(self._publish(result), loop).result()

        def work(session: Session, cloud: CloudSql) -> None:
            verifier = Verifier(self._settings, session, cloud, publish)
            if not resume_only:
                verifier.begin()
            verifier.advance(deadline)

        await self._run_alone(work)
        return await self.status()

    async def status(self) -> Document:
        """Return the newest of our backups, of exports and of verifications as JSON, null where there is none."""
        database = self._store.database
        found = {
            "backup": await database.fetch(_RUNS["newest"], idempotent=True, is_export=False),
            "export": await database.fetch(_RUNS["newest"], idempotent=True, is_export=True),
            "verification": await database.fetch(_VERIFICATIONS["newest"], idempotent=True),
        }
        parts = [f'"{name}":{rows[0][0] if rows else "null"}' for name, rows in found.items()]
        return Document(f'{{"status":"success",{",".join(parts)}}}'.encode())

    async def _run_alone(self, work: Work) -> None:
        try:
            await asyncio.to_thread(self._run_locked, work)
        except (OSError, InterfaceError) as error:
            raise DatabaseUnavailable("the database cannot be reached; try again") from error

    def _run_locked(self, work: Work) -> None:
        """Run the work on a connection of its own, whose end frees the lock whatever happens."""
        session = connector(self._settings.database)()
        try:
            ((locked,),) = session.run(_VERIFICATIONS["lock"])
            if not locked:
                _log.info("another call is at work")
                return
            try:
                with contextlib.closing(CloudSql(self._settings.project, self._settings.endpoint)) as cloud:
                    work(session, cloud)
            finally:
                _unlock(session)
        finally:
            session.close()

    async def _publish(self, result: VerificationResult) -> None:
        now = datetime.now(UTC)
        values = [
            ("backup_verification_success", float(result.passed), "boolean"),
            ("backup_verification_duration", result.duration, "s"),
            ("backup_age", result.age, "s"),
            ("backup_size", result.size, "bytes"),
        ]
        metrics = [
            NewMetric(SERVICE_NAME, kind, float(value), unit, None, now)
            for kind, value, unit in values
            if value is not None
        ]
        key = str(result.verification)
        once = Idempotency(f"function:{SERVICE_NAME}", key, hashlib.sha256(key.encode()).digest())
        await self._store.metrics.record_batch(metrics, once)


def _unlock(session: Session) -> None:
    """Free the lock now: the server may notice the end of the connection only after the next call."""
    if session.broken:
        return
    with contextlib.suppress(OSError, InterfaceError, DatabaseError):  # its end comes next
        session.run(_VERIFICATIONS["unlock"])
