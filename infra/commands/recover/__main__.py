"""Recovers data. docs/operations/recovery.md says which command when, and how long each takes."""

import argparse
import sys
from datetime import datetime

from commands.recover import target
from commands.recover.admin import Admin
from commands.recover.errors import RecoveryFailed
from commands.recover.point_in_time import recover_to
from commands.recover.region import recover_region
from commands.recover.single_table import recover_table
from commands.recover.steps import Steps
from commands.recover.tidy import remove


def main() -> int:
    arguments = _parser().parse_args()
    steps = Steps()
    try:
        system = target.read(arguments)
        arguments.command(arguments, system, Admin(system.project, system.endpoint), steps)
    except RecoveryFailed as failure:
        print(failure, file=sys.stderr)  # noqa: T201
        return 1
    steps.sum_up()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="recover", description=__doc__)
    target.add_options(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    pitr = commands.add_parser("point-in-time", help="the whole database, as it was at a moment")
    _add_time(pitr)
    pitr.add_argument("--into", help="name of the new instance (default: <instance>-recover-<time>)")
    pitr.add_argument(
        "--replace",
        action="store_true",
        help="put it in the place of the live one, after a backup of that; what was written since is in that backup",
    )
    pitr.set_defaults(
        command=lambda given, system, admin, steps: recover_to(
            system, admin, steps, moment=given.time, into=given.into, replace=given.replace
        )
    )

    table = commands.add_parser("table", help="what is missing of one table, into the live database")
    _add_time(table)
    table.add_argument("--table", required=True)
    table.add_argument("--where", default="true", help="an SQL condition on the rows to bring back (default: all)")
    table.add_argument("--keep-clone", action="store_true", help="for another table of the same moment")
    table.set_defaults(
        command=lambda given, system, admin, steps: recover_table(
            system, admin, steps, moment=given.time, table=given.table, where=given.where, keep=given.keep_clone
        )
    )

    region = commands.add_parser("region", help="the newest backup, in another region")
    region.add_argument("--region", default="us-east1", help="(default: us-east1)")
    region.add_argument("--into", help="an instance there, replaced (default: a new one, <instance>-<region>)")
    region.add_argument("--backup", help="its id (default: the newest that succeeded)")
    region.set_defaults(
        command=lambda given, system, admin, steps: recover_region(
            system, admin, steps, region=given.region, into=given.into, backup=given.backup
        )
    )

    tidy = commands.add_parser("remove", help="an instance that point-in-time or table has made")
    tidy.add_argument("name")
    tidy.set_defaults(command=lambda given, system, admin, steps: remove(system, admin, steps, name=given.name))
    return parser


def _add_time(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--time", required=True, type=_moment, metavar="TIME", help="RFC 3339 with an offset: 2026-03-01T12:30:00Z"
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("the time lacks an offset, such as Z")
    return moment


if __name__ == "__main__":
    sys.exit(main())
