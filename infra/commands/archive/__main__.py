"""The archive at hand: `python -m commands.archive query "SELECT …"`, `… restore TABLE FROM TO`."""

import argparse
import os
import sys
from datetime import date
from pathlib import Path

from commands.archive import query, stack
from commands.archive.errors import CannotDo
from commands.archive.restore import restore
from commands.archive.stack import Bucket, Service

TOKEN = "OPERATOR_TOKEN"  # noqa: S105  (a variable's name)


def main() -> int:
    arguments = _parser().parse_args()
    try:
        if arguments.command == "query":
            _query(arguments)
        else:
            _restore(arguments)
    except CannotDo as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _query(arguments: argparse.Namespace) -> None:
    local = arguments.bucket is None
    bucket = stack.local_bucket(arguments.stack) if local else Bucket(arguments.bucket, arguments.endpoint)
    answer = query.run(bucket, arguments.sql, arguments.since, arguments.until)
    if answer is None:
        return
    if arguments.csv:
        answer.write_csv("/dev/stdout")
    else:
        print(answer)  # noqa: T201


def _restore(arguments: argparse.Namespace) -> None:
    if arguments.url is None:
        service = stack.local_service(arguments.stack)
    elif TOKEN in os.environ:
        service = Service(arguments.url, os.environ[TOKEN])
    else:
        raise CannotDo(f"put an operator's ID token into the variable {TOKEN}")
    rows = restore(service, arguments.table, arguments.start, arguments.end, arguments.keep_days)
    print(f"{rows} rows are in {arguments.table} again, and stay for {arguments.keep_days} days")  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m commands.archive", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    asking = commands.add_parser("query", help="run SQL over the archive where it lies, with DuckDB")
    asking.add_argument("sql", help=f"over {', '.join(query.TABLES)}; each has year, month and day as well")
    asking.add_argument("--since", type=date.fromisoformat, default=date.min, help="the first day to look at")
    asking.add_argument("--until", type=date.fromisoformat, default=date.max, help="the last day to look at")
    asking.add_argument("--bucket", help="of an archive on Google Cloud; the local stack's otherwise")
    asking.add_argument("--endpoint", help="of a server that stands for Cloud Storage")
    asking.add_argument("--csv", action="store_true", help="comma-separated values instead of a table")
    restoring = commands.add_parser("restore", help="bring archived rows back into PostgreSQL")
    restoring.add_argument("table", choices=query.TABLES)
    restoring.add_argument("start", help="RFC 3339: rows from then on")
    restoring.add_argument("end", help="RFC 3339: rows before then")
    restoring.add_argument("--keep-days", type=int, default=30, help="how long retention leaves them there")
    restoring.add_argument("--url", help=f"of the retention function; {TOKEN} holds the token")
    for command in (asking, restoring):
        command.add_argument("--stack", type=Path, default=stack.DESCRIPTION, help="the local stack's description")
    return parser


if __name__ == "__main__":
    sys.exit(main())
