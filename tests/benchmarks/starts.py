"""From a process's start to its first answer, its memory, and where the time of its imports goes."""

import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from tests.benchmarks.servers import Function

ROUNDS = 5
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| +([\w.]+)")
_RESIDENT_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Start:
    """Medians. seconds: to the first answer, which needs database and Redis; megabytes: peak, of all its processes."""

    function: str
    seconds: float
    megabytes: float


def first_answer(functions: Sequence[Function]) -> list[Start]:
    """By turns."""
    runs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for _ in range(ROUNDS):
        for function in functions:
            started = time.perf_counter()
            with function:
                seconds = time.perf_counter() - started
                runs[function.name].append((seconds, _peak_megabytes(function)))
    return [
        Start(name, *(statistics.median(column) for column in zip(*measured, strict=True)))
        for name, measured in runs.items()
    ]


def imports(function: Function) -> dict[str, float]:
    """Milliseconds by package, longest first: all that its process imports beyond a bare interpreter."""
    bare = {module for module, _ in _imported(function, "pass")}
    code = f"import functions_framework._cli, uvicorn_worker, runpy; runpy.run_path({function.source!r})"
    times: dict[str, float] = defaultdict(float)
    for module, milliseconds in _imported(function, code):
        if module not in bare:
            times[_package(module)] += milliseconds
    return dict(sorted(times.items(), key=lambda item: -item[1]))


def _imported(function: Function, code: str) -> list[tuple[str, float]]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        env=dict(function.environment()),
        capture_output=True,
        text=True,
        check=True,
    )
    return [(module, int(microseconds) / 1000) for microseconds, module in _LINE.findall(done.stderr)]


def _package(module: str) -> str:
    names = module.split(".")
    if names[0] in sys.stdlib_module_names:
        return "the standard library"
    return ".".join(names[:3]) if names[0] == "google" else names[0]


def _peak_megabytes(function: Function) -> float:
    if function.process is None:
        raise RuntimeError(f"{function.name} does not run")
    root = psutil.Process(function.process.pid)
    return sum(_peak_kilobytes(process.pid) for process in [root, *root.children(recursive=True)]) / 1024


def _peak_kilobytes(pid: int) -> int:
    """As Linux keeps it."""
    match = _RESIDENT_PEAK.search(Path(f"/proc/{pid}/status").read_text())
    if match is None:
        raise RuntimeError(f"process {pid} has no memory")
    return int(match[1])
