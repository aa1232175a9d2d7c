"""Everything that is held of a person, page by page: feedback, its archived rows, and the audit trail."""

import asyncio
import base64
import binascii
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from utxoiq_persistence import times
from utxoiq_persistence.errors import BadCursor
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Row
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import Page

if TYPE_CHECKING:
    from utxoiq_persistence.archive.bucket import ArchiveBucket

_SQL = load("person_keys")
# A page ends where it is longer than this, in bytes; the rows of one more query may follow.
PAGE_BYTES = 8 * 2**20
# Rows of a query; one has at most 10 KiB.
BATCH_ROWS = 500
# A page reads no further object of the archive after so many seconds.
PAGE_SECONDS = 15.0
START = datetime(1, 1, 1, tzinfo=UTC)
STAGES: tuple[Literal["feedback", "archived", "audit"], ...] = ("feedback", "archived", "audit")


class Place(Struct, frozen=True, array_like=True):
    """A place within an export, after which the next page begins.

    Attributes:
        stage: The list that the place is in.
        moment: The time of the last row shown, or of the object of the archive that is under way.
        key: The id of that row, or the name of that object.
        skip: How many rows of that object were shown.
    """

    stage: Literal["feedback", "archived", "audit"]
    moment: str | None = None
    key: str | None = None
    skip: int = 0


class _ExportPage:
    """Collects rows, as JSON, up to the size and the time of a page."""

    def __init__(self) -> None:
        self._rows: dict[str, list[bytes]] = {stage: [] for stage in STAGES}
        self._size = 0
        self._ends = time.monotonic() + PAGE_SECONDS
        self.missing_objects = 0

    def add(self, stage: str, row: bytes) -> None:
        self._rows[stage].append(row)
        self._size += len(row) + 2

    def is_full(self) -> bool:
        return self._size >= PAGE_BYTES

    def has_time(self) -> bool:
        return time.monotonic() < self._ends

    def encode(self, user_id: str) -> bytes:
        lists = b", ".join(b'"%s": [%s]' % (stage.encode(), b", ".join(rows)) for stage, rows in self._rows.items())
        user = msgspec.json.encode(user_id)
        return b'{"user_id": %s, %s, "missing_objects": %d}' % (user, lists, self.missing_objects)


class Exports:
    """Exports persons. `open_archive` opens the bucket at the first export that reads from it."""

    def __init__(self, database: Database, open_archive: "Callable[[], ArchiveBucket]") -> None:
        self._database = database
        self._open_archive = open_archive
        self._archive: ArchiveBucket | None = None
        # Objects are read whole, so one at a time bounds the memory that exports take.
        self._reading = asyncio.Lock()

    async def export(self, user_id: str, cursor: str | None) -> Page:
        """Return a page of everything that is held of a user.

        Raises:
            BadCursor: The cursor is not one of this export.
            ArchiveUnavailable: The bucket cannot be reached.
            ArchiveCorrupt: An object failed its integrity check.
        """
        place = _decode(cursor)
        page = _ExportPage()
        steps = {"feedback": self._feedback, "archived": self._archived, "audit": self._audit}
        for stage in STAGES[STAGES.index(place.stage) :]:
            start = place if place.stage == stage else Place(stage)
            async for here in steps[stage](user_id, start, page):
                if page.is_full() or not page.has_time():
                    return Page(page.encode(user_id), _encode(here))
        return Page(page.encode(user_id))

    def _feedback(self, user_id: str, place: Place, page: _ExportPage) -> AsyncIterator[Place]:
        return self._listed("feedback_of", str(UUID(int=0)), user_id, place, page)

    def _audit(self, user_id: str, place: Place, page: _ExportPage) -> AsyncIterator[Place]:
        return self._listed("audit_entries_of", 0, user_id, place, page)

    async def _listed(
        self, statement: str, first_id: str | int, user_id: str, place: Place, page: _ExportPage
    ) -> AsyncIterator[Place]:
        """Put the rows of a statement on the page. first_id: comes before every id, and has the type of them."""
        id_of = type(first_id)

        async def read(moment: str, key: str) -> list[Row]:
            return await self._database.fetch(
                _SQL[statement],
                idempotent=True,
                user_id=user_id,
                after_time=moment,
                after_id=id_of(key),
                limit=BATCH_ROWS,
            )

        async for row in _batches(read, place.moment or START.isoformat(), place.key or str(first_id)):
            page.add(place.stage, row[2].encode())
            yield Place(place.stage, row[0], str(row[1]))

    async def _archived(self, user_id: str, place: Place, page: _ExportPage) -> AsyncIterator[Place]:
        objects = await self._database.fetch(_SQL["archived_objects_of"], idempotent=True, user_id=user_id)
        for row in objects[_find_first(objects, place) :]:
            rows = await self._read_rows(user_id, row)
            if rows is None:
                page.missing_objects += 1
                continue
            name, moment = row[2], row[4].isoformat()
            before = place.skip if name == place.key else 0
            for shown, content in enumerate(rows[before:], start=before + 1):
                page.add("archived", msgspec.json.encode(content))
                if page.is_full():
                    yield Place("archived", moment, name, shown)
            yield Place("archived", moment, name, len(rows))

    async def _read_rows(self, user_id: str, row: Row) -> list[Mapping[str, Any]] | None:
        """Return the user's rows of an object; None if the bucket has it no more."""
        async with self._reading:
            if self._archive is None:
                self._archive = await asyncio.to_thread(self._open_archive)
            return await asyncio.to_thread(_read, self._archive, user_id, row)


