"""`recover`: data back, to a point in time, of a single table, or in another region."""

import argparse
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from commands import stack
from commands.errors import wrong_usage
from commands.output import Output
from commands.parser import CommandParser, Run, filled, moment

if TYPE_CHECKING:
    from commands.recover.admin import Admin
    from commands.recover.target import Target

REDIS_URL = "RECOVER_REDIS_URL"
DESCRIPTION = """\
Recover data. docs/operations/recovery.md says which command when, and how long each takes.

Without --project it recovers the local system (`make up`)."""


def add_to(parser: CommandParser) -> None:
    """Add the commands."""
    recover = parser.add_group("recover", "recover data: a point in time, one table, another region", DESCRIPTION)
    recover.inherit(add_target, target_defaults())

    command = recover.add_command("point-in-time", "the whole database, as it was at a moment", _on_system(_recover_to))
    _add_time(command)
    command.add_argument("--into", type=filled, help="name of the new instance (default: <instance>-recover-<time>)")
    command.add_argument(
        "--replace",
        action="store_true",
        help="put it in the place of the live one, after a backup of that; what was written since is in that backup",
    )

    command = recover.add_command(
        "table", "what is missing of one table, into the live database", _on_system(_recover_table)
    )
    _add_time(command)
    command.add_argument("--table", required=True, type=filled, metavar="NAME")
    command.add_argument(
        "--where", default="true", type=filled, help="an SQL condition on the rows to bring back (default: all)"
    )
    command.add_argument("--keep-clone", action="store_true", help="for another table of the same moment")

    command = recover.add_command("region", "the newest backup, in another region", _on_system(_recover_region))
    command.add_argument("--region", default="us-east1", type=filled, help="(default: us-east1)")
    command.add_argument(
        "--into", type=filled, help="an instance there, replaced (default: a new one, <instance>-<region>)"
    )
    command.add_argument("--backup", type=filled, metavar="ID", help="(default: the newest that succeeded)")

    command = recover.add_command(
        "remove", "remove an instance that point-in-time or table has made", _on_system(_remove)
    )
    command.add_argument("name", type=filled, metavar="NAME")


def _add_time(parser: CommandParser) -> None:
    parser.add_argument(
        "--time", required=True, type=moment, metavar="TIME", help="with an offset: 2026-03-01T12:30:00Z"
    )


def target_defaults() -> dict[str, str | None]:
    """Return what the options of `add_target` are where they are left out."""
    return {
        "project": None,
        "instance": None,
        "user": None,
        "database": "utxoiq",
        "redis_url": os.environ.get(REDIS_URL),
    }


def add_target(parser: CommandParser) -> None:
    """Add the options that name a system on Google Cloud."""
    parser.add_argument("--project", help="on Google Cloud: the project's id; without it, the local system")
    parser.add_argument("--instance", help="on Google Cloud: the Cloud SQL instance, utxoiq-<stack>")
    parser.add_argument("--database", help="on Google Cloud (default: utxoiq)")
    parser.add_argument("--user", help="on Google Cloud: your IAM database user, a member of cloudsqlsuperuser")
    parser.add_argument(
        "--redis-url",
        metavar="URL",
        help=f"on Google Cloud: of the cache, which is emptied at the end (or {REDIS_URL}: it holds a password)",
    )


# The imports are in functions: the clients of Google's APIs, of PostgreSQL and of Redis take a second.


def _on_system(recover: "Callable[[argparse.Namespace, Target, Admin, Output], dict[str, Any]]") -> Run:
    """Return a command that finds the system, has `recover` do its work on it, and tells how long that took."""

    def run(given: argparse.Namespace, output: Output) -> Any:
        from commands.recover.admin import Admin

        started = time.monotonic()
        system = find_target(given)
        done = recover(given, system, Admin(system.project, system.endpoint), output)
        seconds = round(time.monotonic() - started, 1)
        output.line(f"Done in {seconds} s.")
        return {**done, "seconds": seconds}

    return run


def find_target(given: argparse.Namespace) -> "Target":
    """Return the system that the options name, or the running local one. Raises CommandFailed."""
    from commands.recover.target import Target, from_stack

    if given.project is None:
        return from_stack(stack.read(given.stack_file, otherwise="--project, --instance and --user"))
    if given.instance is None or given.user is None:
        raise wrong_usage("with --project, name --instance and --user as well")
    return Target(given.project, given.instance, given.database, given.user, given.redis_url)


def _recover_to(given: argparse.Namespace, system: "Target", admin: "Admin", output: Output) -> dict[str, Any]:
    from commands.recover.point_in_time import recover_to

    return recover_to(system, admin, output, moment=given.time, into=given.into, replace=given.replace)


def _recover_table(given: argparse.Namespace, system: "Target", admin: "Admin", output: Output) -> dict[str, Any]:
    from commands.recover.single_table import recover_table

    return recover_table(
        system, admin, output, moment=given.time, table=given.table, where=given.where, keep=given.keep_clone
    )


def _recover_region(given: argparse.Namespace, system: "Target", admin: "Admin", output: Output) -> dict[str, Any]:
    from commands.recover.region import recover_region

    return recover_region(system, admin, output, region=given.region, into=given.into, backup=given.backup)


def _remove(given: argparse.Namespace, system: "Target", admin: "Admin", output: Output) -> dict[str, Any]:
    from commands.recover.tidy import remove

    remove(system, admin, output, name=given.name)
    return {"removed": given.name}
