"""The retention endpoints: archive expired rows, maintain the metrics' partitions, restore archived rows."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from utxoiq_http import answer
from utxoiq_http.access import MAINTENANCE, Access, require_scope
from utxoiq_http.answer import Answer
from utxoiq_http.answers import Count, Instant
from utxoiq_http.app import App
from utxoiq_http.problems import FieldError, Problem, invalid
from utxoiq_http.routes import Call, Route
from utxoiq_http.serving import create_app
from utxoiq_persistence import schedules, times
from utxoiq_persistence.archive.bucket import ArchiveBucket, ArchiveUnavailable
from utxoiq_persistence.archive.column_check import ColumnsDiffer
from utxoiq_persistence.archive.retention import Retention, RunInProgress, TableName
from utxoiq_persistence.archive.settings import RetentionSettings
from utxoiq_persistence.archive.sql_sandbox import QueryRefused
from utxoiq_persistence.records import Moment
from utxoiq_persistence.store import Store

PATH = "/api/v1/monitoring/retention"
READ = "metrics:read"
RETRY_SECONDS = 30

MonthName = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}$")]


class RunQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Holds the parameters of a retention run."""

    dry_run: Annotated[
        Literal["true", "false"], Meta(description="Report how many rows would be archived; change nothing.")
    ] = "false"


class ArchiveQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Selects what is listed of the archive."""

    table: Annotated[TableName, Meta(description="Of one table only.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many rows of the list at most.")] = 200


class ArchivedDayShown(Struct, forbid_unknown_fields=True):
    """Sums up the archived objects of one table, day and state.

    In the state `archived` the rows may still be in the table, in `removed` they are in the archive alone; `gone` are
    objects that the bucket has no more, and `writing` is under way.
    """

    table: TableName
    day: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", description="The day of the rows, in UTC.")]
    state: Literal["writing", "archived", "removed", "gone"]
    objects: Count
    rows: Count
    bytes: Count


class ArchiveShown(Struct, forbid_unknown_fields=True):
    """Lists what the archive has by table and day, newest first."""

    status: Literal["success"]
    days: list[ArchivedDayShown]


class RestoreOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Selects the archived rows to restore: those with start_time <= time < end_time.

    Retention keeps the restored rows for `keep_days` days.
    """

    table: TableName
    start_time: Moment
    end_time: Moment
    keep_days: Annotated[int, Meta(ge=1, le=365)] = 30


class ArchiveQuestion(Struct, frozen=True, forbid_unknown_fields=True):
    """Asks one table's archived days by SQL: the days that have rows with start_time <= time < end_time, as a whole."""

    table: TableName
    start_time: Moment
    end_time: Moment
    sql: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=10_000,
            description="One SELECT of DuckDB's over the table, which has its columns and `year`, `month`, `day`.",
        ),
    ]


class QueryAnswerShown(Struct, forbid_unknown_fields=True):
    """Has what a query of the archive answered, of at most 1,000 rows and 1 MiB.

    `is_cut` says that there are more rows than those. Values are text as DuckDB writes them, and what is encrypted of
    persons is null. The status `partial` means that objects could not be read: `gone` are those that the bucket has no
    more, `damaged` those that failed their integrity check.
    """

    status: Literal["success", "partial"]
    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]
    is_cut: bool
    objects: Count
    rows_read: Count
    gone: list[str]
    damaged: list[str]


class PersonsNamed(Struct, frozen=True, forbid_unknown_fields=True):
    """Names persons as objects of the archive do."""

    persons: Annotated[list[UUID], Meta(max_length=1000)]


class PersonShown(Struct, forbid_unknown_fields=True):
    """Tells who a person of the archive is, and the key of what the archive holds of that person, in base64."""

    person: UUID
    user_id: str
    key: bytes


class TallyShown(Struct, forbid_unknown_fields=True):
    """Counts the rows of one table that a run archived and deleted, and its errors.

    `details` says what went wrong and what is left for the next run.
    """

    archived: Count
    deleted: Count
    errors: Count
    details: list[str]


