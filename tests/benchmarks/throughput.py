"""Each route under load, ours, the peer's and the floor by turns, so that what the machine does meanwhile hits all."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil
from tests.benchmarks import load
from tests.benchmarks.load import Figures, Load
from tests.benchmarks.requests import Route
from tests.benchmarks.servers import HttpServer

SIDES = OURS, PEER, FLOOR = "ours", "peer", "floor"


@dataclass(frozen=True)
class Side:
    """Medians over the rounds. cpu: microseconds a request of the server's own processes, without the database's."""

    figures: Figures
    cpu: float


@dataclass(frozen=True)
class Comparison:
    route: Route
    ours: Side
    peer: Side
    floor: Side

    @property
    def ratio(self) -> float:
        return self.ours.figures.rate / self.peer.figures.rate


def compare(
    route: Route, servers: Mapping[str, HttpServer], rounds: int, seconds: float, say: Callable[[str], None]
) -> Comparison:
    """servers: ours, peer and floor, which only says hello to whatever it is asked. Raises LoadFailed."""
    loads = {
        side: Load(server.port, [pair.peer if side == PEER else pair.ours for pair in route.pairs], seconds)
        for side, server in servers.items()
    }
    runs: dict[str, list[tuple[Figures, float]]] = {side: [] for side in servers}
    for number in range(rounds):
        for side in SIDES if number % 2 else SIDES[::-1]:
            before = _cpu_seconds(servers[side])
            figures = load.run(loads[side])
            spent = _cpu_seconds(servers[side]) - before
            runs[side].append((figures, 1e6 * spent / figures.answers))
            say(f"{route.title}: round {number + 1} of {rounds}, {side} {figures.rate:,.0f}/s")
    return Comparison(route, _median(runs[OURS]), _median(runs[PEER]), _median(runs[FLOOR]))


def _median(runs: Sequence[tuple[Figures, float]]) -> Side:
    figures = [run for run, _ in runs]
    middle = Figures(
        rate=statistics.median(run.rate for run in figures),
        p50=statistics.median(run.p50 for run in figures),
        p99=statistics.median(run.p99 for run in figures),
        answers=sum(run.answers for run in figures),
        failures=sum(run.failures for run in figures),
        failure=next((run.failure for run in figures if run.failure), ""),
    )
    return Side(middle, statistics.median(cpu for _, cpu in runs))


def _cpu_seconds(server: HttpServer) -> float:
    if server.process is None:
        raise RuntimeError(f"{server.name} does not run")
    root = psutil.Process(server.process.pid)
    times = [process.cpu_times() for process in [root, *root.children(recursive=True)]]
    return sum(time.user + time.system for time in times)
