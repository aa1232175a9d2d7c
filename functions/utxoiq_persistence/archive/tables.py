"""The tables that the archive takes rows of, typed as they are in the database."""

from dataclasses import dataclass

import pyarrow as pa

INSTANT = pa.timestamp("us", tz="UTC")
UUID = pa.uuid()
JSON = pa.json_(pa.utf8())


@dataclass(frozen=True)
class ArchivedTable:
    """moments: a row's time is the first of these columns that has a value; its day there is its day in the archive."""

    name: str
    schema: pa.Schema
    moments: tuple[str, ...]

    @property
    def columns(self) -> str:
        return ", ".join(f'"{name}"' for name in self.schema.names)


def _schema(**types: pa.DataType | tuple[pa.DataType]) -> pa.Schema:
    """A type in brackets takes null."""
    return pa.schema(
        pa.field(name, kind[0]) if isinstance(kind, tuple) else pa.field(name, kind, nullable=False)
        for name, kind in types.items()
    )


BACKFILL_JOBS = ArchivedTable(
    "backfill_jobs",
    _schema(
        id=UUID,
        job_type=pa.string(),
        start_block=pa.int64(),
        end_block=pa.int64(),
        current_block=pa.int64(),
        status=pa.string(),
        progress_percentage=pa.float64(),
        estimated_completion=(INSTANT,),
        error_message=(pa.string(),),
        started_at=INSTANT,
        completed_at=(INSTANT,),
        created_by=(pa.string(),),
        version=pa.int32(),
    ),
    moments=("completed_at", "started_at"),
)
INSIGHT_FEEDBACK = ArchivedTable(
    "insight_feedback",
    _schema(
        id=UUID,
        insight_id=pa.string(),
        user_id=pa.string(),
        rating=(pa.int16(),),
        comment=(pa.string(),),
        flag_type=(pa.string(),),
        flag_reason=(pa.string(),),
        created_at=INSTANT,
        updated_at=INSTANT,
    ),
    moments=("updated_at",),
)
SYSTEM_METRICS = ArchivedTable(
    "system_metrics",
    _schema(
        id=UUID,
        service_name=pa.string(),
        metric_type=pa.string(),
        metric_value=pa.float64(),
        unit=pa.string(),
        timestamp=INSTANT,
        metric_metadata=(JSON,),
    ),
    moments=("timestamp",),
)
TABLES = {table.name: table for table in (BACKFILL_JOBS, INSIGHT_FEEDBACK, SYSTEM_METRICS)}
