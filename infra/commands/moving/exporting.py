"""The way back: what was written here since the switch, in the old system's tables, for as long as both are kept."""

import io
from typing import Any

from pg8000.native import literal

from commands.errors import CommandFailed
from commands.moving.arriving import report
from commands.moving.blocks import Blocks
from commands.moving.importing import note_in_audit_log, prepare, show_reasons
from commands.moving.old_system import connect
from commands.output import Output
from commands.recover.database import FAILURES, Database, describe_error

# Rows that no import brought, and rows that were written again since. `here` and `columns` are in one order.
TABLES: dict[str, dict[str, str]] = {
    "backfill_jobs": {
        "changed": "known.mark <> here.version::text",
        "columns": "id uuid, job_type text, start_block bigint, end_block bigint, current_block bigint, status text, "
        "progress_percentage float8, estimated_completion timestamp, error_message text, started_at timestamp, "
        "completed_at timestamp, created_by text",
        "here": "here.id, job_type, start_block, end_block, current_block, status, progress_percentage, "
        "estimated_completion AT TIME ZONE 'UTC', error_message, started_at AT TIME ZONE 'UTC', "
        "completed_at AT TIME ZONE 'UTC', created_by",
        "misfit": "SELECT id::text, 'its blocks are beyond what the old column holds' FROM back "
        "WHERE end_block > 2147483647",
        "store": """
            INSERT INTO backfill_jobs AS job (
                id, job_type, start_block, end_block, current_block, status, progress_percentage,
                estimated_completion, error_message, started_at, completed_at, created_by)
            SELECT * FROM back WHERE end_block <= 2147483647
            ON CONFLICT (id) DO UPDATE SET
                current_block = excluded.current_block, status = excluded.status,
                progress_percentage = excluded.progress_percentage,
                estimated_completion = excluded.estimated_completion, error_message = excluded.error_message,
                completed_at = excluded.completed_at""",
    },
    "insight_feedback": {
        "changed": "known.mark <> here.updated_at::text",
        "columns": "id uuid, insight_id text, user_id text, rating integer, comment text, flag_type text, "
        "flag_reason text, created_at timestamp, updated_at timestamp",
        "here": "here.id, insight_id, user_id, rating, comment, flag_type, flag_reason, "
        "created_at AT TIME ZONE 'UTC', updated_at AT TIME ZONE 'UTC'",
        "misfit": "SELECT id::text, 'the old system has no user with this firebase_uid' FROM back "
        "WHERE NOT EXISTS (SELECT FROM users WHERE firebase_uid = back.user_id)",
        "store": """
            INSERT INTO insight_feedback AS feedback (
                id, insight_id, user_id, rating, comment, flag_type, flag_reason, created_at, updated_at)
            SELECT back.id, insight_id, users.id::text, rating, comment, flag_type, flag_reason,
                   back.created_at, back.updated_at
            FROM back JOIN users ON firebase_uid = back.user_id
            ON CONFLICT (insight_id, user_id) DO UPDATE SET
                rating = excluded.rating, comment = excluded.comment, flag_type = excluded.flag_type,
                flag_reason = excluded.flag_reason, updated_at = excluded.updated_at""",
    },
    "system_metrics": {
        "changed": "false",
        "columns": "id uuid, service_name text, metric_type text, metric_value float8, unit text, "
        '"timestamp" timestamp, metric_metadata jsonb',
        "here": "here.id, service_name, metric_type, metric_value, unit, \"timestamp\" AT TIME ZONE 'UTC', "
        "metric_metadata",
        "misfit": "SELECT id::text, '' FROM back WHERE false",
        "store": """
            INSERT INTO system_metrics (
                id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata)
            SELECT * FROM back ON CONFLICT (id) DO NOTHING""",
    },
}
_HERE = """
    FROM {0} AS here LEFT JOIN moving.imported AS known ON known.table_name = '{0}' AND known.id = here.id
    WHERE known.id IS NULL OR {1}"""


def bring_back(url: str, live: Database, notes: Database, output: Output) -> dict[str, Any]:
    """Write to the old database what was written here since the switch; return what became of it. Raises CommandFailed.

    notes: a second session here, which takes the report while the first is read. May be done again.
    """
    prepare(live)
    old = connect(url, Database)
    try:
        live.run("START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        tables = {name: _Returning(name, old, live, notes).run(output) for name in TABLES}
        live.run("COMMIT")
    finally:
        old.close()
    note_in_audit_log(notes, "export.tables", {name: row["written"] for name, row in tables.items()})
    output.table(
        "What went back",
        ("table", "written here since", "in the old table now", "in the report"),
        [[name, *(f"{number:,}" for number in row.values())] for name, row in tables.items()],
    )
    return {"tables": tables, "reasons": show_reasons(notes, output)}


class _Returning:
    """Brings back the rows of one table."""

    def __init__(self, name: str, old: Database, live: Database, notes: Database) -> None:
        self._name, self._old, self._live, self._notes = name, old, live, notes
        self._table = TABLES[name]
        self._written = self._reported = 0

    def run(self, output: Output) -> dict[str, int]:
        origin = _HERE.format(self._name, self._table["changed"])
        total = int(self._live.rows(f"SELECT count(*) {origin}")[0][0])
        self._notes.run(f"DELETE FROM moving.report WHERE table_name = {literal(self._reported_as)}")  # noqa: S608
        self._on_old("DROP TABLE IF EXISTS back")
        self._on_old(f"CREATE TEMPORARY TABLE back ({self._table['columns']}) ON COMMIT DELETE ROWS")
        with output.progress(self._name, total) as advance:

            def take(block: bytes, rows: int) -> None:
                self._take(block)
                advance(rows)

            blocks = Blocks(take)
            self._live.run(f"COPY (SELECT {self._table['here']} {origin}) TO STDOUT", stream=blocks)  # type: ignore[arg-type]
            blocks.flush()
        return {"since": total, "written": self._written, "reported": self._reported}

    @property
    def _reported_as(self) -> str:
        return f"{self._name}, on its way back"

    def _take(self, block: bytes) -> None:
        self._on_old("START TRANSACTION")
        self._on_old("COPY back FROM STDIN", block)
        misfits = self._old.rows(self._table["misfit"])
        self._written += self._on_old(self._table["store"])
        self._on_old("COMMIT")
        for identifier, reason in misfits:
            report(self._notes, self._reported_as, identifier, reason)
        self._reported += len(misfits)

    def _on_old(self, statement: str, block: bytes | None = None) -> int:
        try:
            return self._old.run(statement, stream=None if block is None else io.BytesIO(block))
        except FAILURES as error:
            raise CommandFailed(
                f"{self._name}: the old database refused, and has what went before: {describe_error(error)}",
                remedy="Run the same again.",
            ) from error
