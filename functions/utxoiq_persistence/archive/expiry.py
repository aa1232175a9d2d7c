"""One table's part of a retention run, on a session that holds the table's lock. It may be killed at any instruction.

The table archive_objects records what is in progress, so each run first finishes what the last one left behind.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct
from msgspec import field as struct_field

from utxoiq_persistence.archive import archiving, exports, removal
from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive.archiving import Copy
from utxoiq_persistence.archive.bucket import ArchiveBucket, ObjectMissing
from utxoiq_persistence.archive.ledger import ArchivedObject
from utxoiq_persistence.archive.parts import Part
from utxoiq_persistence.archive.tables import ArchivedTable
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")
_log = logging.getLogger(__name__)


class Tally(Struct):
    """How many rows of a table were archived and deleted. details says what failed and what is left to do."""

    archived: int = 0
    deleted: int = 0
    errors: int = 0
    details: list[str] = struct_field(default_factory=list)


@dataclass
class Expiry:
    """The expiry of one table's rows.

    Attributes:
        session: The connection that holds the table's lock.
        archive: Where the rows go.
        table: The table.
        expires: Rows older than this are archived and deleted.
        deadline: When to stop, by time.monotonic().
        tally: What was done so far.
        removed: The ids of the deleted rows.
        read: The names of the objects that were read back in this run.
        damaged: The days with an object that failed its integrity check: they are left as they are.
    """

    session: Session
    archive: ArchiveBucket
    table: ArchivedTable
    expires: datetime
    deadline: float
    tally: Tally
    removed: list[UUID] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    damaged: set[date] = field(default_factory=set)

    def has_time(self) -> bool:
        """Return whether there is time left, and note in the tally if there is none."""
        if time.monotonic() < self.deadline:
            return True
        note = "the time was up; the next run continues"
        if note not in self.tally.details:
            self.tally.details.append(note)
        return False

    def withdraw_unfinished(self) -> None:
        """Withdraw from the archive the objects that an interrupted run was writing, or may still write."""
        names = archive_ledger.abandon_unfinished(self.session, self.table.name)
        for name in names:
            self.archive.withdraw(name)
        in_clear = self._abandoned_in_clear()
        archive_ledger.forget_abandoned(self.session, self.table.name, [name for name in names if name not in in_clear])

    def delete_archived(self, objects: Iterable[ArchivedObject]) -> None:
        """Delete the rows of archived objects, of each that can be read. Raises ArchiveUnavailable, ColumnsDiffer."""
        for archived in objects:
            if not self.has_time():
                return
            copy = self.read_back(archived)
            if copy is not None:
                self.remove(copy)

    def read_back(self, archived: ArchivedObject) -> Copy | None:
        """Return a copy of an archived object whose rows are in the table, or None if there is none; the tally tells.

        One that is gone from the bucket leaves the ledger, so that its rows are archived anew. One that is damaged is
        an error: its day is left as it is until somebody has looked at it. Raises ArchiveUnavailable.
        """
        try:
            rows = archiving.fetch(self.session, self.archive, self.table, archived)
        except ObjectMissing:
            archive_ledger.abandon(self.session, archived.name)
            self.archive.withdraw(archived.name)
            self._note(f"{archived.name} is gone from the bucket: what the table has of it is archived anew")
        except archiving.ArchiveCorrupt as error:
            self.tally.errors += 1
            self.damaged.add(archived.day)
            self._note(str(error))
        else:
            self.read.add(archived.name)
            return Copy(archived, rows)
        return None

    def expire(self, days: Iterable[date]) -> None:
        """Archive the expired rows of these days and delete them; days with a damaged object are left as they are."""
        for copy in self.archive_days(day for day in days if day not in self.damaged):
            self.remove(copy)

    def archive_days(self, days: Iterable[date]) -> Iterator[Copy]:
        """Archive the expired rows of these days. Yield a copy of each object."""
        for copy in archiving.archive_all(self.session, self.archive, self._parts(days)):
            self.tally.archived += copy.archived.row_count
            self.read.add(copy.archived.name)
            yield copy

    def remove(self, copy: Copy) -> None:
        """Delete the rows of an archived object from the table."""
        for ids in removal.remove(self.session, self.archive, self.table, copy):
            self.tally.deleted += len(ids)
            self.removed += ids

    def count_by_day(self) -> dict[date, int]:
        """Return how many expired rows each day (UTC) has, oldest first.

        Of system_metrics, only rows of the default partition count. Days whose restored rows are to stay are left out.
        """
        held = archive_ledger.list_held_days(self.session, self.table.name)
        rows = self.session.run(_SQL[f"{self.table.name}_days"], expires=self.expires)
        days = {date.fromisoformat(day): count for day, count in rows}
        return {day: count for day, count in days.items() if day not in held}

    def _abandoned_in_clear(self) -> set[str]:
        """Return which abandoned objects tell of persons and are in the bucket: an erasure has to name them."""
        if not self.table.is_personal:
            return set()
        names = archive_ledger.list_abandoned_clear(self.session, self.table.name)
        return {name for name in names if self.archive.has(name, versions=True)}

    def _note(self, text: str) -> None:
        _log.warning("retention of %s: %s", self.table.name, text)
        if text not in self.tally.details:
            self.tally.details.append(text)

    def _parts(self, days: Iterable[date]) -> Iterator[Part]:
        for day in days:
            for part in exports.export_day(self.session, self.table, day):
                if not self.has_time():
                    return
                yield part


def expire_rows(expiry: Expiry) -> None:
    """Archive and delete the expired rows of a table that is not partitioned."""
    expiry.withdraw_unfinished()
    expiry.delete_archived(archive_ledger.list_pending(expiry.session, expiry.table.name))
    expiry.expire(expiry.count_by_day())
