"""One table's part of a retention run, on a session that holds the table's lock. It may be killed at any instruction.

The table archive_objects records what is in progress, so each run first finishes what the last one left behind.
"""

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
from utxoiq_persistence.archive.bucket import ArchiveBucket
from utxoiq_persistence.archive.exports import Part
from utxoiq_persistence.archive.ledger import ArchivedObject
from utxoiq_persistence.archive.tables import ArchivedTable
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")


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
    """

    session: Session
    archive: ArchiveBucket
    table: ArchivedTable
    expires: datetime
    deadline: float
    tally: Tally
    removed: list[UUID] = field(default_factory=list)

    def has_time(self) -> bool:
        """Return whether there is time left, and note in the tally if there is none."""
        if time.monotonic() < self.deadline:
            return True
        note = "the time was up; the next run continues"
        if note not in self.tally.details:
            self.tally.details.append(note)
        return False

    def remove_unfinished(self) -> None:
        """Remove from the bucket the objects that an interrupted run was writing."""
        names = archive_ledger.abandon_unfinished(self.session, self.table.name)
        for name in names:
            archiving.discard(self.archive, name)
        archive_ledger.forget_abandoned(self.session, self.table.name, names)

    def delete_archived(self, objects: Iterable[ArchivedObject]) -> None:
        """Delete the rows of archived objects. Raises ArchiveUnavailable, ArchiveCorrupt, ColumnsDiffer."""
        for archived in objects:
            if not self.has_time():
                return
            self.remove(Copy(archived, archiving.fetch(self.session, self.archive, self.table, archived)))

    def expire(self, days: Iterable[date]) -> None:
        """Archive the expired rows of these days and delete them."""
        for copy in self.archive_days(days):
            self.remove(copy)

    def archive_days(self, days: Iterable[date]) -> Iterator[Copy]:
        """Archive the expired rows of these days. Yield a copy of each object."""
        for copy in archiving.archive_all(self.session, self.archive, self._parts(days)):
            self.tally.archived += copy.archived.row_count
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

    def _parts(self, days: Iterable[date]) -> Iterator[Part]:
        for day in days:
            for part in exports.export_day(self.session, self.table, day):
                if not self.has_time():
                    return
                yield part


def expire_rows(expiry: Expiry) -> None:
    """Archive and delete the expired rows of a table that is not partitioned."""
    expiry.remove_unfinished()
    expiry.delete_archived(archive_ledger.list_pending(expiry.session, expiry.table.name))
    expiry.expire(expiry.count_by_day())
