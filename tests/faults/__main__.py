"""Runs the fault suite: python -m tests.faults --faults 500 --seed 1. Ends with 1 where a promise was broken."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.faults import schedule
from tests.faults.injections import FAULTS


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
        report = asyncio.run(
            schedule.run(Path(folder), ("feedback", "metrics", "backfill"), names, arguments.seed, _tell)
        )
    print(*report.lines(), sep="\n")  # noqa: T201
    return 1 if any(report.violations.values()) else 0


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
