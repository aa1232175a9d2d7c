"""`import` and `export`: the old system's rows and archives come here, and what was written here goes back."""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from commands.archive.command import find_api
from commands.errors import CommandFailed, wrong_usage
from commands.output import Output
from commands.parser import CommandParser, filled
from commands.recover.command import add_target, find_target, target_defaults

if TYPE_CHECKING:
    from commands.recover.database import Database
    from commands.recover.target import Target

RETENTION = "/api/v1/monitoring/retention/run"
MOST_RUNS = 1000
IMPORT = """\
Bring rows of the system before here: from its database, or from its archives in a bucket. docs/moving.md has the
whole move, step by step.

  make import ARGS="postgresql://reader@old-host/utxoiq"
  make import ARGS="gs://old-archives --users postgresql://reader@old-host/utxoiq"

It may be stopped and run again, which goes on where it stopped, and run as often as one likes, which brings what came
since and changes nothing else. Without --project it imports into the local system (`make up`)."""
EXPORT = """\
Write to the database of the system before what was written here since the switch, in its own tables, so that one can
go back. It may be run again."""


def add_to(parser: CommandParser) -> None:
    """Add the commands."""
    importing = parser.add_command("import", "bring the rows of the system before here", _import, IMPORT)
    importing.add_argument("source", type=filled, metavar="SOURCE", help="postgresql://user@host/name or gs://bucket")
    importing.add_argument("--users", type=filled, metavar="URL", help="with gs://: the old database, which has users")
    importing.add_argument("--endpoint", metavar="URL", help="of a server that stands for Cloud Storage")
    importing.add_argument(
        "--report", type=Path, metavar="FILE", help="where to write each row that does not fit, as CSV"
    )
    importing.add_argument("--url", help="with gs://, on Google Cloud: the system's base URL, to run retention")
    _add_target(importing)

    exporting = parser.add_command("export", "bring what was written here back to the system before", _export, EXPORT)
    exporting.add_argument("target", type=filled, metavar="TARGET", help="postgresql://user@host/name")
    exporting.add_argument(
        "--report", type=Path, metavar="FILE", help="where to write each row that does not fit, as CSV"
    )
    _add_target(exporting)


def _add_target(parser: CommandParser) -> None:
    add_target(parser)
    parser.set_defaults(**target_defaults())


# The imports are in functions: the clients of Google's APIs, of PostgreSQL and of Redis take a second.


def _import(given: argparse.Namespace, output: Output) -> Any:
    scheme = urlsplit(given.source).scheme
    if scheme not in ("postgresql", "postgres", "gs"):
        raise wrong_usage("SOURCE is postgresql://user@host/name or gs://bucket")
    bring = _import_archives if scheme == "gs" else _import_tables
    started = time.monotonic()
    system = find_target(given)
    with _session(system) as live:
        done = bring(given, live, output)
        _write_report(given, live, output)
    _empty_cache(system, output)
    return _ended(done, started, output)


def _import_tables(given: argparse.Namespace, live: "Database", output: Output) -> dict[str, Any]:
    from commands.moving.importing import bring_in
    from commands.moving.old_keys import show_keys
    from commands.moving.old_system import snapshot

    done = bring_in(given.source, live, output)
    with snapshot(given.source) as old:
        return {**done, "api_keys": show_keys(old, output)}


def _import_archives(given: argparse.Namespace, live: "Database", output: Output) -> dict[str, Any]:
    from commands.moving.archives import OldBucket, bring_archives

    bucket = OldBucket(urlsplit(given.source).netloc, given.endpoint)
    return bring_archives(bucket, given.users, live, output, _retention(given, output))


def _retention(given: argparse.Namespace, output: Output) -> Callable[[], None] | None:
    """Return what runs retention to its end; None where nobody said how to reach the system."""
    if given.project is not None and given.url is None:
        return None
    base_url, token = find_api(given)

    def run() -> None:
        import asyncio

        from commands.api import connect

        async def to_its_end() -> str:
            async with connect(base_url, {"Authorization": f"Bearer {token}"}) as api:
                for _ in range(MOST_RUNS):
                    status = str((await api.post(RETENTION, None, repeatable=True)).body["status"])
                    if status != "partial":
                        return status
            return "partial"

        with output.step("archiving by retention"):
            status = asyncio.run(to_its_end())
        if status != "success":
            raise CommandFailed(f"retention ended with {status}", remedy="docs/archive.md says what its answer means.")

    return run


def _export(given: argparse.Namespace, output: Output) -> Any:
    from commands.moving.exporting import bring_back

    started = time.monotonic()
    system = find_target(given)
    with _session(system) as live, _session(system) as notes:
        done = bring_back(given.target, live, notes, output)
        _write_report(given, notes, output)
    return _ended(done, started, output)


@contextmanager
def _session(system: "Target") -> Iterator["Database"]:
    from pg8000.exceptions import InterfaceError

    from commands.moving.importing import failed
    from commands.recover.admin import Admin
    from commands.recover.database import FAILURES

    connection_name = str(Admin(system.project, system.endpoint).get(system.instance)["connectionName"])
    database = system.connect(connection_name)
    try:
        yield database
    except FAILURES as error:
        raise failed(error) from error
    finally:
        with suppress(InterfaceError, OSError):  # it may be gone
            database.close()


def _write_report(given: argparse.Namespace, live: "Database", output: Output) -> None:
    from commands.moving.importing import REPORT

    if given.report is None:
        return
    with given.report.open("wb") as file:
        live.run(REPORT, stream=file)
    output.line(f"{given.report} has the rows that do not fit.")


def _empty_cache(system: "Target", output: Output) -> None:
    from commands.recover.tidy import empty_cache

    empty_cache(system, output)


def _ended(done: dict[str, Any], started: float, output: Output) -> dict[str, Any]:
    seconds = round(time.monotonic() - started, 1)
    output.line(f"Done in {seconds} s.")
    return {**done, "seconds": seconds}
