"""What has expired goes to the archive, months of metrics come and go, and archived rows are brought back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from utxoiq_http import answer
from utxoiq_http.access import MAINTENANCE, Access
from utxoiq_http.answer import Answer
from utxoiq_http.app import App
from utxoiq_http.problems import Problem
from utxoiq_http.routes import Call, Route
from utxoiq_http.serving import app_over_store
from utxoiq_persistence import times
from utxoiq_persistence.archive.archiving import ArchiveCorrupt
from utxoiq_persistence.archive.bucket import ArchiveBucket, ArchiveUnavailable
from utxoiq_persistence.archive.column_check import ColumnsDiffer
from utxoiq_persistence.archive.retention import Retention, RunInProgress, TableName
from utxoiq_persistence.archive.settings import RetentionSettings
from utxoiq_persistence.records import Moment
from utxoiq_persistence.store import Store

PATH = "/api/v1/monitoring/retention"
RETRY_SECONDS = 30

Count = Annotated[int, Meta(ge=0)]
MonthName = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}$")]


class RunQuery(Struct, frozen=True, forbid_unknown_fields=True):
    dry_run: Annotated[Literal["true", "false"], Meta(description="Only say how many rows would go.")] = "false"


class RestoreOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Rows with start_time <= time < end_time; keep_days: how long retention leaves them."""

    table: TableName
    start_time: Moment
    end_time: Moment
    keep_days: Annotated[int, Meta(ge=1, le=365)] = 30


class TallyShown(Struct, forbid_unknown_fields=True):
    """details: what went wrong, and what is left for the next run."""

    archived: Count
    deleted: Count
    errors: Count
    details: list[str]


class ResultsShown(Struct, forbid_unknown_fields=True):
    backfill_jobs: TallyShown
    feedback: TallyShown
    metrics: TallyShown


class RunShown(Struct, forbid_unknown_fields=True):
    """partial: something is left for the next run. failed: something went wrong; the other tables were seen to."""

    status: Literal["success", "partial", "failed"]
    message: str
    results: ResultsShown


class MonthsShown(Struct, forbid_unknown_fields=True):
    """deleted: the rows of the months that were dropped, all of which are in the archive."""

    status: Literal["success"]
    message: str
    made: list[MonthName]
    dropped: list[MonthName]
    deleted: Count


class RestoredShown(Struct, forbid_unknown_fields=True):
    """restored: rows that were not in the table. continue_from: the time was up; another call starts there."""

    status: Literal["success", "partial"]
    message: str
    restored: Count
    objects: Count
    continue_from: datetime | None


@dataclass(frozen=True)
class Desk:
    store: Store
    retention: Retention

    async def parts(self) -> Mapping[str, str]:
        return await self.store.parts()


async def run(desk: Desk, call: Call[RunQuery, None]) -> Answer:
    """Archive and delete what has expired. What a call has no time for, the next one does. For the scheduler."""
    report = await desk.retention.run(call.caller.name, dry_run=call.parameters.dry_run == "true")
    return answer.of_value(200, report)


async def partitions(desk: Desk, _: Call[None, None]) -> Answer:
    """Make the metrics' months ahead of need, and drop those that have expired and are archived. For the scheduler."""
    with _refusals():
        upkeep = await desk.retention.upkeep()
    message = f"{len(upkeep.made)} months made, {len(upkeep.dropped)} dropped"
    return answer.of_value(
        200,
        {
            "status": "success",
            "message": message,
            "made": upkeep.made,
            "dropped": upkeep.dropped,
            "deleted": upkeep.deleted,
        },
    )


async def restore(desk: Desk, call: Call[None, RestoreOrder]) -> Answer:
    """Bring archived rows back into their table. What is there already stays as it is."""
    order = call.body
    with _refusals():
        restored = await desk.retention.restore(order.table, order.start_time, order.end_time, order.keep_days)
    is_done = restored.continue_from is None
    return answer.of_value(
        200,
        {
            "status": "success" if is_done else "partial",
            "message": f"{restored.restored} rows of {order.table} restored from {restored.objects} objects",
            "restored": restored.restored,
            "objects": restored.objects,
            "continue_from": None if restored.continue_from is None else times.spell(restored.continue_from),
        },
    )


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except RunInProgress as error:
        raise Problem(409, f"{error}; try again when it has ended") from None
    except ColumnsDiffer as error:
        raise Problem(409, str(error)) from error
    except ArchiveUnavailable as error:
        raise Problem(503, str(error), headers=[(b"retry-after", b"%d" % RETRY_SECONDS)]) from error
    except ArchiveCorrupt as error:
        raise Problem(502, str(error)) from error


def app_of_retention(environment: Mapping[str, str]) -> App[Desk]:
    """Raises ConfigurationError, which names the variable."""
    settings = RetentionSettings.from_environment(environment)

    def desk(store: Store) -> Desk:
        archive = ArchiveBucket(settings.project, settings.bucket)
        return Desk(store, Retention(store.database, store.cache, archive, settings))

    return app_over_store("retention", ROUTES, environment, desk)


ROUTES = (
    Route(
        method="POST",
        path=f"{PATH}/run",
        handler=run,
        access=MAINTENANCE,
        parameters=RunQuery,
        answer=RunShown,
    ),
    Route(
        method="POST",
        path=f"{PATH}/partitions",
        handler=partitions,
        access=MAINTENANCE,
        answer=MonthsShown,
        problems=(409,),
    ),
    Route(
        method="POST",
        path=f"{PATH}/restore",
        handler=restore,
        access=Access(),
        body=RestoreOrder,
        answer=RestoredShown,
        problems=(400, 409, 502),
        example={
            "table": "system_metrics",
            "start_time": "2026-01-01T00:00:00Z",
            "end_time": "2026-01-08T00:00:00Z",
            "keep_days": 14,
        },
    ),
)