async def _batches(read: "Callable[[str, str], Any]", moment: str, key: str) -> AsyncIterator[Row]:
    """Yield the rows of a list that `read` returns in batches, each after the last row's time and id."""
    while True:
        rows = await read(moment, key)
        for row in rows:
            yield row
        if len(rows) < BATCH_ROWS:
            return
        moment, key = rows[-1][0], str(rows[-1][1])


def _find_first(objects: list[Row], place: Place) -> int:
    """Return the number of the first object to read, from the one of the place on."""
    if place.key is None or place.moment is None:
        return 0
    names = [row[2] for row in objects]
    if place.key in names:
        return names.index(place.key)
    # It was replaced by one with the same rows: rather show some twice than leave some out.
    moment = datetime.fromisoformat(place.moment)
    return next((number for number, row in enumerate(objects) if row[4] >= moment), len(objects))


def _read(archive: "ArchiveBucket", user_id: str, row: Row) -> list[Mapping[str, Any]] | None:
    from utxoiq_persistence.archive import archiving, sealing  # pyarrow, which only exports need here
    from utxoiq_persistence.archive.bucket import ObjectMissing
    from utxoiq_persistence.archive.ledger import ArchivedObject
    from utxoiq_persistence.archive.sealing import PersonKey, PersonKeys
    from utxoiq_persistence.archive.tables import INSIGHT_FEEDBACK

    person, key, name, day, first_at, row_count, sha256, generation, sealed = row
    archived = ArchivedObject(name, date.fromisoformat(day), first_at, row_count, sha256, generation, sealed)
    try:
        rows = archiving.read(archive, INSIGHT_FEEDBACK, archived)
    except ObjectMissing:
        return None
    keys = PersonKeys([PersonKey(person, user_id, key)] if sealed else [])
    with archiving.integrity(archived):
        found = keys.open(INSIGHT_FEEDBACK, sealing.select_rows(INSIGHT_FEEDBACK, rows, user_id, person))
    return [{column: _spelled(value) for column, value in content.items()} for content in found.to_pylist()]


def _spelled(value: object) -> object:
    return times.spell(value) if isinstance(value, datetime) else value


def _encode(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _decode(cursor: str | None) -> Place:
    if cursor is None:
        return Place(STAGES[0])
    try:
        padding = "=" * (-len(cursor) % 4)
        text = base64.b64decode(cursor + padding, altchars=b"-_", validate=True)
        place = msgspec.json.decode(text, type=Place)
        _check(place)
    except (binascii.Error, ValueError) as error:
        raise BadCursor("cursor is not one that this export gave out; start again without it") from error
    return place


def _check(place: Place) -> None:
    """Raise ValueError for a place that PostgreSQL could not read."""
    if place.moment is None or place.key is None:
        raise ValueError("no place")
    datetime.fromisoformat(place.moment.split(".")[0].split("+")[0])
    if place.stage == "feedback":
        UUID(place.key)
    elif place.stage == "audit" and not 0 <= int(place.key) < 2**63:
        raise ValueError("no id")
    elif place.skip < 0:
        raise ValueError("no number")
