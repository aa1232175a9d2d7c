"""What was measured, in tables that go into docs/benchmarks.md as they are."""

import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import psutil
from tests.benchmarks import archive_bench
from tests.benchmarks.scale import TARGET, Scale
from tests.benchmarks.starts import Start
from tests.benchmarks.throughput import Comparison, Side

PACKAGES_SHOWN = 14
# The load average above which something else must be running.
QUIET = 0.7


def machine() -> str:
    """With how busy it is: figures from a machine that others use at the time say little."""
    memory = psutil.virtual_memory().total / 2**30
    busy = psutil.getloadavg()[0]
    warning = "" if busy < QUIET else "; NOT QUIET: other programs ran, so rates and times say little"
    cores = f"{psutil.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}"
    return f"{_processor()}, {cores}, load average {busy:.1f} at the start{warning}"


def throughput(comparisons: Iterable[Comparison]) -> str:
    rows = [
        [
            one.route.title,
            f"{one.ours.figures.rate:,.0f}",
            f"{one.peer.figures.rate:,.0f}",
            f"{one.ratio:.2f}",
            f"{one.route.target:.1f}",
            _latencies(one.ours),
            _latencies(one.peer),
            f"{one.ours.cpu:.0f}, {one.peer.cpu:.0f}, {one.floor.cpu:.0f}",
            f"{one.ours.cpu / one.floor.cpu:.1f}",
            _verdict(one),
        ]
        for one in comparisons
    ]
    latency = "p50, p99 ms"
    heads = ["route", "ours /s", "peer /s", "ratio", "target", f"ours {latency}", f"peer {latency}"]
    return table([*heads, "CPU µs: ours, peer, hello", "ours / hello", ""], rows)


def archive(comparisons: Iterable[archive_bench.Comparison]) -> str:
    rows = [
        [
            one.ours.name,
            f"{one.ours.rate:,.0f}",
            f"{one.peer.rate:,.0f}",
            f"{one.ratio:.2f}",
            f"{archive_bench.TARGET_RATIO:.1f}",
            f"{one.ours.peak:.0f}",
            "reached" if one.reached else "missed",
        ]
        for one in comparisons
    ]
    return table(
        ["a million metrics", "rows/s", "COPY to Parquet", "ratio", "target", "peak MiB, at most 300", ""], rows
    )


def scale(scales: Iterable[Scale]) -> str:
    rows = [
        [
            one.title,
            f"{one.small:.2f}",
            f"{one.large:.2f}",
            f"{one.ratio:.2f}",
            f"{TARGET:.1f}",
            "reached" if one.ratio <= TARGET else f"missed by {one.ratio - TARGET:.2f}",
        ]
        for one in scales
    ]
    return table(["nothing cached", "a hundredth, ms", "all rows, ms", "ratio", "at most", ""], rows)


def starts(starts: Iterable[Start]) -> str:
    rows = [[one.function, f"{one.seconds:.2f}", f"{one.megabytes:.0f}"] for one in starts]
    return table(["function", "s to the first answer", "peak MB"], rows)


def imports(times: Mapping[str, float]) -> str:
    shown = list(times.items())[:PACKAGES_SHOWN]
    rows = [[name, f"{milliseconds:.0f}"] for name, milliseconds in shown]
    rest = sum(times.values()) - sum(milliseconds for _, milliseconds in shown)
    return table(["imported", "ms"], [*rows, ["all others", f"{rest:.0f}"]])


def identity(costs: Mapping[str, float]) -> str:
    return table(["caller known by", "µs"], [[name, f"{microseconds:.1f}"] for name, microseconds in costs.items()])


def up(seconds: Sequence[float]) -> str:
    first, *others = seconds
    rows = [["first, with installing", f"{first:.1f}"], ["again (median)", f"{statistics.median(others):.1f}"]]
    return table(["make up, to all healthy", "s"], rows)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown, aligned for a terminal."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def _latencies(side: Side) -> str:
    return f"{side.figures.p50:.1f}, {side.figures.p99:.1f}"


def _verdict(one: Comparison) -> str:
    ours, peer = one.ours.figures, one.peer.figures
    misses = []
    if ours.failures or peer.failures:
        misses.append(f"{ours.failures} and {peer.failures} failed: {(ours.failure or peer.failure).splitlines()[0]}")
    if one.ratio < one.route.target:
        misses.append(f"rate missed by {one.route.target - one.ratio:.2f}")
    if ours.p99 > peer.p99:
        misses.append(f"p99 {ours.p99 / peer.p99:.1f} times the peer's")
    return ", ".join(misses) or "reached"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
