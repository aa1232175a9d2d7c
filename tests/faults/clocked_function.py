"""A function whose clock can be set."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults import set_clock
from tests.integration.http.functions import Function


class ClockedFunction(Function):
    """A function by whose clock it can be earlier or later than it is."""

    def __init__(self, folder: Path, name: str, variables: Mapping[str, str]) -> None:
        super().__init__(folder, name, variables)
        self._ahead = folder / "ahead"

    def prepare(self) -> None:
        super().prepare()
        self.set_ahead(0)

    def set_ahead(self, seconds: float) -> None:
        """Set the clock, of the process that runs and of those after it."""
        with self._ahead.open("r+b" if self._ahead.exists() else "wb") as file:
            file.write(set_clock.AHEAD.pack(seconds))

    def command(self) -> Sequence[str]:
        """As functions_framework is run, but by what sets the clock first."""
        python, _, _, *options = super().command()
        assert python == sys.executable
        return [python, set_clock.__file__, str(self._ahead), *options]