class ResultsShown(Struct, forbid_unknown_fields=True):
    """Has the counts of a run for each table."""

    backfill_jobs: TallyShown
    feedback: TallyShown
    metrics: TallyShown


class RunShown(Struct, forbid_unknown_fields=True):
    """Reports on a retention run.

    The status `partial` means that rows are left for the next run, `failed` that a table had errors; the run
    processed the other tables.
    """

    status: Literal["success", "partial", "failed"]
    message: str
    results: ResultsShown


class MonthsShown(Struct, forbid_unknown_fields=True):
    """Reports the months whose partitions were created and dropped.

    `deleted` counts the rows of the dropped months, all of which are in the archive. Those of the audit log end when
    they are older than it is kept: `audit_dropped` names their tables, and `audit_deleted` counts older entries of the
    tables that hold several months. `forgotten` counts records of objects that the archive has no more.
    """

    status: Literal["success"]
    message: str
    made: list[MonthName]
    dropped: list[MonthName]
    deleted: Count
    audit_made: list[MonthName]
    audit_dropped: list[str]
    audit_deleted: Count
    forgotten: Count


class RestoredShown(Struct, forbid_unknown_fields=True):
    """Reports on a restore.

    `restored` counts the rows that the table lacked. `continue_from` is set if the call ran out of time: restore again
    from there. `gone` names objects that the bucket has no more, such as those beyond the archive's age, and `damaged`
    those that failed their integrity check: what they held is not restored, and the status is `partial`.
    """

    status: Literal["success", "partial"]
    message: str
    restored: Count
    objects: Count
    continue_from: Instant | None
    gone: list[str]
    damaged: list[str]


@dataclass(frozen=True)
class RetentionService:
    """Combines what the retention endpoints work on: the store, and retention over its tables."""

    store: Store
    retention: Retention

    async def parts(self) -> Mapping[str, str]:
        """Return the state of each part that the function depends on, `ok` or `away`, by its name."""
        return await self.store.parts()


async def run_retention(service: RetentionService, call: Call[RunQuery, None]) -> Answer:
    """Archive and delete expired rows. A call that runs out of time leaves the rest to the next call.

    Called by Cloud Scheduler.
    """
    dry_run = call.parameters.dry_run == "true"
    report = await service.retention.run(call.caller.name, dry_run=dry_run)
    if not dry_run and report.status != "failed":
        await service.store.schedules.note_success(schedules.RETENTION)
    return answer.from_value(200, report)


async def maintain_partitions(service: RetentionService, _: Call[None, None]) -> Answer:
    """Create the metrics' partitions of coming months, and drop expired months that are archived.

    Called by Cloud Scheduler.
    """
    with _refusals():
        upkeep = await service.retention.upkeep()
    await service.store.schedules.note_success(schedules.PARTITIONS)
    message = f"{len(upkeep.made)} months made, {len(upkeep.dropped)} dropped"
    return answer.from_value(200, {"status": "success", "message": message, **msgspec.structs.asdict(upkeep)})


async def restore_archived_rows(service: RetentionService, call: Call[None, RestoreOrder]) -> Answer:
    """Restore archived rows into their table. Rows that the table already has are not changed."""
    order = call.body
    with _refusals():
        restored = await service.retention.restore(order.table, order.start_time, order.end_time, order.keep_days)
    is_done = restored.continue_from is None and not restored.gone and not restored.damaged
    message = f"{restored.restored} rows of {order.table} restored from {restored.objects} objects"
    for names, what in ((restored.gone, "gone from the bucket"), (restored.damaged, "damaged")):
        message += f"; {len(names)} objects are {what}" if names else ""
    return answer.from_value(
        200,
        {
            "status": "success" if is_done else "partial",
            "message": message,
            "restored": restored.restored,
            "objects": restored.objects,
            "continue_from": None if restored.continue_from is None else times.spell(restored.continue_from),
            "gone": restored.gone,
            "damaged": restored.damaged,
        },
    )


async def find_archived_persons(service: RetentionService, call: Call[None, PersonsNamed]) -> Answer:
    """Find out who persons of the archive are, with the keys that decrypt their rows. Erased persons are left out.

    For operators who query the archive; each call is audited.
    """
    found = await service.retention.find_persons(call.body.persons)
    return answer.from_value(200, [PersonShown(key.person, key.user_id, key.key) for key in found])


