"""One table's part of a retention run, on one session that holds the table's lock. It may end at any instruction.

What is under way is known to the database (archive_objects), so each run begins with what the last one left behind.
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
from utxoiq_persistence.archive.bucket import Archive
from utxoiq_persistence.archive.exports import Part
from utxoiq_persistence.archive.ledger import Archived
from utxoiq_persistence.archive.tables import ArchivedTable
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")


class Tally(Struct):
    """What became of one table's rows: archived, and deleted from it. details: what failed, and what is left to do."""

    archived: int = 0
    deleted: int = 0
    errors: int = 0
    details: list[str] = struct_field(default_factory=list)


@dataclass
class Expiry:
    """expires: rows older than that leave. deadline: by time.monotonic. removed: the ids of the rows that left."""

    session: Session
    archive: Archive
    table: ArchivedTable
    expires: datetime
    deadline: float
    tally: Tally
    removed: list[UUID] = field(default_factory=list)

    def has_time(self) -> bool:
        """Notes it in the tally where the time is up."""
        if time.monotonic() < self.deadline:
            return True
        note = "the time was up; the next run continues"
        if note not in self.tally.details:
            self.tally.details.append(note)
        return False

    def clear(self) -> None:
        """Removes from the bucket what a run that died was about to write."""
        names = archive_ledger.abandon_unfinished(self.session, self.table.name)
        for name in names:
            archiving.discard(self.archive, name)
        archive_ledger.forget_abandoned(self.session, self.table.name, names)

    def finish(self, objects: Iterable[Archived]) -> None:
        """Deletes the rows of objects that are archived."""
        for archived in objects:
            if not self.has_time():
                return
            self.remove(Copy(archived, archiving.fetch(self.archive, self.table, archived)))

    def expire(self, days: Iterable[date]) -> None:
        """Archives what is expired of these days, and deletes it."""
        for copy in self.archive_days(days):
            self.remove(copy)

    def archive_days(self, days: Iterable[date]) -> Iterator[Copy]:
        for copy in archiving.archive_all(self.session, self.archive, self._parts(days)):
            self.tally.archived += copy.archived.row_count
            yield copy

    def remove(self, copy: Copy) -> None:
        for ids in removal.remove(self.session, self.archive, self.table, copy):
            self.tally.deleted += len(ids)
            self.removed += ids

    def days(self) -> dict[date, int]:
        """Days (UTC) with expired rows, oldest first, and how many; of metrics, only rows that no month holds.

        Days whose rows were restored, to stay for now, are left out.
        """
        held = archive_ledger.held_days(self.session, self.table.name)
        rows = self.session.run(_SQL[f"{self.table.name}_days"], expires=self.expires)
        days = {date.fromisoformat(day): count for day, count in rows}
        return {day: count for day, count in days.items() if day not in held}

    def _parts(self, days: Iterable[date]) -> Iterator[Part]:
        for day in days:
            for part in exports.parts(self.session, self.table, day):
                if not self.has_time():
                    return
                yield part


def expire_rows(expiry: Expiry) -> None:
    """A table whose rows are deleted one by one."""
    expiry.clear()
    expiry.finish(archive_ledger.pending(expiry.session, expiry.table.name))
    expiry.expire(expiry.days())
