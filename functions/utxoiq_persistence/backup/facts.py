"""Facts about the tables at one moment, for comparison with a restored copy."""

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("backup_facts")

SAMPLES = 16
# A range of about this many rows is read, hashed and compared.
ROWS_A_SAMPLE = 500
# At most about so many moments of metrics are read to choose ranges among.
MOST_EDGES = 20_000
BY_UUID = ("backfill_jobs", "insight_feedback")
BY_TIME = "system_metrics"
# Where their rows lie, which a role that reads the view counts.
POINTS = "metric_points"
NEWEST = ("backfill_jobs", "insight_feedback", "system_metrics")
_TICK = timedelta(microseconds=1)


class Range(Struct, frozen=True):
    """A range of a table's keys, both ends included."""

    table: str
    first: str
    last: str


class Sample(Struct, frozen=True):
    """The number of rows in a range and their checksum."""

    range: Range
    rows: int
    checksum: str


class Facts(Struct, frozen=True):
    """Facts about the database at one moment. newest has the tables with a time, None for those that are empty."""

    taken_at: datetime
    schema_version: str
    schema_digest: str
    rows: dict[str, int]
    newest: dict[str, datetime | None]
    statistics_off: int
    samples: list[Sample]


def gather(session: Session, ranges: Sequence[Range] | None = None) -> Facts:
    """Return the facts of one snapshot, sampling these ranges or, if None, ranges chosen at random. Blocks."""
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        return _gather_in_snapshot(session, ranges)
    finally:
        if not session.broken:
            session.execute("ROLLBACK")


def _gather_in_snapshot(session: Session, ranges: Sequence[Range] | None) -> Facts:
    ((version, digest),) = session.run(_SQL["schema"])
    rows = {str(name): int(count) for name, count in session.run(_SQL["row_counts"])}
    (newest,) = session.run(_SQL["newest"])
    ((statistics_off,),) = session.run(_SQL["statistics_off"])
    if ranges is None:
        ranges = [*_choose_uuids(rows), *_choose_times(session, rows[POINTS])]
    return Facts(
        taken_at=datetime.now(UTC),
        schema_version=version,
        schema_digest=digest,
        rows=rows,
        newest=dict(zip(NEWEST, newest, strict=True)),
        statistics_off=statistics_off,
        samples=[_sample(session, one) for one in ranges],
    )


def _sample(session: Session, one: Range) -> Sample:
    ((rows, checksum),) = session.run(_SQL[f"sample_{one.table}"], first=one.first, last=one.last)
    return Sample(one, rows, checksum)


def _choose_uuids(rows: dict[str, int]) -> Iterator[Range]:
    """Yield ranges of random keys to sample: a small table completely, as many rows of a large one."""
    for table in BY_UUID:
        for part, parts in _parts(rows[table]):
            first, after = (place * 2**128 // parts for place in (part, part + 1))
            yield Range(table, str(uuid.UUID(int=first)), str(uuid.UUID(int=after - 1)))


def _choose_times(session: Session, rows: int) -> list[Range]:
    """Return ranges of time to sample: a small table completely, as many rows of a large one.

    Both ends of a range are moments of rows that are there. So one row far from the others takes no range from them,
    and no span between two of them is computed with.
    """
    fraction = min(1 / ROWS_A_SAMPLE, MOST_EDGES / max(1, rows))
    edges = sorted(moment for (moment,) in session.run(_SQL["metric_moments"], fraction=fraction))
    if rows <= SAMPLES * ROWS_A_SAMPLE:
        inner = edges[1:-1]
        edges = [*edges[:1], *sorted(random.sample(inner, min(SAMPLES - 1, len(inner)))), *edges[1:][-1:]]
    pairs = list(pairwise(edges)) or [(edge, edge) for edge in edges]
    ranges = [*((first, after - _TICK) for first, after in pairs[:-1]), *pairs[-1:]]
    chosen = sorted(random.sample(ranges, min(SAMPLES, len(ranges))))
    return [Range(BY_TIME, first.isoformat(), last.isoformat()) for first, last in chosen]


def _parts(rows: int) -> list[tuple[int, int]]:
    """Return random parts, as pairs of a part's number and how many parts there are."""
    parts = max(SAMPLES, -(-rows // ROWS_A_SAMPLE))
    return [(part, parts) for part in sorted(random.sample(range(parts), SAMPLES))]
