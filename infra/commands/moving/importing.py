"""The old system's rows, brought here: table by table, as a stream, as often as one likes."""

import io
from typing import Any

from pg8000.exceptions import DatabaseError
from pg8000.native import literal

from commands.errors import CommandFailed
from commands.moving.arriving import Arriving, Tally, remember
from commands.moving.blocks import Blocks, read_key
from commands.moving.old_system import snapshot
from commands.moving.tables import SYSTEM_METRICS, TABLES, MovedTable
from commands.output import Output
from commands.recover.database import FAILURES, Database, describe_error

SESSION = ("SET TimeZone = 'UTC'", "SET DateStyle = 'ISO, YMD'", "SET statement_timeout = 0")
# The session of a run that was killed ends as soon as the server sees that nobody reads on.
LOCK_SECONDS = 30
LOCK = "SELECT pg_advisory_lock(hashtextextended('moving', 0))"
LOCK_NOT_AVAILABLE = "55P03"
# Metrics of these months get a partition each; those of others lie together, and are not lost.
MONTHS = """
    SELECT DISTINCT date_trunc('month', "timestamp")::text FROM system_metrics
    WHERE "timestamp" BETWEEN now()::timestamp - interval '5 years' AND now()::timestamp + interval '3 months'
    ORDER BY 1"""
REASONS = """
    SELECT table_name, reason, count(*), min(id) FROM moving.report GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2"""
REPORT = "COPY (SELECT table_name, id, reason FROM moving.report ORDER BY 1, 2) TO STDOUT (FORMAT csv, HEADER)"


def bring_in(url: str, live: Database, output: Output) -> dict[str, Any]:
    """Bring what the old database has and this one lacks, and return what became of it. Raises CommandFailed."""
    prepare(live)
    tables: dict[str, dict[str, int]] = {}
    with snapshot(url) as old:
        load_users(old, live)
        for table in TABLES:
            tables[table.name] = _bring_table(old, live, table, output)
    note_in_audit_log(live, "import.tables", {name: row["added"] + row["changed"] for name, row in tables.items()})
    columns = ("old", "added", "changed", "as_before", "reported", "here")
    output.table(
        "What came",
        ("table", "old", "added", "changed", "as before", "in the report", "rows here now"),
        [[name, *(f"{row[column]:,}" for column in columns)] for name, row in tables.items()],
    )
    return {"tables": tables, "reasons": show_reasons(live, output)}


def prepare(live: Database) -> None:
    """Make a session ready to take rows. Raises CommandFailed where the schema is older, or another import runs."""
    for statement in SESSION:
        live.run(statement)
    if live.rows("SELECT to_regclass('moving.imported') IS NULL")[0][0]:
        raise CommandFailed(
            "the database has no room for what an import remembers", remedy="Deploy this release first, or `make up`."
        )
    try:
        live.run(f"SET lock_timeout = '{LOCK_SECONDS}s'")
        live.run(LOCK)
        live.run("RESET lock_timeout")
    except DatabaseError as error:
        if error.args[0].get("C") != LOCK_NOT_AVAILABLE:
            raise
        raise CommandFailed("another import is running", remedy="Wait until it has ended.") from None


def load_users(old: Database, live: Database) -> None:
    """Bring the users' ids and subjects, for the time of the session."""
    live.run("DROP TABLE IF EXISTS old_users")
    live.run("CREATE TEMPORARY TABLE old_users (id text PRIMARY KEY, firebase_uid text)")

    def take(block: bytes, _: int) -> None:
        live.run("COPY old_users FROM STDIN", stream=io.BytesIO(block))

    blocks = Blocks(take)
    read(old, "COPY (SELECT id::text, firebase_uid FROM users) TO STDOUT", blocks)
    live.run("ANALYZE old_users")


def read(old: Database, statement: str, blocks: Blocks) -> None:
    """Read a COPY to its end. Raises CommandFailed with what the old database says."""
    old.run(statement, stream=blocks)  # type: ignore[arg-type]  # pg8000 calls write alone
    blocks.flush()


def take_block(arriving: Arriving, block: bytes, rows: int, remember: str | None = None) -> None:
    """Write a block of rows. Raises CommandFailed with what this database says."""
    try:
        arriving.take(block, rows, remember)
    except FAILURES as error:
        raise failed(error) from error


def failed(error: Exception) -> CommandFailed:
    """Return what is said where this database refuses, or is gone."""
    return CommandFailed(
        f"this database refused, or is gone; what it has committed stays: {describe_error(error)}",
        remedy="Run the same again: it goes on from there.",
    )


def note_in_audit_log(live: Database, action: str, details: dict[str, int]) -> None:
    """Write an entry of what an import did, under the name of who is logged in."""
    pairs = ", ".join(f"{literal(name)}, {number}" for name, number in details.items())
    live.run(
        "INSERT INTO audit_log (actor, action, details) "
        f"SELECT session_user, {literal(action)}, jsonb_build_object({pairs})"
    )


def show_reasons(live: Database, output: Output) -> list[dict[str, Any]]:
    """Show why rows are in the report, and return it."""
    reasons = [
        {"table": table, "reason": reason, "rows": number, "example": example}
        for table, reason, number, example in live.rows(REASONS)
    ]
    if reasons:
        output.table(
            "In the report",
            ("table", "reason", "rows", "such as"),
            [[row["table"], row["reason"], f"{row['rows']:,}", row["example"]] for row in reasons],
        )
    return reasons


def _bring_table(old: Database, live: Database, table: MovedTable, output: Output) -> dict[str, int]:
    arriving = Arriving(live, table)
    arriving.begin()
    source = f"table {table.name}"
    found = live.rows(f"SELECT place FROM moving.progress WHERE source = {literal(source)}")  # noqa: S608
    place = found[0][0] if found else None
    if place is not None:
        output.note(f"{table.name}: going on where an earlier run was stopped")
    total, left = (_count(old, table, after) for after in (None, place))
    if table is SYSTEM_METRICS:
        _make_months(old, live)
    with output.progress(table.name, left) as advance:

        def take(block: bytes, rows: int) -> None:
            key = read_key(block, len(table.key))
            take_block(arriving, block, rows, None if key is None else remember(source, key))
            advance(rows)

        read(old, f"COPY ({table.query(place)}) TO STDOUT", Blocks(take))
    live.run(f"DELETE FROM moving.progress WHERE source = {literal(source)}")  # noqa: S608
    here = live.rows(f"SELECT count(*) FROM {table.name}")[0][0]  # noqa: S608
    tally = arriving.tally
    return {"old": total, **as_dict(tally), "here": here}


def as_dict(tally: Tally) -> dict[str, int]:
    """Return a tally as JSON has it."""
    return {
        "read": tally.rows,
        "added": tally.added,
        "changed": tally.changed,
        "as_before": tally.as_before,
        "reported": tally.reported,
    }


def _count(old: Database, table: MovedTable, after: list[str] | None) -> int:
    return int(old.rows(f"SELECT count(*) {table.origin(after)}")[0][0])


def _make_months(old: Database, live: Database) -> None:
    for (month,) in old.rows(MONTHS):
        live.run(f"SELECT system_metrics_ensure_month({literal(month)}::timestamp AT TIME ZONE 'UTC')")
