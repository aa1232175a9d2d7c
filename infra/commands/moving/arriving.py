"""Blocks of old rows as they arrive here: judged, written, and noted, each block in one transaction."""

import io
from contextlib import suppress
from dataclasses import dataclass, field

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import literal

from commands.moving.tables import MovedTable
from commands.recover.database import Database

# Of one row of an archive that came twice, the later one is taken.
_DOUBLES = "DELETE FROM coming USING coming AS later WHERE coming.id = later.id AND coming.ctid < later.ctid"
_KNOWN = "moving.imported AS known WHERE known.table_name = {0} AND known.id = coming.id"
_REPORT = """
    INSERT INTO moving.report AS report (table_name, id, reason) SELECT {0}, id::text, {1} FROM coming WHERE {2}
    ON CONFLICT (table_name, id) DO UPDATE SET reason = excluded.reason, reported_at = now()"""
_REPORT_ONE = """
    INSERT INTO moving.report AS report (table_name, id, reason) VALUES ({0}, {1}, {2})
    ON CONFLICT (table_name, id) DO UPDATE SET reason = excluded.reason, reported_at = now()"""
HERE_ALREADY = "another row stands here in its place, which stays"
CHANGED_HERE = "it has changed in the old system after it was changed, erased or archived here; what is here stays"


# Of a deadlock, or of a row that was changed at the same moment: nothing was written.
_AGAIN = ("40P01", "40001")
_ATTEMPTS = 5


@dataclass
class Tally:
    """What became of the rows that arrived; in_the_way: those of the reported ones whose place another row has."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    reported: int = 0
    in_the_way: int = 0

    @property
    def as_before(self) -> int:
        """Return how many were here already, with the same values."""
        return self.rows - self.added - self.changed - self.reported

    def add(self, other: "Tally") -> None:
        """Add another one's numbers."""
        self.rows += other.rows
        self.added += other.added
        self.changed += other.changed
        self.reported += other.reported
        self.in_the_way += other.in_the_way


@dataclass
class Arriving:
    """Takes blocks of one table.

    Attributes:
        updates: Whether a row that came before and has changed is written again; False for archives, which are older
            than the tables.
    """

    live: Database
    table: MovedTable
    updates: bool = True
    tally: Tally = field(default_factory=Tally)

    def begin(self) -> None:
        """Make the temporary table."""
        self.live.run("DROP TABLE IF EXISTS coming")
        self.live.run(self.table.create())

    def take(self, block: bytes, rows: int, remember: str | None = None) -> Tally:
        """Write a block of rows, and by `remember` how far the source was read. Return what became of the rows.

        Raises pg8000's DatabaseError.
        """
        for attempt in range(_ATTEMPTS):
            try:
                taken = self._taken(block, rows, remember)
            except DatabaseError as error:
                fields = error.args[0] if error.args else None
                if attempt + 1 == _ATTEMPTS or not isinstance(fields, dict) or fields.get("C") not in _AGAIN:
                    raise
            else:
                break
        self.tally.add(taken)
        return taken

    def _taken(self, block: bytes, rows: int, remember: str | None) -> Tally:
        self.live.run("START TRANSACTION")
        try:
            self.live.run(self.table.copy(), stream=io.BytesIO(block))
            reported = self._judge()
            taken = self._write(rows, reported)
            if remember is not None:
                self.live.run(remember)
        except BaseException:
            # Where the session is gone, so is the transaction.
            with suppress(InterfaceError, OSError):
                self.live.run("ROLLBACK")
            raise
        self.live.run("COMMIT")
        return taken

    def _judge(self) -> int:
        """Leave in `coming` what fits and is not here as it is. Return how many rows do not fit."""
        name = literal(self.table.name)
        if not self.updates:
            self.live.run(_DOUBLES)
        if self.table.prepare:
            self.live.run(self.table.prepare)
        self.live.run(self.table.judge())
        reported = self.live.run(_REPORT.format(name, "reason", "reason IS NOT NULL"))
        self.live.run("DELETE FROM coming WHERE reason IS NOT NULL")
        # What was reported once may fit now.
        self.live.run(
            f"DELETE FROM moving.report AS report USING coming WHERE report.table_name = {name} "  # noqa: S608
            "AND report.id = coming.id::text"
        )
        same = "known.source IS NOT DISTINCT FROM coming.source" if self.updates else "true"
        self.live.run(f"DELETE FROM coming USING {_KNOWN.format(name)} AND {same}")  # noqa: S608
        return reported

    def _write(self, rows: int, reported: int) -> Tally:
        name = literal(self.table.name)
        added = self.live.run(self.table.store)
        changed = self.live.run(self.table.update) if self.updates and self.table.update else 0
        known = f"SELECT FROM {_KNOWN.format(name)}"
        in_the_way = self.live.run(_REPORT.format(name, literal(HERE_ALREADY), f"NOT EXISTS ({known})"))
        reported += in_the_way
        if self.updates:
            kept = f"EXISTS ({known} AND known.source IS DISTINCT FROM coming.source)"
            reported += self.live.run(_REPORT.format(name, literal(CHANGED_HERE), kept))
        return Tally(rows, added, changed, reported, in_the_way)


def remember(source: str, place: list[str]) -> str:
    """Return the statement that notes how far a source was read."""
    values = ", ".join(map(literal, place))
    return (
        f"INSERT INTO moving.progress (source, place) VALUES ({literal(source)}, ARRAY[{values}]::text[]) "  # noqa: S608
        "ON CONFLICT (source) DO UPDATE SET place = excluded.place"
    )


def report(live: Database, table: str, identifier: str, reason: str) -> None:
    """Note in the report of the move why a row does not fit. Raises pg8000's DatabaseError."""
    live.run(_REPORT_ONE.format(*map(literal, (table, identifier, reason))))
