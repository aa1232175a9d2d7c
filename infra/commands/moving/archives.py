"""The old system's archives: files of a bucket, whose rows become rows here, and archive objects by retention.

Rows go the way that all rows go. Retention verifies what it archives, and it alone writes to the archive's bucket.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core.exceptions import GoogleAPIError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Client
from pg8000.exceptions import DatabaseError
from pg8000.native import literal

from commands.errors import CommandFailed, ExitCode, wrong_usage
from commands.moving.arriving import Arriving, Tally, remember, report
from commands.moving.blocks import Blocks
from commands.moving.importing import as_dict, load_users, note_in_audit_log, prepare, show_reasons, take_block
from commands.moving.json_rows import JsonArray, Misfit, to_copy
from commands.moving.old_system import snapshot
from commands.moving.tables import BACKFILL_JOBS, INSIGHT_FEEDBACK, SYSTEM_METRICS, MovedTable
from commands.output import Output
from commands.recover.database import Database, describe_error

FOLDERS = {"backfill_jobs/": BACKFILL_JOBS, "feedback/": INSIGHT_FEEDBACK, "metrics/": SYSTEM_METRICS}
# As for the table itself: months of these years get a partition each.
MONTHS_OF = timedelta(days=5 * 366)
MONTHS_AHEAD = timedelta(days=31)


@dataclass(frozen=True)
class OldBucket:
    """endpoint: of a server that stands for Cloud Storage; None for Google's, with one's own credentials."""

    name: str
    endpoint: str | None = None

    def objects(self, folder: str) -> list[Any]:
        """Return the folder's JSON files, by name. Raises CommandFailed."""
        try:
            found = list(self._client().list_blobs(self.name, prefix=folder))
        except (GoogleAPIError, GoogleAuthError, OSError) as error:
            raise CommandFailed(f"the bucket {self.name} cannot be read: {error}", code=ExitCode.REFUSED) from error
        return sorted((blob for blob in found if blob.name.endswith(".json")), key=lambda blob: str(blob.name))

    def _client(self) -> Any:
        if self.endpoint is None:
            return Client()
        return Client("local", AnonymousCredentials(), client_options={"api_endpoint": self.endpoint})  # type: ignore[no-untyped-call]


def bring_archives(
    bucket: OldBucket, users_url: str | None, live: Database, output: Output, retain: Callable[[], None] | None
) -> dict[str, Any]:
    """Bring the rows of all files here and have them archived, and return what became of them. Raises CommandFailed.

    `retain` runs retention; None where that is for somebody else to do. A user's older feedback on an insight has to
    be archived before the newer one has room: then the files are read once more.
    """
    prepare(live)
    files = {folder: bucket.objects(folder) for folder in FOLDERS}
    if files["feedback/"] and users_url is None:
        raise wrong_usage("there are archives of feedback: --users names the old database, which knows whose they are")
    tallies = {table.name: Tally() for table in FOLDERS.values()}
    with ExitStack() as stack:
        if users_url is not None:
            load_users(stack.enter_context(snapshot(users_url)), live)
        while True:
            rounds = {
                table.name: _bring_files(bucket, files[folder], table, live, output)
                for folder, table in FOLDERS.items()
            }
            for name, tally in rounds.items():
                tallies[name].add(tally)
            if retain is not None:
                retain()
            if retain is None or not any(tally.in_the_way and tally.added for tally in rounds.values()):
                break
    note_in_audit_log(live, "import.archives", {name: tally.added for name, tally in tallies.items()})
    output.table(
        "What came from the archives",
        ("table", "files", "rows read", "added", "repeated", "in the report"),
        [
            [table.name, f"{len(files[folder]):,}", *_cells(tallies[table.name], rounds[table.name])]
            for folder, table in FOLDERS.items()
        ],
    )
    if retain is None:
        output.note("Run retention now (docs/archive.md), so that they are archived; then the same again.")
    return {
        "tables": {
            table.name: {"files": len(files[folder]), **as_dict(tallies[table.name])}
            for folder, table in FOLDERS.items()
        },
        "reasons": show_reasons(live, output),
    }


def _cells(tally: Tally, last: Tally) -> Iterator[str]:
    yield from (f"{number:,}" for number in (tally.rows, tally.added, tally.as_before, last.reported))


def _bring_files(bucket: OldBucket, files: list[Any], table: MovedTable, live: Database, output: Output) -> Tally:
    """Bring the rows of files that are not done. A file is done when each of its rows is here."""
    arriving = Arriving(live, table, updates=False)
    arriving.begin()
    done = {source for (source,) in live.rows("SELECT source FROM moving.progress")}
    months = _Months(live) if table is SYSTEM_METRICS else None
    with output.progress(f"files of {table.name}", len(files)) as advance:
        for blob in files:
            source = f"gs://{bucket.name}/{blob.name}#{blob.generation}"
            if source not in done:
                reported = arriving.tally.reported
                _bring_file(blob, table, arriving, months)
                if arriving.tally.reported == reported:
                    live.run(remember(source, []))
            advance(1)
    return arriving.tally


def _bring_file(blob: Any, table: MovedTable, arriving: Arriving, months: "_Months | None") -> None:
    blank_is_null = frozenset(name for name, select in table.select.items() if select.endswith("'')"))

    def take(block: bytes, rows: int) -> None:
        if months is not None:
            months.make()
        take_block(arriving, block, rows)

    blocks = Blocks(take)
    try:
        with blob.open("r", encoding="utf-8") as file:
            for number, row in enumerate(JsonArray(file), 1):
                try:
                    if not isinstance(row, dict):
                        raise Misfit("it is no object")
                    if row.get("id") is None:
                        raise Misfit("it has no id")
                    line = to_copy(row, table.columns, blank_is_null)
                except Misfit as misfit:
                    _report(arriving, row, f"{blob.name}, row {number}", str(misfit))
                    continue
                if months is not None:
                    months.add(line)
                blocks.write(line)
    except ValueError as error:
        raise CommandFailed(f"{blob.name} cannot be read: {error}") from error
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        raise CommandFailed(f"{blob.name} cannot be read: {error}", remedy="Run the same again.") from error
    blocks.flush()


def _report(arriving: Arriving, row: Any, place: str, reason: str) -> None:
    identifier = row.get("id") if isinstance(row, dict) else None
    name = str(identifier).encode(errors="replace").decode().replace("\0", "") if identifier else place
    try:
        report(arriving.live, arriving.table.name, name[:200], reason)
    except DatabaseError as error:
        raise CommandFailed(f"the report cannot be written: {describe_error(error)}") from error
    arriving.tally.add(Tally(rows=1, reported=1))


class _Months:
    """Makes the partitions that rows need, before they are written."""

    def __init__(self, live: Database) -> None:
        self._live = live
        self._wanted: set[str] = set()
        self._made: set[str] = set()

    def add(self, line: bytes) -> None:
        """Take note of the month of a metric, which begins with its time."""
        if not line.startswith(b"\\N"):
            self._wanted.add(line[:7].decode())

    def make(self) -> None:
        """Make the partitions of the months that were noted."""
        now = datetime.now(UTC)
        for month in sorted(self._wanted - self._made):
            starts = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
            if now - MONTHS_OF < starts < now + MONTHS_AHEAD:
                self._live.run(f"SELECT system_metrics_ensure_month({literal(starts.isoformat())}::timestamptz)")
        self._made |= self._wanted
        self._wanted.clear()