async def query_archive(service: RetentionService, call: Call[None, ArchiveQuestion]) -> Answer:
    """Ask the archive by SQL: one SELECT over at most 31 days of one table.

    For operators; it changes nothing, is bounded in rows, bytes and time, and each call is audited.
    """
    asked = call.body
    try:
        with _refusals():
            found = await service.retention.query(asked.table, asked.start_time, asked.end_time, asked.sql)
    except QueryRefused as refused:
        raise invalid(FieldError("sql", str(refused))) from None
    status = "partial" if found.gone or found.damaged else "success"
    return answer.from_value(200, {"status": status, **msgspec.structs.asdict(found)})


async def list_archive_days(service: RetentionService, call: Call[ArchiveQuery, None]) -> Answer:
    """List what the archive has by table and day: objects, rows, bytes, and their state."""
    found = await service.retention.archived_days(call.parameters.table, call.parameters.limit)
    days = [
        {
            "table": one.table,
            "day": one.day.isoformat(),
            "state": one.state,
            "objects": one.objects,
            "rows": one.row_count,
            "bytes": one.size,
        }
        for one in found
    ]
    return answer.from_value(200, {"status": "success", "days": days})


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise a Problem for each refusal of retention that a caller can act on."""
    try:
        yield
    except RunInProgress as error:
        raise Problem(409, f"{error}; try again when it has ended") from None
    except ColumnsDiffer as error:
        raise Problem(409, str(error)) from error
    except ArchiveUnavailable as error:
        raise Problem(503, str(error), headers=[(b"retry-after", b"%d" % RETRY_SECONDS)]) from error


def create_retention_app(environment: Mapping[str, str]) -> App[RetentionService]:
    """Return the app of the retention function. Raises ConfigurationError, which names the wrong variable."""
    settings = RetentionSettings.from_environment(environment)

    def create_service(store: Store) -> RetentionService:
        archive = ArchiveBucket(settings.project, settings.bucket)
        return RetentionService(store, Retention(store.database, store.cache, archive, settings))

    return create_app("retention", ROUTES, environment, create_service)


ROUTES = (
    Route(
        method="POST",
        path=f"{PATH}/run",
        handler=run_retention,
        access=MAINTENANCE,
        parameters=RunQuery,
        answer=RunShown,
    ),
    Route(
        method="POST",
        path=f"{PATH}/partitions",
        handler=maintain_partitions,
        access=MAINTENANCE,
        answer=MonthsShown,
        problems=(409,),
    ),
    Route(
        method="GET",
        path=f"{PATH}/archive",
        handler=list_archive_days,
        access=require_scope(READ),
        parameters=ArchiveQuery,
        answer=ArchiveShown,
    ),
    Route(
        method="POST",
        path=f"{PATH}/restore",
        handler=restore_archived_rows,
        access=Access(),
        takes_its_time=True,
        body=RestoreOrder,
        answer=RestoredShown,
        problems=(400, 409),
        example={
            "table": "system_metrics",
            "start_time": "2026-01-01T00:00:00Z",
            "end_time": "2026-01-08T00:00:00Z",
            "keep_days": 14,
        },
    ),
    Route(
        method="POST",
        path=f"{PATH}/query",
        handler=query_archive,
        access=Access(),
        body=ArchiveQuestion,
        answer=QueryAnswerShown,
        problems=(400,),
        example={
            "table": "system_metrics",
            "start_time": "2026-01-01T00:00:00Z",
            "end_time": "2026-01-08T00:00:00Z",
            "sql": "SELECT service_name, avg(metric_value) FROM system_metrics GROUP BY service_name",
        },
    ),
    Route(
        method="POST",
        path=f"{PATH}/persons",
        handler=find_archived_persons,
        access=Access(),
        body=PersonsNamed,
        answer=list[PersonShown],
        example={"persons": ["8a5e1d0c-2f7b-4c55-9a3e-7d1f0b6c2e94"]},
    ),
)
