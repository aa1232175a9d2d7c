"""What the person in front of the terminal sees."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from terminal_tables import build_table

# Of a pipe or a file, which has no width of its own.
PLAIN_WIDTH = 150


class Report:
    """Prints for the person at the terminal, in colour if it is one."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = PLAIN_WIDTH

    def result(self, data: object) -> None:
        """Print a JSON document, for programs."""
        self._console.print(json.dumps(data, indent=2, ensure_ascii=False), markup=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """Print a line of what has happened."""
        self._console.print(f"  [yellow]•[/] {escape(line)}", soft_wrap=True)

    def line(self, text: str = "") -> None:
        """Print a line that is never wrapped, so that it can be copied."""
        self._console.print(escape(text), soft_wrap=True)

    def heading(self, text: str) -> None:
        """Print a line that stands out."""
        self._console.print(f"[bold]{escape(text)}[/]", soft_wrap=True)

    @contextmanager
    def step(self, what: str, detail: str = "") -> Iterator[None]:
        """Print that the work in the block is done, and how long it took."""
        began = time.monotonic()
        yield
        seconds = time.monotonic() - began
        self._console.print(f"  [green]✓[/] {escape(what)}  [dim]{escape(detail)}  {seconds:.1f} s[/]", soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table, unless it is empty."""
        if not rows:
            return
        self._console.print()
        self._console.print(build_table(title, columns, rows))
