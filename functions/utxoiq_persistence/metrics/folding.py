"""The fold: rollups are made of points when their hour is over, behind a watermark that readers look beyond.

docs/decisions/0013-narrow-metrics.md says why it may be killed at any instruction, and why readers see a point once.
"""

import logging
import time
from datetime import datetime
from typing import cast

from pg8000.exceptions import DatabaseError

from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.sqlstates import LOCK_NOT_AVAILABLE, read_sqlstate

_SQL = load("metric_rollups")

_log = logging.getLogger(__name__)


def fold(session: Session, deadline: float) -> datetime:
    """Fold what is due, an hour in a transaction, until `deadline` by time.monotonic().

    Return the watermark: rollups and deltas count every point before it.

    Without time it folds one hour. What is left, or is held by a long transaction of a writer, is for the next call.
    """
    while True:
        closed = _close_hour(session)
        ((watermark, more),) = session.run(_SQL["fold"])
        if not more or not closed or time.monotonic() >= deadline:
            return cast("datetime", watermark)


def _close_hour(session: Session) -> bool:
    """Return False if writers held the table for too long."""
    try:
        session.run(_SQL["close_hour"])
    except DatabaseError as error:
        if read_sqlstate(error) != LOCK_NOT_AVAILABLE:
            raise
        _log.warning("a writer's transaction holds the points of metrics; the next hour is folded later")
        return False
    return True
