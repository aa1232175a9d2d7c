"""What a command says: results on standard output, progress and errors on standard error; colour on a terminal only.

With --json standard output carries one JSON document, the result or the error, and progress stays on standard error.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from commands.errors import CommandFailed
from terminal_tables import build_table

# A pipe or a file has no width: a row of a table stays one line, for grep and cut.
PLAIN_WIDTH = 10_000
# How often progress is told where there is no terminal to redraw it on.
PLAIN_SECONDS = 5.0

Advance = Callable[[int], None]


class Output:
    """Tells the person, or the script, what a command does."""

    def __init__(
        self, *, as_json: bool = False, result: Console | None = None, progress: Console | None = None
    ) -> None:
        self.as_json = as_json
        self._result = result or _console(stderr=False)
        self._progress = progress or _console(stderr=True)

    def line(self, text: str = "") -> None:
        """Print a line of the result; never wrapped, for copying."""
        if not self.as_json:
            self._result.print(text, markup=False, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table of the result."""
        if self.as_json:
            return
        self._result.print(build_table(title, columns, rows))

    def result(self, data: Any) -> None:
        """Print what the command returned, with --json."""
        if self.as_json:
            self._print_json(data)

    def note(self, text: str) -> None:
        """Print a line beside the result."""
        self._progress.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Tell that a step begins, and how long it took."""
        started = time.monotonic()
        self.note(f"{what} …")
        yield
        self.note(f"  done in {time.monotonic() - started:.1f} s")

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Advance]:
        """Tell how far a long step is: a bar on a terminal, elsewhere a line every few seconds."""
        if not self._progress.is_terminal:
            lines = _Lines(what, total, self.note)
            yield lines.advance
            lines.finish()
            return
        columns = (TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._progress) as bars:
            bar = bars.add_task(what, total=total)
            yield lambda number: bars.advance(bar, number)

    def error(self, failure: CommandFailed) -> None:
        """Say what stopped the command, and what to do next."""
        if self.as_json:
            error = {"code": failure.code.name.lower(), "message": failure.message, "remedy": failure.remedy or None}
            self._print_json({"error": error})
            return
        self._progress.print(failure.message, style="red", markup=False, soft_wrap=True)
        if failure.remedy:
            self._progress.print(failure.remedy, markup=False, soft_wrap=True)

    def _print_json(self, data: Any) -> None:
        text = json.dumps(data, indent=2, ensure_ascii=False, default=_as_json)
        self._result.print(text, markup=False, soft_wrap=True)


class _Lines:
    """Progress as plain lines."""

    def __init__(self, what: str, total: int, say: Callable[[str], None]) -> None:
        self._what, self._total, self._say = what, total, say
        self._count = 0
        self._started = self._said = time.monotonic()

    def advance(self, number: int) -> None:
        self._count += number
        if time.monotonic() - self._said >= PLAIN_SECONDS:
            self._tell()

    def finish(self) -> None:
        self._tell()

    def _tell(self) -> None:
        self._said = time.monotonic()
        share = 100 * self._count // (self._total or 1)
        seconds = self._said - self._started
        self._say(f"{self._what}: {self._count:,} of {self._total:,} ({share} %), {seconds:.0f} s")


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH)


def _as_json(value: object) -> object:
    """What JSON has no type for."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
