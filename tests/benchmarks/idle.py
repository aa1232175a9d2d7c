"""What a local stack costs at rest: processor, memory, and what it writes. Nobody should use it meanwhile.

python -m tests.benchmarks.idle --seconds 300    # of the stack in .local, or in LOCAL_STATE
"""

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from local_cloud.processes.supervisor import PROCESSES
from local_cloud.report import Report
from local_cloud.running import find_running
from local_cloud.state import State

REPOSITORY = Path(__file__).resolve().parents[2]
DAY_SECONDS = 86_400
MIB = 2**20
DEPLOYER = "the deployer"


@dataclass(frozen=True)
class Usage:
    """What one part of a stack took. cores: of one core. memory: bytes at the end, of shared pages its part."""

    cores: float
    memory: int


@dataclass(frozen=True)
class Rest:
    """What a stack took at rest. growth: bytes a day, by folder of its state. churn: bytes written a day in all."""

    seconds: float
    parts: Mapping[str, Usage]
    growth: Mapping[str, float]
    churn: float

    @property
    def cores(self) -> float:
        """Return what all parts took of one core."""
        return sum(part.cores for part in self.parts.values())

    @property
    def memory(self) -> int:
        """Return the bytes that all parts held."""
        return sum(part.memory for part in self.parts.values())

    @property
    def grown(self) -> float:
        """Return by how many bytes a day the state grows."""
        return sum(self.growth.values())


def measure(folder: Path, wait: Callable[[], None]) -> Rest:
    """Return what the stack of a state folder takes while `wait` runs. Raises LookupError where none runs."""
    running = find_running(folder)
    if running is None:
        raise LookupError(f"nothing runs on {folder}: `make up` first")
    files, written, busy, began = _sum_sizes(folder), _sum_written(running.pid), _busy(running.pid), time.monotonic()
    wait()
    seconds = time.monotonic() - began
    after = _busy(running.pid)
    names = {pid: name for name, (pid, _) in State(folder).section(PROCESSES).items()}
    taken: dict[str, float] = defaultdict(float)
    held: dict[str, int] = defaultdict(int)
    for pid, process in after.items():
        name = _find_name(pid, after, names)
        taken[name] += (process.busy - (busy[pid].busy if pid in busy else 0.0)) / seconds
        held[name] += _pss(pid)
    now = _sum_sizes(folder)
    growth = {name: (now[name] - files.get(name, 0)) * DAY_SECONDS / seconds for name in now}
    churn = (_sum_written(running.pid) - written) * DAY_SECONDS / seconds
    return Rest(seconds, {name: Usage(cores, held[name]) for name, cores in taken.items()}, growth, churn)


class _Process(NamedTuple):
    """busy: the seconds that it and its ended children took."""

    parent: int
    busy: float


def _busy(root: int) -> dict[int, _Process]:
    found = {}
    for pid in _family(root):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks = sum(int(field) for field in fields[11:15])
        found[pid] = _Process(int(fields[1]), ticks / os.sysconf("SC_CLK_TCK"))
    return found


def _find_name(pid: int, processes: Mapping[int, _Process], names: Mapping[int, str]) -> str:
    """Return the name of what a process is a part of."""
    while pid in processes:
        if pid in names:
            return names[pid]
        pid = processes[pid].parent
    return DEPLOYER


def _family(root: int) -> list[int]:
    process = psutil.Process(root)
    return [root, *(child.pid for child in process.children(recursive=True))]


def _pss(pid: int) -> int:
    """Return the bytes that a process holds, a page that several share in equal parts; 0 of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _sum_written(root: int) -> int:
    """Return the bytes that the processes that run now have had written to storage, whatever became of the files."""
    total = 0
    for pid in _family(root):
        try:
            lines = Path(f"/proc/{pid}/io").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))
    return total


def _sum_sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of the files in each folder of a state, those of a database by theirs."""
    sizes: dict[str, int] = defaultdict(int)
    for path, _, names in os.walk(folder):
        inside = Path(path).relative_to(folder).parts
        name = "/".join(inside[:4] if inside[:1] == ("cloudsql",) else inside[:1])
        for file in names:
            try:
                sizes[name] += os.lstat(os.path.join(path, file)).st_size
            except FileNotFoundError:
                continue
    return dict(sizes)


def main() -> int:
    """Measure the stack that runs, and show it."""
    parser = argparse.ArgumentParser(
        prog="tests.benchmarks.idle", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--seconds", type=float, default=300.0, help="how long (default: 300)")
    parser.add_argument("--state", type=Path, default=Path(os.environ.get("LOCAL_STATE") or REPOSITORY / ".local"))
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    arguments = parser.parse_args()
    try:
        rest = measure(arguments.state, lambda: time.sleep(arguments.seconds))
    except LookupError as error:
        sys.exit(str(error))
    if arguments.json:
        measured = {"core": rest.cores, "memory": rest.memory, "growth": rest.grown, "churn": rest.churn}
        Report().result(measured)
        return 0
    show(rest)
    return 0


def show(rest: Rest) -> None:
    """Print the parts, those that take most first, and the sums."""
    report = Report()
    parts = sorted(rest.parts.items(), key=lambda part: -part[1].cores)
    rows = [(name, f"{part.cores:.2%}", f"{part.memory / MIB:.0f}") for name, part in parts]
    rows.append(("all", f"{rest.cores:.2%}", f"{rest.memory / MIB:.0f}"))
    report.table(f"At rest, over {rest.seconds:.0f} s", ("part", "of a core", "MiB (PSS)"), rows)
    grown = [(name or ".", f"{size / MIB:.1f}") for name, size in sorted(rest.growth.items()) if size]
    grown += [("all", f"{rest.grown / MIB:.1f}"), ("written in all, kept or not", f"{rest.churn / MIB:.1f}")]
    report.table("Growth", ("folder of the state", "MiB a day"), grown)


if __name__ == "__main__":
    sys.exit(main())
