"""Measures what the system reaches beside a peer, how it scales and how it starts; ends with tables in Markdown."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks import archive_bench, data, identity, report, scale, servers, stack, starts, throughput
from tests.benchmarks.callers import Callers, callers
from tests.benchmarks.load import LoadFailed
from tests.benchmarks.requests import Requests, Route
from tests.benchmarks.scale import WrongAnswer
from tests.benchmarks.servers import FUNCTIONS, Backends, Function, Hello, HttpServer, Peer

from local_cloud.processes.server import ServerFailed

PARTS = ("routes", "scale", "archive", "starts", "identity", "up")
ROUTES = ("rate", "batch", "job", "stats", "aggregate", "page")
OURS, PEER, SCALE = "ours", "peer", "scale"
UP_ROUNDS = 3


class Bench:
    def __init__(self, folder: Path, backends: Backends, callers: Callers, arguments: argparse.Namespace) -> None:
        self._folder = folder
        self._backends = backends
        self._callers = callers
        self._arguments = arguments

    def run(self, part: str) -> str:
        """Its table."""
        return {
            "routes": self._routes,
            "scale": self._scale,
            "archive": self._archive,
            "starts": self._starts,
            "identity": self._identity,
            "up": self._up,
        }[part]()

    def _routes(self) -> str:
        say("routes: loading 100,000 ratings and a month of metrics, twice")
        self._backends.create(OURS, self._callers.declared)
        with self._backends.postgres.connect(database=OURS) as connection:
            jobs = data.load_routes(connection)
        self._backends.copy(OURS, PEER)
        routes = [route for route in Requests(self._callers, jobs).routes() if route.name in self._arguments.routes]
        with (
            self._functions(OURS, {route.function for route in routes}) as functions,
            self._peer() as peer,
            Hello(self._folder / "hello") as floor,
        ):
            others = {throughput.PEER: peer, throughput.FLOOR: floor}
            return report.throughput([self._compare(route, functions[route.function], others) for route in routes])

    def _compare(self, route: Route, ours: Function, others: Mapping[str, HttpServer]) -> throughput.Comparison:
        rounds, seconds = self._arguments.rounds, self._arguments.seconds
        self._backends.settle(OURS, PEER)
        return throughput.compare(route, {throughput.OURS: ours, **others}, rounds, seconds, say)

    def _scale(self) -> str:
        ratings, metrics = self._arguments.ratings, self._arguments.metrics
        self._backends.create(SCALE, self._callers.declared)
        total, loaded = round((ratings + metrics) * 1.01), 0

        def advance(rows: int) -> None:
            nonlocal loaded
            loaded += rows
            if loaded * 10 // total > (loaded - rows) * 10 // total:
                say(f"scale: {loaded:,} of {total:,} rows loaded")

        with self._backends.postgres.connect(database=SCALE) as connection:
            data.load_scale(connection, ratings, metrics, advance)
        say("scale: reading")
        with self._functions(SCALE, {"feedback", "metrics"}) as functions:
            metrics_port = functions["metrics"].port
            return report.scale(
                [
                    scale.stats(functions["feedback"].port, self._callers),
                    scale.aggregate(metrics_port, self._callers, cut=False),
                    scale.aggregate(metrics_port, self._callers, cut=True),
                ]
            )

    def _archive(self) -> str:
        say("archive: a million metrics, several times")
        return report.archive(archive_bench.run(say))

    def _starts(self) -> str:
        say("starts: each function, several times")
        self._backends.create("starts", self._callers.declared)
        measured = starts.first_answer([self._function(name, "starts") for name in FUNCTIONS])
        say("starts: imports of feedback")
        times = starts.imports(self._function("feedback", "starts"))
        return f"{report.starts(measured)}\n\n{report.imports(times)}"

    def _identity(self) -> str:
        say("identity: tokens, keys and limits")
        self._backends.create("identity", self._callers.declared)
        return report.identity(identity.costs(self._callers, self._function("feedback", "identity").environment()))

    def _up(self) -> str:
        return report.up(stack.seconds_to_healthy(self._folder / "stack", UP_ROUNDS, say))

    def _function(self, name: str, database: str) -> Function:
        return Function(name, self._folder / f"{database}-{name}", self._backends, self._callers, database)

    @contextmanager
    def _functions(self, database: str, names: set[str]) -> Iterator[dict[str, Function]]:
        with ExitStack() as running:
            yield {name: running.enter_context(self._function(name, database)) for name in names}

    def _peer(self) -> Peer:
        return Peer(self._folder / "peer", self._backends, PEER, tuned=not self._arguments.untuned_peer)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """1 if a part could not be measured; the others' tables are shown nevertheless."""
    arguments = _arguments()
    machine = report.machine()
    tables, failed = [], False
    with servers.scratch_folder() as folder, callers() as known, servers.backends(folder) as backends:
        bench = Bench(folder, backends, known, arguments)
        for part in arguments.only:
            try:
                table = bench.run(part)
            except (LoadFailed, ServerFailed, WrongAnswer) as failure:
                table, failed = f"Not measured: {failure}", True
            tables.append(f"## {part}\n{table}")
    sys.stdout.write("\n\n".join([f"On {machine}.", *tables, ""]))
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", type=_choice(PARTS), default=PARTS, metavar="PARTS", help=f"of {','.join(PARTS)}")
    parser.add_argument(
        "--routes", type=_choice(ROUTES), default=ROUTES, metavar="ROUTES", help=f"of {','.join(ROUTES)}"
    )
    parser.add_argument("--untuned-peer", action="store_true", help="with its garbage collector as Python has it")
    parser.add_argument("--rounds", type=int, default=7, help="of each side and route (default: 7)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round (default: 5)")
    parser.add_argument("--ratings", type=int, default=1_000_000, help="behind the large insight (default: 1000000)")
    parser.add_argument("--metrics", type=int, default=10_000_000, help="behind the large series (default: 10000000)")
    return parser.parse_args()


def _choice(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := sorted(set(chosen) - set(known)):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(known)}")
        return [name for name in known if name in chosen]

    return parse


if __name__ == "__main__":
    sys.exit(main())
