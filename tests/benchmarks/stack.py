"""From the command of `make up` to a stack whose functions answer."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from tests.benchmarks.servers import FUNCTIONS, ROOT

from local_cloud.processes.server import Server, free_port

FIRST_TIMEOUT = 600.0


class Stack(Server):
    """The local deployer on a state of its own; a second one beside it does not disturb it."""

    name = "stack"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._description = folder / "stack.json"
        self._port = free_port()

    def prepare(self) -> None:
        self._description.unlink(missing_ok=True)

    def command(self) -> list[str]:
        return [sys.executable, "-m", "local_cloud", "--state", str(self.folder), "up", "--port", str(self._port)]

    def environment(self) -> dict[str, str]:
        # Whatever the caller set for its package index is meant for the installation as well.
        return {**os.environ, "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT / 'infra'}"}

    def probe(self) -> bool:
        if not self._description.exists():
            return False
        urls = json.loads(self._description.read_text())["functions"]
        return all(_answers(f"{urls[name]}/health") for name in FUNCTIONS)


def seconds_to_healthy(folder: Path, rounds: int, say: Callable[[str], None]) -> list[float]:
    """The first installs the functions' packages; the others find them, and their data."""
    folder.mkdir()
    seconds = []
    for number in range(rounds + 1):
        stack = Stack(folder)
        started = time.perf_counter()
        stack.start(FIRST_TIMEOUT)
        seconds.append(time.perf_counter() - started)
        stack.stop()
        say(f"make up: round {number + 1} of {rounds + 1}, {seconds[-1]:.1f} s")
    return seconds


def _answers(url: str) -> bool:
    with urlopen(url, timeout=10) as answer:  # noqa: S310 - a URL that the deployer wrote
        return bool(answer.status == 200)
