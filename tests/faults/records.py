"""What clients were told, and what they may therefore be shown: the counts of a run."""

import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

# A write is seen on every other instance within so many seconds.
PROMPT = 0.1


@dataclass
class Write:
    """One write as its client saw it. `ended` and `acknowledged` are known when it was answered or lost."""

    request_id: str
    value: int
    started: float
    ended: float = float("inf")
    acknowledged: bool = False

    @property
    def seen_from(self) -> float:
        """When every reader must see it."""
        return self.ended + PROMPT if self.acknowledged else float("inf")


@dataclass
class Series:
    """The writes of one client to one thing, one after the other: each replaces the one before."""

    writes: list[Write] = field(default_factory=list)

    def begin(self, request_id: str, value: int) -> Write:
        write = Write(request_id, value, time.monotonic())
        self.writes.append(write)
        return write

    def allowed(self, started: float) -> set[int]:
        """Which values a read may show that began then and has just ended; empty where nothing is promised."""
        last = next(
            (index for index in reversed(range(len(self.writes))) if self.writes[index].seen_from <= started), None
        )
        return set() if last is None else {write.value for write in self.writes[last:]}


@dataclass
class Report:
    """The counts of a run. Those of `violations` must be 0."""

    faults: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    in_doubt: int = 0
    reads: int = 0
    archived: int = 0
    refused: int = 0
    lost: int = 0
    doubled: int = 0
    stale: int = 0
    internal_errors: int = 0
    over_long: int = 0
    inconsistent: int = 0
    notes: list[str] = field(default_factory=list)
    recoveries: dict[str, list[float]] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """Keep what explains a count, of the first ones."""
        if len(self.notes) < 20:
            self.notes.append(text)

    @property
    def violations(self) -> dict[str, int]:
        return {
            "lost": self.lost,
            "doubled": self.doubled,
            "stale": self.stale,
            "answers of 500": self.internal_errors,
            "over long": self.over_long,
            "inconsistent": self.inconsistent,
        }

    def lines(self) -> list[str]:
        counts = {
            "faults": self.faults.total(),
            "acknowledged writes": self.acknowledged,
            "writes in doubt": self.in_doubt,
            "reads": self.reads,
            "rows in the archive": self.archived,
            "answers of 503 and lost links": self.refused,
            **self.violations,
        }
        lines = [f"{name}: {count}" for name, count in counts.items()]
        lines += [
            f"recovery after {fault}: {len(times)} times, median {statistics.median(times):.2f} s, "
            f"longest {max(times):.2f} s"
            for fault, times in sorted(self.recoveries.items())
        ]
        return lines + self.notes
