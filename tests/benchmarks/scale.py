"""Whether a read costs the same with a hundred times the rows behind it. A write before each leaves nothing cached."""

import http.client
import itertools
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from tests.benchmarks import data
from tests.benchmarks.callers import Callers
from tests.benchmarks.requests import FEEDBACK, METRICS

TARGET = 1.1
REPEATS = 200


class WrongAnswer(Exception):
    """What is measured did not answer as it must, so its time says nothing."""


@dataclass(frozen=True)
class Scale:
    """Medians, in milliseconds."""

    title: str
    small: float
    large: float

    @property
    def ratio(self) -> float:
        return self.large / self.small


class Client:
    """One connection to a function."""

    def __init__(self, port: int, credentials: Mapping[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"Content-Type": "application/json", **credentials}

    def get(self, path: str, **query: object) -> tuple[float, bytes]:
        """Milliseconds, and the body."""
        target = f"{path}?{urlencode(query)}"
        started = time.perf_counter()
        self._connection.request("GET", target, headers=self._headers)
        body = self._read()
        return 1000 * (time.perf_counter() - started), body

    def post(self, path: str, body: object) -> None:
        self._connection.request("POST", path, json.dumps(body), self._headers)
        self._read()

    def _read(self) -> bytes:
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status >= 300:
            raise WrongAnswer(f"{answer.status}: {body.decode()}")
        return body


def stats(port: int, callers: Callers) -> Scale:
    client = Client(port, {"X-API-Key": callers.api_key})
    ratings = itertools.cycle(range(1, 6))

    def read(insight: str) -> float:
        client.post(f"{FEEDBACK}/rate", {"insight_id": insight, "user_id": "user-1", "rating": next(ratings)})
        return client.get(f"{FEEDBACK}/stats", insight_id=insight)[0]

    return _scale("GET stats", read)


def aggregate(port: int, callers: Callers, *, cut: bool) -> Scale:
    """90 days by day; cut: from some moment of a day to another, so that the edges are not whole days."""
    client = Client(port, {"X-API-Key": callers.api_key})
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    shift = timedelta(hours=7, minutes=31, seconds=17) if cut else timedelta()
    start, end = today - timedelta(days=data.SCALE_DAYS) + shift, today - shift

    def read(series: str) -> float:
        metric = {
            "service_name": data.SCALE_SERVICE,
            "metric_type": series,
            "metric_value": 1.5,
            "unit": "ms",
            "timestamp": (start + timedelta(days=10)).isoformat(),
        }
        client.post(METRICS, metric)
        elapsed, _ = client.get(
            f"{METRICS}/aggregate",
            service_name=data.SCALE_SERVICE,
            metric_type=series,
            start_time=start.isoformat(),
            end_time=end.isoformat(),
            interval="day",
        )
        return elapsed

    return _scale("GET aggregate of 90 days by day" + (", both ends within an hour" if cut else ""), read)


def _scale(title: str, read: Callable[[str], float]) -> Scale:
    """The two by turns, without their first runs."""
    times: dict[str, list[float]] = {data.SMALL: [], data.LARGE: []}
    for _ in range(REPEATS):
        for name, runs in times.items():
            runs.append(read(name))
    warm = REPEATS // 10
    small, large = (statistics.median(times[name][warm:]) for name in (data.SMALL, data.LARGE))
    return Scale(title, small, large)
