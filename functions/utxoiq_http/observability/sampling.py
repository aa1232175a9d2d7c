"""The choice of requests to trace. docs/decisions/0052-traces.md gives the reasons."""

import random
import time
from collections.abc import Callable

# One request in ten seconds, which is the most that Cloud Run's own front end samples.
ASKED_SECONDS = 10.0
BURST = 10


class Sampling:
    """Traces a random share of requests, and a limited number of those whose caller asks for a trace.

    The limit exists because a caller can set the sampled flag on every request, and spans cost money.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._left = float(BURST)
        self._counted = clock()

    def should_sample(self, asked: bool) -> bool:
        """Return whether to trace a request; `asked` says whether its caller asks for it."""
        return random.random() < self._share or (asked and self._take_allowance())  # noqa: S311

    def _take_allowance(self) -> bool:
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._counted) / ASKED_SECONDS)
        self._counted = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
