"""Retention as its callers see it: runs over all tables, the upkeep of months, and rows brought back.

docs/decisions/0011-archive.md says why it may be killed at any instruction.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct, field

from utxoiq_persistence import jobs
from utxoiq_persistence.archive import column_check, month_expiry, restoring
from utxoiq_persistence.archive.bucket import Archive
from utxoiq_persistence.archive.expiry import Expiry, Tally, expire_rows
from utxoiq_persistence.archive.restoring import Restored
from utxoiq_persistence.archive.settings import RetentionSettings
from utxoiq_persistence.archive.tables import BACKFILL_JOBS, INSIGHT_FEEDBACK, SYSTEM_METRICS, TABLES, ArchivedTable
from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.errors import DatabaseUnavailable, PersistenceError, RuleBroken
from utxoiq_persistence.metrics import partitions, sketches
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.writes.audit import AuditLog

_SQL = load("retention")
_RUNS = load("retention_runs")
# How many entries of the cache one announcement drops.
TAGS = 500

_log = logging.getLogger(__name__)

Status = Literal["success", "partial", "failed"]
TableName = Literal["backfill_jobs", "insight_feedback", "system_metrics"]


class UnderWay(PersistenceError):
    """Somebody else is at work on that table."""


class Results(Struct):
    backfill_jobs: Tally
    feedback: Tally
    metrics: Tally


class Report(Struct):
    """partial: something is left for the next run. failed: something went wrong; the other tables were seen to."""

    status: Status
    message: str
    results: Results


class Upkeep(Struct):
    """made: months made now, by their first days. dropped: months that the archive has whole. deleted: their rows."""

    made: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    deleted: int = 0


@dataclass(frozen=True)
class Retention:
    """Works on whole tables at a time, each under a lock of its own, which ends with the connection that holds it."""

    database: Database
    cache: Cache
    archive: Archive
    settings: RetentionSettings

    async def run(self, caller: str, *, dry_run: bool = False) -> Report:
        """Sees to every table, whatever becomes of the others. dry_run: only says how many rows would go.

        Raises DatabaseUnavailable where nothing could be begun.
        """
        ((run_id,),) = await self.database.fetch(_RUNS["begin_run"], caller=caller, dry_run=dry_run)
        deadline = self._deadline()
        tables = (BACKFILL_JOBS, INSIGHT_FEEDBACK, SYSTEM_METRICS)
        report = _report([await self._see_to(table, deadline, dry_run=dry_run) for table in tables], dry_run=dry_run)
        _log.log(logging.ERROR if report.status == "failed" else logging.INFO, "retention: %s", report.message)
        try:
            await self._record(run_id, report, dry_run=dry_run)
        except DatabaseUnavailable as error:
            _log.warning("the end of run %d is not recorded: %s", run_id, error)
        return report

    async def upkeep(self) -> Upkeep:
        """Makes months ahead of need, brings strays home, drops the months that are archived whole.

        Raises UnderWay, ColumnsDiffer.
        """
        upkeep = Upkeep()
        deadline = self._deadline()

        def work(session: Session) -> None:
            upkeep.made += [
                f"{first:%Y-%m}" for first in partitions.ensure_months(session, self._expires(SYSTEM_METRICS))
            ]
            tally = Tally()
            with _locked(session, SYSTEM_METRICS):
                months = month_expiry.drop_archived(self._expiry(session, SYSTEM_METRICS, deadline, tally))
            upkeep.dropped += [f"{month.first:%Y-%m}" for month in months]
            upkeep.deleted += tally.deleted
            # What came late for hours long ago.
            sketches.fill(session, self._expires(SYSTEM_METRICS), sketches.start_of_hour(datetime.now(UTC)), deadline)

        await self.database.work("upkeep_of_months", work, idempotent=True)
        if upkeep.made or upkeep.dropped:
            await self._audit.append("retention.partitions", None, made=upkeep.made, dropped=upkeep.dropped)
        return upkeep

    async def restore(self, table: TableName, start: datetime, end: datetime, keep_days: int) -> Restored:
        """Brings archived rows with start <= time < end back, to stay for so many days; what is there already is left.

        Raises RuleBroken where the range ends before it starts, UnderWay, ColumnsDiffer, ArchiveUnavailable,
        ArchiveCorrupt.
        """
        if end <= start:
            raise RuleBroken("end_time is not after start_time")
        deadline = self._deadline()

        def work(session: Session) -> Restored:
            with _locked(session, TABLES[table]):
                return restoring.restore(session, self.archive, TABLES[table], start, end, keep_days, deadline)

        restored = await self.database.work("restore", work, idempotent=True)
        await self._audit.append("retention.restore", table, start=start, end=end, rows=restored.restored)
        return restored

    @property
    def _audit(self) -> AuditLog:
        return AuditLog(self.database)

    async def _record(self, run_id: int, report: Report, *, dry_run: bool) -> None:
        results = msgspec.json.encode(report.results).decode()
        await self.database.fetch(_RUNS["end_run"], idempotent=True, id=run_id, status=report.status, results=results)
        if not dry_run:
            await self._audit.append("retention.run", None, status=report.status, results=report.results)

    async def _see_to(self, table: ArchivedTable, deadline: float, *, dry_run: bool) -> Tally:
        tally = Tally()
        removed: list[UUID] = []

        def work(session: Session) -> None:
            if dry_run:
                column_check.check(session, table.listed)
                self._count(session, table, tally)
                return
            if table is SYSTEM_METRICS:
                partitions.ensure_months(session, self._expires(table))
            with _locked(session, table):
                expiry = self._expiry(session, table, deadline, tally, removed)
                if table is SYSTEM_METRICS:
                    month_expiry.expire_months(expiry)
                else:
                    expire_rows(expiry)

        try:
            await self.database.work(f"retention_{table.name}", work, idempotent=True)
        except UnderWay as error:
            tally.details.append(str(error))
        except Exception as error:
            # Whatever it is, it must not keep the other tables waiting.
            _log.exception("retention of %s failed", table.name)
            known = isinstance(error, PersistenceError)
            tally.errors += 1
            tally.details.append(str(error) if known else "something went wrong on our side; it is logged")
        if table is BACKFILL_JOBS:
            await self._tell(removed)
        return tally

    async def _tell(self, job_ids: list[UUID]) -> None:
        """Those who hold these jobs in their caches."""
        tags = [jobs.tag(job_id) for job_id in job_ids]
        for start in range(0, len(tags), TAGS):
            async with self.cache.changing(tags[start : start + TAGS]):
                pass

    def _count(self, session: Session, table: ArchivedTable, tally: Tally) -> None:
        expiry = self._expiry(session, table, self._deadline(), tally)
        tally.archived = sum(expiry.days().values())
        if table is SYSTEM_METRICS:
            tally.archived += sum(month_expiry.row_count(session, month) for month in month_expiry.due(expiry))
        tally.deleted = tally.archived

    def _expiry(
        self,
        session: Session,
        table: ArchivedTable,
        deadline: float,
        tally: Tally,
        removed: list[UUID] | None = None,
    ) -> Expiry:
        expires = self._expires(table)
        return Expiry(session, self.archive, table, expires, deadline, tally, [] if removed is None else removed)

    def _expires(self, table: ArchivedTable) -> datetime:
        """Rows older than this leave: whole days at once, and of metrics whole months."""
        days = {
            BACKFILL_JOBS.name: self.settings.backfill_days,
            INSIGHT_FEEDBACK.name: self.settings.feedback_days,
            SYSTEM_METRICS.name: self.settings.metrics_days,
        }[table.name]
        moment = datetime.now(UTC) - timedelta(days=days)
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight.replace(day=1) if table is SYSTEM_METRICS else midnight

    def _deadline(self) -> float:
        return time.monotonic() + self.settings.budget


@contextmanager
def _locked(session: Session, table: ArchivedTable) -> Iterator[None]:
    """Raises UnderWay, ColumnsDiffer. The lock ends with the connection, whatever becomes of this process."""
    ((is_free,),) = session.run(_SQL["lock"], table_name=table.name)
    if not is_free:
        raise UnderWay(f"another run is at work on {table.name}")
    try:
        column_check.check(session, table.listed)
        yield
    finally:
        if not session.broken:
            session.run(_SQL["unlock"], table_name=table.name)


def _report(tallies: list[Tally], *, dry_run: bool) -> Report:
    results = Results(*tallies)
    archived = sum(tally.archived for tally in tallies)
    deleted = sum(tally.deleted for tally in tallies)
    errors = sum(tally.errors for tally in tallies)
    left = any(tally.details for tally in tallies)
    if dry_run:
        message = f"dry run: {archived} rows would be archived and deleted"
    else:
        message = f"{archived} rows archived, {deleted} rows deleted"
    for name in results.__struct_fields__:
        message += "".join(f"; {name}: {detail}" for detail in getattr(results, name).details)
    return Report("failed" if errors else "partial" if left else "success", message, results)
