"""What moves: each table's columns, which of its rows fit, and the statements that write those that do.

Old rows come into a temporary table, `coming`, a block at a time. One statement judges all of a block: a row has a
reason why it does not fit, or none.
"""

from dataclasses import dataclass

from pg8000.native import literal

# The times that answers can spell.
_SPELLABLE = "{0} < '0001-01-01' OR {0} > '9999-12-31 23:59:59.999999'"


@dataclass(frozen=True)
class MovedTable:
    """A table that moves.

    Attributes:
        columns: The old columns and their types here, in which they come; the first ones are the key, the id the last
            of it, by which a run that was stopped goes on.
        key: The names of those.
        select: What makes each column of an old row, where that is not the column itself.
        reasons: Conditions under which a row does not fit, each with the reason; the first that holds is given.
        prepare: Run before rows are judged; empty for nothing.
        store: Writes the rows of `coming` that are new, and notes in moving.imported those that it wrote.
        update: Writes the rows of `coming` that have changed, and notes it; None where rows never change.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    select: dict[str, str]
    reasons: tuple[tuple[str, str], ...]
    store: str
    update: str | None = None
    prepare: str = ""

    def query(self, after: list[str] | None) -> str:
        """Return the query for the old rows in the order of their key, those after a key or all."""
        columns = ", ".join(self.select.get(name, _quoted(name)) for name in self.columns)
        key = ", ".join(map(_quoted, self.key))
        return f"SELECT {columns} {self.origin(after)} ORDER BY {key}"

    def origin(self, after: list[str] | None) -> str:
        """Return the end of a query for the old rows, those after a key or all."""
        key = ", ".join(map(_quoted, self.key))
        where = ""
        if after is not None:
            values = ", ".join(
                f"{literal(value)}::{self.columns[name]}" for name, value in zip(self.key, after, strict=True)
            )
            # What has no time comes last.
            where = f" WHERE ({key}) > ({values}) OR {_quoted(self.key[0])} IS NULL"
        return f"FROM {self.name}{where}"

    def create(self) -> str:
        """Return the statement that makes the temporary table `coming`."""
        columns = ", ".join(f"{_quoted(name)} {kind}" for name, kind in self.columns.items())
        return f"CREATE TEMPORARY TABLE coming ({columns}, source bigint, reason text) ON COMMIT DELETE ROWS"

    def copy(self) -> str:
        """Return the statement that takes a block of rows in."""
        return f"COPY coming ({', '.join(map(_quoted, self.columns))}) FROM STDIN"

    def judge(self) -> str:
        """Return the statement that gives each row of `coming` its hash and, if it does not fit, the reason."""
        cases = " ".join(f"WHEN {condition} THEN '{reason}'" for condition, reason in self.reasons)
        row = ", ".join(map(_quoted, self.columns))
        source = f"hash_record_extended(ROW({row}), 0)" if self.update else "NULL"
        return f"UPDATE coming SET source = {source}, reason = CASE {cases} END"  # noqa: S608 - all of it is ours


def _quoted(name: str) -> str:
    return f'"{name}"'


def _out_of_range(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((_SPELLABLE.format(_quoted(name)), f"{name} lies outside the years 1 to 9999") for name in names)


BACKFILL_JOBS = MovedTable(
    name="backfill_jobs",
    columns={
        "id": "uuid",
        "job_type": "text",
        "start_block": "bigint",
        "end_block": "bigint",
        "current_block": "bigint",
        "status": "text",
        "progress_percentage": "double precision",
        "estimated_completion": "timestamp",
        "error_message": "text",
        "started_at": "timestamp",
        "completed_at": "timestamp",
        "created_by": "text",
    },
    key=("id",),
    select={"error_message": "nullif(error_message, '')", "created_by": "nullif(created_by, '')"},
    reasons=(
        ("coalesce(job_type, '') = ''", "job_type is empty"),
        ("length(job_type) > 50", "job_type has more than 50 characters"),
        ("start_block IS NULL OR end_block IS NULL OR current_block IS NULL", "a block is missing"),
        ("start_block < 0", "start_block is negative"),
        ("end_block < start_block", "end_block is before start_block"),
        ("current_block < start_block", "current_block is before start_block"),
        ("current_block > end_block", "current_block is beyond end_block"),
        (
            "coalesce(status, '') NOT IN ('running', 'paused', 'completed', 'failed')",
            "status is none of running, paused, completed and failed",
        ),
        # NaN is more than every number.
        (
            "progress_percentage < 0 OR progress_percentage > 100",
            "progress_percentage is not a number from 0 to 100",
        ),
        ("length(error_message) > 2000", "error_message has more than 2000 characters"),
        ("length(created_by) > 100", "created_by has more than 100 characters"),
        ("started_at IS NULL", "started_at is missing"),
        ("status = 'completed' AND completed_at IS NULL", "is completed without completed_at"),
        *_out_of_range("started_at", "completed_at", "estimated_completion"),
    ),
    # A job that goes on has not ended: completed_at is of an earlier ending there.
    store="""
        WITH stored AS (
            INSERT INTO backfill_jobs (
                id, job_type, start_block, end_block, current_block, status, progress_percentage,
                estimated_completion, error_message, started_at, completed_at, created_by)
            SELECT id, job_type, start_block, end_block, current_block, status,
                   coalesce(progress_percentage, CASE WHEN status = 'completed' THEN 100 ELSE 0 END),
                   estimated_completion AT TIME ZONE 'UTC', error_message, started_at AT TIME ZONE 'UTC',
                   CASE WHEN status IN ('completed', 'failed') THEN completed_at AT TIME ZONE 'UTC' END, created_by
            FROM coming WHERE NOT EXISTS (
                SELECT FROM moving.imported AS known WHERE table_name = 'backfill_jobs' AND known.id = coming.id)
            ON CONFLICT DO NOTHING
            RETURNING id, version
        )
        INSERT INTO moving.imported (table_name, id, source, mark)
        SELECT 'backfill_jobs', id, source, version::text FROM stored JOIN coming USING (id)""",
    update="""
        WITH changed AS (
            UPDATE backfill_jobs AS job SET
                job_type = coming.job_type, start_block = coming.start_block, end_block = coming.end_block,
                current_block = coming.current_block, status = coming.status,
                progress_percentage = coalesce(
                    coming.progress_percentage, CASE WHEN coming.status = 'completed' THEN 100 ELSE 0 END),
                estimated_completion = coming.estimated_completion AT TIME ZONE 'UTC',
                error_message = coming.error_message, started_at = coming.started_at AT TIME ZONE 'UTC',
                completed_at = CASE WHEN coming.status IN ('completed', 'failed')
                    THEN coming.completed_at AT TIME ZONE 'UTC' END,
                created_by = coming.created_by, version = job.version + 1
            FROM coming JOIN moving.imported AS known ON known.table_name = 'backfill_jobs' AND known.id = coming.id
            WHERE job.id = coming.id AND known.source <> coming.source AND job.version::text = known.mark
            RETURNING job.id, job.version, coming.source
        )
        UPDATE moving.imported AS known SET source = changed.source, mark = changed.version::text
        FROM changed WHERE known.table_name = 'backfill_jobs' AND known.id = changed.id""",
)

INSIGHT_FEEDBACK = MovedTable(
    name="insight_feedback",
    columns={
        "id": "uuid",
        "insight_id": "text",
        "user_id": "text",
        "rating": "integer",
        "comment": "text",
        "flag_type": "text",
        "flag_reason": "text",
        "created_at": "timestamp",
        "updated_at": "timestamp",
    },
    key=("id",),
    select={name: f"nullif({name}, '')" for name in ("comment", "flag_type", "flag_reason")},
    # user_id is the text of an old user's id; the token's subject takes its place before a row is judged.
    prepare="""
        UPDATE coming SET user_id = (
            SELECT coalesce(firebase_uid, '') FROM old_users WHERE id = lower(coming.user_id))""",
    reasons=(
        ("coalesce(insight_id, '') = ''", "insight_id is empty"),
        ("length(insight_id) > 100", "insight_id has more than 100 characters"),
        ("user_id IS NULL", "user_id is the id of no user"),
        ("user_id = ''", "its user has no firebase_uid"),
        ("length(user_id) > 100", "the firebase_uid of its user has more than 100 characters"),
        ("rating NOT BETWEEN 1 AND 5", "rating is not from 1 to 5"),
        ("length(comment) > 1000", "comment has more than 1000 characters"),
        (
            "flag_type NOT IN ('inaccurate', 'misleading', 'spam')",
            "flag_type is none of inaccurate, misleading and spam",
        ),
        ("length(flag_reason) > 500", "flag_reason has more than 500 characters"),
        ("created_at IS NULL OR updated_at IS NULL", "created_at or updated_at is missing"),
        *_out_of_range("created_at", "updated_at"),
    ),
    store="""
        WITH stored AS (
            INSERT INTO insight_feedback (
                id, insight_id, user_id, rating, comment, flag_type, flag_reason, created_at, updated_at)
            SELECT id, insight_id, user_id, rating, comment, flag_type, flag_reason,
                   created_at AT TIME ZONE 'UTC', updated_at AT TIME ZONE 'UTC'
            FROM coming WHERE NOT EXISTS (
                SELECT FROM moving.imported AS known WHERE table_name = 'insight_feedback' AND known.id = coming.id)
            ORDER BY insight_id, user_id
            ON CONFLICT DO NOTHING
            RETURNING id, updated_at
        )
        INSERT INTO moving.imported (table_name, id, source, mark)
        SELECT 'insight_feedback', id, source, stored.updated_at::text FROM stored JOIN coming USING (id)""",
    update="""
        WITH changed AS (
            UPDATE insight_feedback AS feedback SET
                rating = coming.rating, comment = coming.comment, flag_type = coming.flag_type,
                flag_reason = coming.flag_reason, created_at = coming.created_at AT TIME ZONE 'UTC',
                updated_at = coming.updated_at AT TIME ZONE 'UTC'
            FROM coming JOIN moving.imported AS known ON known.table_name = 'insight_feedback' AND known.id = coming.id
            WHERE feedback.id = coming.id AND known.source <> coming.source
              AND feedback.updated_at::text = known.mark
            RETURNING feedback.id, feedback.updated_at, coming.source
        )
        UPDATE moving.imported AS known SET source = changed.source, mark = changed.updated_at::text
        FROM changed WHERE known.table_name = 'insight_feedback' AND known.id = changed.id""",
)

# The one statement that writes old metrics. What is late is noted by the table's trigger, and folded as anything late.
_STORE_METRICS = """
    WITH fitting AS MATERIALIZED (
        SELECT id, service_name, metric_type, metric_value, unit, "timestamp" AT TIME ZONE 'UTC' AS "timestamp",
               metric_metadata
        FROM coming WHERE NOT EXISTS (
            SELECT FROM moving.imported AS known WHERE table_name = 'system_metrics' AND known.id = coming.id)
    ), named AS MATERIALIZED (
        SELECT array_agg(service_name::varchar) AS services, array_agg(metric_type::varchar) AS types,
               array_agg(unit::varchar) AS units
        FROM (SELECT DISTINCT service_name, metric_type, unit FROM fitting) AS one_each
    ), numbered AS MATERIALIZED (
        SELECT service_name, metric_type, unit, series FROM named CROSS JOIN LATERAL ROWS FROM (
            unnest(services, types, units), metric_series_ids(services, types, units, NULL)
        ) AS listed (service_name, metric_type, unit, series)
    ), stored AS (
        INSERT INTO metric_points (series, "timestamp", id, metric_value, metric_metadata)
        SELECT series, "timestamp", id, metric_value, metric_metadata
        FROM fitting JOIN numbered USING (service_name, metric_type, unit)
        ON CONFLICT DO NOTHING
        RETURNING id
    )
    INSERT INTO moving.imported (table_name, id) SELECT 'system_metrics', id FROM stored"""

SYSTEM_METRICS = MovedTable(
    name="system_metrics",
    columns={
        "timestamp": "timestamp",
        "id": "uuid",
        "service_name": "text",
        "metric_type": "text",
        "metric_value": "double precision",
        "unit": "text",
        "metric_metadata": "jsonb",
    },
    key=("timestamp", "id"),
    select={"metric_metadata": "nullif(metric_metadata::jsonb, 'null')"},
    reasons=(
        ("coalesce(service_name, '') = ''", "service_name is empty"),
        ("length(service_name) > 100", "service_name has more than 100 characters"),
        ("coalesce(metric_type, '') = ''", "metric_type is empty"),
        ("length(metric_type) > 50", "metric_type has more than 50 characters"),
        (
            "metric_value IS NULL OR metric_value IN ('NaN', 'Infinity', '-Infinity')",
            "metric_value is not a finite number",
        ),
        ("unit IS NULL", "unit is missing"),
        ("length(unit) > 20", "unit has more than 20 characters"),
        ("jsonb_typeof(metric_metadata) <> 'object'", "metric_metadata is not an object"),
        ('"timestamp" IS NULL', "timestamp is missing"),
        *_out_of_range("timestamp"),
    ),
    store=_STORE_METRICS,
)

TABLES = (BACKFILL_JOBS, INSIGHT_FEEDBACK, SYSTEM_METRICS)
