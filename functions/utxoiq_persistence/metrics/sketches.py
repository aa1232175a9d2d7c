"""Sketches of what the rollups of metrics count, for percentiles: made apart from the writing, of what is over.

Whether a sketch has every value is told by its count and its rollup's (docs/decisions/0056-trends.md).
"""

import math
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from utxoiq_persistence.postgres import arrays
from utxoiq_persistence.postgres.session import Row, Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("metric_sketches")
# What one statement takes up: so many sketches, of hours of about so many values. Days are made of hours' sketches.
SKETCHES = 500
VALUES = {"hour": 250_000, "day": math.inf}


def fill(session: Session, start: datetime, end: datetime, deadline: float, *, leaving: bool = False) -> int:
    """Makes what is lacking of the hours, then the days, that lie between start and end; how many sketches.

    deadline: by time.monotonic. leaving: the rows are about to leave their table, and are archived already.
    """
    made = 0
    for resolution, values in VALUES.items():
        for batch in _batches(session, resolution, start, end, values):
            if time.monotonic() >= deadline:
                return made
            made += _make(session, resolution, batch, leaving=leaving)
    return made


def present_hour(now: datetime) -> datetime:
    """Its beginning."""
    return now.replace(minute=0, second=0, microsecond=0)


def lock(session: Session) -> None:
    """In a transaction: until its end nobody else makes sketches, or takes away rows that they are made of."""
    session.run(_SQL["lock"])


def _make(session: Session, resolution: str, batch: Sequence[Row], *, leaving: bool) -> int:
    with session.transaction():
        lock(session)
        ((count,),) = session.run(
            _SQL[f"sketch_{resolution}s"],
            service_names=arrays.encode_texts(service for service, *_ in batch),
            metric_types=arrays.encode_texts(kind for _, kind, *_ in batch),
            buckets=arrays.encode_texts(bucket.isoformat() for _, _, bucket, _ in batch),
            leaving=leaving,
        )
    return int(count)


def _batches(session: Session, resolution: str, start: datetime, end: datetime, values: float) -> Iterator[list[Row]]:
    """What lacks values, in parts that one statement can see to."""
    service, kind, bucket = "", "", datetime.min.replace(tzinfo=UTC)
    due: list[Row] = []
    while not due or len(due) == SKETCHES:
        due = session.run(
            _SQL["due"],
            resolution=resolution,
            start_time=start,
            end_time=end,
            after_service=service,
            after_type=kind,
            after_bucket=bucket,
            limit=SKETCHES,
        )
        if not due:
            return
        yield from _parts(due, values)
        service, kind, bucket, _ = due[-1]


def _parts(due: Sequence[Row], most: float) -> Iterator[list[Row]]:
    """Of about so many values each."""
    part: list[Row] = []
    values = 0
    for row in due:
        if part and values + row[3] > most:
            yield part
            part, values = [], 0
        part.append(row)
        values += row[3]
    yield part
