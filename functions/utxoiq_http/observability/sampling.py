"""Which requests are traced. docs/decisions/0052-traces.md says why so."""

import random
import time
from collections.abc import Callable

# As many as Cloud Run's own front end asks for at most: one in ten seconds.
ASKED_SECONDS = 10.0
BURST = 10


class Sampling:
    """A share of all, drawn by chance, and those whose caller asks for it, as far as they come seldom.

    Neither a trace's id nor its flag lets a caller choose: both are the caller's to write, and spans cost money.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._left = float(BURST)
        self._counted = clock()

    def wants(self, asked: bool) -> bool:
        return random.random() < self._share or (asked and self._may_follow())  # noqa: S311

    def _may_follow(self) -> bool:
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._counted) / ASKED_SECONDS)
        self._counted = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
