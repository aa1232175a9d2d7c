"""The retention service: runs over all tables, the upkeep of months, and restores.

docs/decisions/0011-archive.md explains why a run may be killed at any instruction.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct, field

from utxoiq_persistence import jobs
from utxoiq_persistence.archive import (
    column_check,
    housekeeping,
    ledger,
    month_expiry,
    person_keys,
    querying,
    resealing,
    restoring,
)
from utxoiq_persistence.archive.bucket import ArchiveBucket
from utxoiq_persistence.archive.expiry import Expiry, Tally, expire_rows
from utxoiq_persistence.archive.querying import QueryAnswer
from utxoiq_persistence.archive.restoring import RestoreResult
from utxoiq_persistence.archive.sealing import PersonKey
from utxoiq_persistence.archive.settings import RetentionSettings
from utxoiq_persistence.archive.tables import BACKFILL_JOBS, INSIGHT_FEEDBACK, SYSTEM_METRICS, TABLES, ArchivedTable
from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.errors import DatabaseUnavailable, PersistenceError, RuleBroken
from utxoiq_persistence.metrics import folding, partitions, sketches
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.writes.audit import AuditLog

_SQL = load("retention")
_RUNS = load("retention_runs")
# How many cache tags one call invalidates.
TAGS = 500

_log = logging.getLogger(__name__)

Status = Literal["success", "partial", "failed"]
TableName = Literal["backfill_jobs", "insight_feedback", "system_metrics"]


class RunInProgress(PersistenceError):
    """Another run is at work on the table."""


class TableTallies(Struct):
    """What was done with the rows of each table."""

    backfill_jobs: Tally
    feedback: Tally
    metrics: Tally


class RetentionReport(Struct):
    """The result of a run. partial: the next run continues. failed: a table failed, the others were processed."""

    status: Status
    message: str
    results: TableTallies


class UpkeepResult(Struct):
    """What the upkeep of months did.

    Attributes:
        made: The months whose partitions were created, as YYYY-MM.
        dropped: The archived months that were dropped, as YYYY-MM.
        deleted: How many rows were dropped with them.
        audit_made: The months of the audit log whose partitions were created, as YYYY-MM.
        audit_dropped: The partitions of the audit log that were dropped.
        audit_deleted: How many entries were deleted of its partitions that hold several months.
        forgotten: How many records of objects were deleted that the archive has no more.
    """

    made: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    deleted: int = 0
    audit_made: list[str] = field(default_factory=list)
    audit_dropped: list[str] = field(default_factory=list)
    audit_deleted: int = 0
    forgotten: int = 0


@dataclass(frozen=True)
class Retention:
    """Archives, deletes and restores rows, table by table, each under a lock that ends with its connection."""

    database: Database
    cache: Cache
    archive: ArchiveBucket
    settings: RetentionSettings

    async def run(self, caller: str, *, dry_run: bool = False) -> RetentionReport:
        """Process every table, even if another one fails. Return what was done.

        With dry_run, only count the rows that would be archived and deleted. Raises DatabaseUnavailable if the run
        could not begin.
        """
        ((run_id,),) = await self.database.fetch(_RUNS["begin_run"], caller=caller, dry_run=dry_run)
        deadline = self._deadline()
        tables = (BACKFILL_JOBS, INSIGHT_FEEDBACK, SYSTEM_METRICS)
        report = _report(
            [await self._expire_table(table, deadline, dry_run=dry_run) for table in tables], dry_run=dry_run
        )
        _log.log(logging.ERROR if report.status == "failed" else logging.INFO, "retention: %s", report.message)
        try:
            await self._record(run_id, report, dry_run=dry_run)
        except DatabaseUnavailable as error:
            _log.warning("the result of run %d could not be recorded: %s", run_id, error)
        return report

    async def upkeep(self) -> UpkeepResult:
        """Create partitions ahead of need, move stray rows to them, and drop the months that are archived completely.

        The audit log loses the months that are older than it is kept, and the ledger the objects that have ended.
        Return what was done. Raises RunInProgress, ColumnsDiffer, ArchiveUnavailable, DatabaseUnavailable.
        """
        upkeep = UpkeepResult()
        deadline = self._deadline()

        def work(session: Session) -> None:
            upkeep.made += [
                f"{first:%Y-%m}" for first in partitions.ensure_months(session, self._expires(SYSTEM_METRICS))
            ]
            folded = folding.fold(session, deadline)
            tally = Tally()
            with _locked(session, SYSTEM_METRICS):
                months = month_expiry.drop_archived(self._expiry(session, SYSTEM_METRICS, deadline, tally))
            upkeep.dropped += [f"{month.first:%Y-%m}" for month in months]
            upkeep.deleted += tally.deleted
            # Sketches of rows that arrived late, for hours long past.
            sketches.fill(session, self._expires(SYSTEM_METRICS), folded, deadline)
            upkeep.audit_made += housekeeping.ensure_audit_months(session)
            dropped, deleted = housekeeping.expire_audit_log(session, self.settings.audit_days, deadline)
            upkeep.audit_dropped += dropped
            upkeep.audit_deleted += deleted
            upkeep.forgotten += housekeeping.forget_ended_objects(session, self.archive, self.settings, deadline)

        await self.database.work("upkeep_of_months", work, idempotent=True)
        if any(getattr(upkeep, name) for name in upkeep.__struct_fields__):
            await self._audit.append("retention.partitions", None, **msgspec.structs.asdict(upkeep))
        return upkeep

    async def archived_days(self, table: TableName | None, most: int) -> list[ledger.ArchivedDay]:
        """Return what the archive has by day, newest first: of one table, or of all; at most so many.

        Raises DatabaseUnavailable.
        """
        return await self.database.work(
            "archived_days", lambda session: ledger.list_days(session, table, most), idempotent=True
        )

    async def restore(self, table: TableName, start: datetime, end: datetime, keep_days: int) -> RestoreResult:
        """Restore the archived rows with start <= time < end; rows that are in the table already are left.

        Retention keeps them for `keep_days` days. Return what was done. Raises RuleBroken if the range ends before it
        starts, RunInProgress, ColumnsDiffer, ArchiveUnavailable, DatabaseUnavailable.
        """
        if end <= start:
            raise RuleBroken("end_time is not after start_time")
        deadline = self._deadline()

        def work(session: Session) -> RestoreResult:
            with _locked(session, TABLES[table]):
                return restoring.restore(session, self.archive, TABLES[table], start, end, keep_days, deadline)

        restored = await self.database.work("restore", work, idempotent=True)
        await self._audit.append("retention.restore", table, start=start, end=end, rows=restored.restored)
        return restored

    async def find_persons(self, persons: Sequence[UUID]) -> list[PersonKey]:
        """Return the keys of persons whom objects of the archive name, without those of erased ones.

        Each call is audited. Raises DatabaseUnavailable.
        """
        await self._audit.append("retention.persons", None, persons=len(persons))
        return await self.database.work(
            "find_persons", lambda session: person_keys.find(session, persons), idempotent=True
        )

    async def query(self, table: TableName, start: datetime, end: datetime, sql: str) -> QueryAnswer:
        """Return what an operator's SQL answers over the archived days that have rows with start <= time < end.

        Each call is audited. Raises QueryRefused, RuleBroken, ArchiveUnavailable, DatabaseUnavailable.
        """
        querying.check_range(start, end)
        objects = await self.database.work(
            "queried_objects", lambda session: ledger.list_between(session, table, start, end), idempotent=True
        )
        await self._audit.append("retention.query", table, start=start, end=end, objects=len(objects))
        return await asyncio.to_thread(querying.run, self.archive, TABLES[table], objects, sql)

    @property
    def _audit(self) -> AuditLog:
        return AuditLog(self.database)

    async def _record(self, run_id: int, report: RetentionReport, *, dry_run: bool) -> None:
        results = msgspec.json.encode(report.results).decode()
        await self.database.fetch(_RUNS["end_run"], idempotent=True, id=run_id, status=report.status, results=results)
        if not dry_run:
            await self._audit.append("retention.run", None, status=report.status, results=report.results)

    async def _expire_table(self, table: ArchivedTable, deadline: float, *, dry_run: bool) -> Tally:
        tally = Tally()
        removed: list[UUID] = []

        def work(session: Session) -> None:
            if dry_run:
                column_check.check(session, table.listed)
                self._count(session, table, tally)
                return
            if table is SYSTEM_METRICS:
                partitions.ensure_months(session, self._expires(table))
                if folding.fold(session, deadline) < self._expires(table):
                    # What is not folded is read from its rows, so they stay.
                    tally.details.append("rollups are behind; the next run continues")
                    return
            with _locked(session, table):
                expiry = self._expiry(session, table, deadline, tally, removed)
                if table is SYSTEM_METRICS:
                    month_expiry.expire_months(expiry)
                else:
                    expire_rows(expiry)
                if table.is_personal:
                    resealing.seal_clear_objects(expiry)

        try:
            await self.database.work(f"retention_{table.name}", work, idempotent=True)
        except RunInProgress as error:
            tally.details.append(str(error))
        except Exception as error:
            # Whatever it is, it must not keep the other tables from being processed.
            _log.exception("retention of %s failed", table.name)
            known = isinstance(error, PersistenceError)
            tally.errors += 1
            tally.details.append(str(error) if known else "something went wrong on our side; it is logged")
        if table is BACKFILL_JOBS:
            await self._invalidate(removed)
        return tally

    async def _invalidate(self, job_ids: list[UUID]) -> None:
        """Drop these jobs from the caches of all instances."""
        tags = [jobs.tag(job_id) for job_id in job_ids]
        for start in range(0, len(tags), TAGS):
            async with self.cache.changing(tags[start : start + TAGS]):
                pass

    def _count(self, session: Session, table: ArchivedTable, tally: Tally) -> None:
        expiry = self._expiry(session, table, self._deadline(), tally)
        tally.archived = sum(expiry.count_by_day().values())
        if table is SYSTEM_METRICS:
            tally.archived += sum(
                month_expiry.count_rows(session, month) for month in month_expiry.list_due_months(expiry)
            )
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
        """Return the time before which rows expire: a midnight (UTC), for system_metrics the beginning of a month."""
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
    """Hold the table's lock, which also ends with the connection. Raises RunInProgress, ColumnsDiffer."""
    ((is_free,),) = session.run(_SQL["lock"], table_name=table.name)
    if not is_free:
        raise RunInProgress(f"another run is at work on {table.name}")
    try:
        column_check.check(session, table.listed)
        yield
    finally:
        if not session.broken:
            session.run(_SQL["unlock"], table_name=table.name)


def _report(tallies: list[Tally], *, dry_run: bool) -> RetentionReport:
    results = TableTallies(*tallies)
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
    return RetentionReport("failed" if errors else "partial" if left else "success", message, results)
