"""`archive`: ask the archive where it lies, and bring rows back."""

import argparse
import asyncio
import os
from datetime import date
from typing import Any

from commands import stack
from commands.api import connect
from commands.archive.bucket import Bucket, local_bucket
from commands.archive.restore import restore
from commands.errors import CommandFailed, ExitCode, wrong_usage
from commands.output import Output
from commands.parser import CommandParser, count, day, filled, moment
from utxoiq_infra import archived_columns

TOKEN = "OPERATOR_TOKEN"  # noqa: S105 - a variable's name
TABLES = tuple(archived_columns.read())
KEEP_DAYS = 30
# What a person reads; --csv and --json have all.
SHOWN_ROWS = 200
QUERY = """\
Run SQL over the archive where it lies, with DuckDB. Each table has the columns year, month and day as well:

  make archive-query SQL="SELECT count(*) FROM system_metrics"
"""


def add_to(parser: CommandParser) -> None:
    """Add the commands."""
    archive = parser.add_group("archive", "ask the archive, and bring rows back from it")

    asking = archive.add_command("query", "run SQL over the archive where it lies, with DuckDB", _query, QUERY)
    asking.add_argument("sql", type=filled, metavar="SQL", help=f"one statement over {', '.join(TABLES)}")
    asking.add_argument("--since", type=day, default=date.min, metavar="DAY", help="the first day to look at")
    asking.add_argument("--until", type=day, default=date.max, metavar="DAY", help="the last day to look at")
    asking.add_argument("--bucket", help="of an archive on Google Cloud (default: the local system's)")
    asking.add_argument("--endpoint", metavar="URL", help="of a server that stands for Cloud Storage")
    asking.add_argument("--people", action="store_true", help="decrypt what rows tell of persons; it is audited")
    asking.add_argument("--url", help=f"of the deployed system that has the persons' keys; {TOKEN} holds the token")
    asking.add_argument("--csv", action="store_true", help="comma-separated values instead of a table")

    restoring = archive.add_command("restore", "bring archived rows back into PostgreSQL", _restore)
    restoring.add_argument("table", choices=TABLES, metavar="TABLE", help=", ".join(TABLES))
    restoring.add_argument("start", type=moment, metavar="FROM", help="rows from then on: 2025-08-01T00:00:00Z")
    restoring.add_argument("end", type=moment, metavar="TO", help="rows before then")
    restoring.add_argument(
        "--keep-days",
        type=count,
        default=KEEP_DAYS,
        help=f"how long retention leaves them there (default: {KEEP_DAYS})",
    )
    restoring.add_argument("--url", help=f"of a deployed system (default: the local one); {TOKEN} holds the token")


def _query(given: argparse.Namespace, output: Output) -> Any:
    from commands.archive import query  # half a second of imports that no other command needs
    from commands.archive.people import find_by_api

    if given.csv and given.json:
        raise wrong_usage("--csv and --json exclude each other")
    local = given.bucket is None
    bucket = local_bucket(stack.read(given.stack_file, "--bucket")) if local else Bucket(given.bucket, given.endpoint)
    find = find_by_api(*find_api(given)) if given.people else None
    answer = query.run(bucket, given.sql, given.since, given.until, find)
    if answer is None:
        return {"columns": [], "rows": []}
    if given.csv:
        answer.write_csv("/dev/stdout")
        return None
    if given.json:
        return {"columns": answer.columns, "rows": query.rows(answer)}
    rows = query.rows(answer, SHOWN_ROWS + 1)
    shown = [["" if value is None else str(value) for value in row] for row in rows[:SHOWN_ROWS]]
    output.table("", answer.columns, shown)
    if len(rows) > SHOWN_ROWS:
        output.note(f"The first {SHOWN_ROWS} rows; --csv and --json have all.")
    return None


def _restore(given: argparse.Namespace, output: Output) -> Any:
    if given.end <= given.start:
        raise wrong_usage("TO is not after FROM")
    base_url, token = find_api(given)

    async def run() -> int:
        async with connect(base_url, {"Authorization": f"Bearer {token}"}) as api:
            return await restore(api, given.table, given.start, given.end, given.keep_days, output.note)

    rows = asyncio.run(run())
    output.line(f"{rows} rows are in {given.table} again, and stay for {given.keep_days} days")
    return {"table": given.table, "restored": rows, "keep_days": given.keep_days}


def find_api(given: argparse.Namespace) -> tuple[str, str]:
    """Return the base URL, and an operator's token. Raises CommandFailed."""
    if given.url is None:
        found = stack.read(given.stack_file, otherwise="--url")
        return found.base_url, found.credential("retention_token")
    if TOKEN not in os.environ:
        raise CommandFailed(
            "no credentials were given",
            remedy=f"Put an operator's ID token into the variable {TOKEN}.",
            code=ExitCode.REFUSED,
        )
    return given.url, os.environ[TOKEN]
