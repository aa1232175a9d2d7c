"""Keeps a change from being made later than its caller waits for it. docs/decisions/0005-late-writes.md says why.

A message may lie in a link that has stalled, and be delivered when its caller has long been told something else. So a
change goes out behind a fence: a statement in the same message, and so in the same transaction, that fails after a
moment of the server's own clock, and bounds the change's duration by the same moment.
"""

import time
from dataclasses import dataclass

from utxoiq_persistence.postgres.statements import load

_SQL = load("sessions")
FENCE = _SQL["fence"]
IDENTIFY = _SQL["identify"]
END_BACKEND = _SQL["end_backend"]
# How long before the end of its caller's patience a change must have ended, in seconds, so that the answer arrives.
ANSWER_SECONDS = 1.0


class Overdue(Exception):
    """Says that a statement came too late, or would have, and did nothing."""


@dataclass(frozen=True)
class Backend:
    """Identifies the server's process behind a session, and knows its clock.

    Attributes:
        pid: Its process id.
        started: When it started, as PostgreSQL spells it; a later process may have the same id.
        clock: What the server's clock showed, in seconds since 1970.
        read: No later than at this moment of time.monotonic().
    """

    pid: int
    started: str
    clock: float
    read: float

    def moment(self, local: float) -> float:
        """Return a moment of time.monotonic() in seconds of the server's clock: that, or a little earlier."""
        return self.clock + local - self.read


def last_moment(deadline: float | None, seconds: float) -> float:
    """Return until when a change may take, in time.monotonic(): `seconds` at most, and well within the deadline."""
    now = time.monotonic()
    if deadline is None:
        return now + seconds
    left = deadline - now
    return now + min(seconds, max(left - ANSWER_SECONDS, left / 2))
