"""Tells the person what is done, and how long it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Steps:
    def __init__(self) -> None:
        self._started = time.monotonic()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        self.say(f"{what} …")
        yield
        self.say(f"  done in {time.monotonic() - started:.1f} s")

    def say(self, line: str) -> None:
        print(line, flush=True)  # noqa: T201

    def sum_up(self) -> None:
        self.say(f"Recovered in {time.monotonic() - self._started:.1f} s.")
