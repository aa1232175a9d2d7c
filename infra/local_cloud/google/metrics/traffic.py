"""What a front end counts: requests by status and how long they took, since they were last taken."""

from bisect import bisect_right
from dataclasses import dataclass, field
from threading import Lock

# From 1 ms to an hour, each bound 15 % above the one before.
BOUNDS = tuple(round(1.15**step, 3) for step in range(109))


@dataclass
class Answers:
    """Requests of one status. total: milliseconds. counts: by the bounds, the first below all, the last beyond all."""

    count: int = 0
    total: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))


class Traffic:
    """Counts requests on one thread, to be taken on another."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers: dict[int, Answers] = {}

    def add(self, status: int, seconds: float) -> None:
        """Count a request and how long it took."""
        milliseconds = seconds * 1000
        with self._lock:
            answers = self._answers.get(status)
            if answers is None:
                answers = self._answers[status] = Answers()
            answers.count += 1
            answers.total += milliseconds
            answers.counts[bisect_right(BOUNDS, milliseconds)] += 1

    def take(self) -> dict[int, Answers]:
        """Return the counts since the last call, by status."""
        with self._lock:
            taken, self._answers = self._answers, {}
        return taken
