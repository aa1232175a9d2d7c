"""Parts of a day: as many rows as are archived together, which fit in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from uuid import UUID

import pyarrow as pa

from utxoiq_persistence.archive.ledger import DayDigest
from utxoiq_persistence.archive.tables import ArchivedTable


@dataclass(frozen=True)
class Place:
    """A row's place in the order in which a day is copied. Only metrics have a series."""

    at: datetime
    id: UUID
    series: int | None = None

    def parameters(self, prefix: str) -> dict[str, object]:
        """Return the place as parameters of a statement, whose names have this prefix."""
        # The series as a text, since the least number is none without its sign.
        series = {} if self.series is None else {f"{prefix}_series": str(self.series)}
        return {f"{prefix}_time": self.at, f"{prefix}_id": self.id, **series}


@dataclass(frozen=True)
class Part:
    """Rows of one day, at least one. Only parts of system_metrics have a digest.

    Attributes:
        table: The table.
        day: The day (UTC).
        row_count: How many rows there are.
        first: The place of the first row.
        last: The place of the last one.
        assemble: Makes the rows of what PostgreSQL sent, in any thread.
        digest: What tells these rows from others in PostgreSQL.
        is_cut: Whether a part has no room for more.
    """

    table: ArchivedTable
    day: date
    row_count: int
    first: Place
    last: Place
    assemble: Callable[[], pa.Table]
    digest: DayDigest | None = None
    is_cut: bool = False

    @cached_property
    def rows(self) -> pa.Table:
        """Return the rows."""
        return self.assemble()

    @classmethod
    def from_rows(cls, table: ArchivedTable, day: date, rows: pa.Table, *, is_cut: bool = False) -> "Part":
        """Return the rows, which are in the order of time, as a part of that day."""
        first, last = _place_of(table, rows, 0), _place_of(table, rows, -1)
        return cls(table, day, rows.num_rows, first, last, lambda: rows, is_cut=is_cut)


@dataclass
class CsvBlocks:
    """Rows as PostgreSQL sends them, up to `most` bytes and a block. is_cut says whether there were more."""

    most: int
    blocks: list[bytes] = field(default_factory=list)
    row_count: int = 0
    size: int = 0
    is_cut: bool = False

    @classmethod
    def collect(cls, blocks: Iterator[list[bytes]], most: int) -> "CsvBlocks":
        """Return the rows of the blocks. All blocks are read, since a COPY has to be read to its end."""
        collected = cls(most)
        for rows in blocks:
            collected._add(rows)
        return collected

    @property
    def text(self) -> bytes:
        """Return the CSV."""
        return b"".join(self.blocks)

    def _add(self, rows: list[bytes]) -> None:
        if self.size >= self.most:
            self.is_cut = True
            return
        self.blocks.append(b"".join(rows))
        self.size += len(self.blocks[-1])
        self.row_count += len(rows)


def start_of_day(day: date) -> datetime:
    """Return midnight (UTC) at the beginning of the day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _place_of(table: ArchivedTable, rows: pa.Table, number: int) -> Place:
    moments = (rows.column(name)[number].as_py() for name in table.moments)
    moment: datetime = next(moment for moment in moments if moment is not None)
    return Place(moment, rows.column("id")[number].as_py())
