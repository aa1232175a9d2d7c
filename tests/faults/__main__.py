"""Runs the fault suite: python -m tests.faults --faults 500 --seed 1. Ends with 1 where a promise was broken."""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faults import schedule
from tests.faults.injections import FAULTS
from tests.faults.records import Report


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults", description="Break every part while clients write and read.")
    parser.add_argument("--faults", type=int, default=500, help="how many faults; 500 unless given")
    parser.add_argument("--seed", type=int, default=1, help="what decides on their order and length")
    parser.add_argument("--only", choices=sorted(FAULTS), action="append", help="these kinds alone")
    arguments = parser.parse_args()
    names = schedule.choose(arguments.faults, arguments.seed)
    if arguments.only:
        names = [arguments.only[number % len(arguments.only)] for number in range(arguments.faults)]
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        Path(folder).chmod(0o755)
        report = asyncio.run(_run(Path(folder), names, arguments.seed))
    print(*report.lines(), sep="\n")  # noqa: T201
    return 1 if any(report.violations.values()) else 0


async def _run(folder: Path, names: Sequence[str], seed: int) -> Report:
    """Run until the end, or until it is told to end: then what was done so far is counted."""
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    functions = ("feedback", "metrics", "backfill", "retention")
    return await schedule.run(folder, functions, names, seed, _tell, interrupted.is_set)


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
