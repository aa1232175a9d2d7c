"""Quantile sketches of the values that the rollups of metrics count, made after an hour or a day is over.

A sketch is complete if its count equals its rollup's count (docs/decisions/0056-trends.md).
"""

import math
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from utxoiq_persistence.metrics import slices
from utxoiq_persistence.postgres.session import Row, Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("metric_sketches")
# One statement makes at most so many sketches, of hours with about so many values. Days are merged from hours.
SKETCHES = 500
VALUES = {"hour": 250_000, "day": math.inf}


def fill(session: Session, start: datetime, end: datetime, deadline: float, *, leaving: bool = False) -> int:
    """Make the sketches that are missing between `start` and `end`: of hours, then of days.

    Return how many sketches were made.

    Args:
        session: The connection to work on.
        start: The beginning of the first interval.
        end: The end of the last interval, which is folded.
        deadline: When to stop, by time.monotonic().
        leaving: Whether the rows are archived already and about to be deleted from their table.
    """
    made = 0
    for resolution, values in VALUES.items():
        for batch in _batches(session, resolution, start, end, values):
            if time.monotonic() >= deadline:
                return made
            made += _make(session, resolution, batch, leaving=leaving)
    return made


def lock(session: Session) -> None:
    """Keep others from making sketches, or deleting the rows they are made of, until the transaction ends."""
    session.run(_SQL["lock"])


def _make(session: Session, resolution: str, batch: Sequence[Row], *, leaving: bool) -> int:
    with session.transaction():
        lock(session)
        ((count,),) = session.run(_SQL[f"sketch_{resolution}s"], **slices.name_rollups(batch), leaving=leaving)
        if resolution == "hour" and not leaving:
            slices.make(session, batch)
    return int(count)


def _batches(session: Session, resolution: str, start: datetime, end: datetime, values: float) -> Iterator[list[Row]]:
    """Yield the rollups without a complete sketch, in batches that one statement can handle."""
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
    """Yield the rollups in parts of about `most` values each."""
    part: list[Row] = []
    values = 0
    for row in due:
        if part and values + row[3] > most:
            yield part
            part, values = [], 0
        part.append(row)
        values += row[3]
    yield part
