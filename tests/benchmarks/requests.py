"""The requests that both sides get, in the same order: ours with credentials, the peer's without."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from tests.benchmarks import data
from tests.benchmarks.callers import Callers
from tests.benchmarks.load import request

T = TypeVar("T")
REQUESTS = 10_000
BATCHES = 400
BATCH = 100
PAGE = 1_000

FEEDBACK = "/api/v1/feedback"
JOBS = "/api/v1/monitoring/backfill"
METRICS = "/api/v1/monitoring/metrics"


@dataclass(frozen=True)
class Pair:
    ours: bytes
    peer: bytes


@dataclass(frozen=True)
class Route:
    """target: how many times the peer's rate is to be reached."""

    name: str
    title: str
    function: str
    target: float
    pairs: list[Pair]


class Requests:
    def __init__(self, callers: Callers, jobs: Sequence[str]) -> None:
        """jobs: ids that are in the database."""
        self._random = random.Random(1)  # noqa: S311
        self._jobs = jobs
        self._key = ("X-API-Key", callers.api_key)
        users = [data.user(number) for number in range(data.RATERS)]
        self._tokens = {user: ("Authorization", f"Bearer {callers.token(user)}") for user in users}
        self._now = datetime.now(UTC)

    def routes(self) -> list[Route]:
        return [
            Route("rate", "POST rate", "feedback", 1.5, _times(REQUESTS, self._rate)),
            Route("batch", "POST metrics batch of 100", "metrics", 2.0, _times(BATCHES, self._batch)),
            Route("job", "GET job", "backfill", 2.0, _times(REQUESTS, self._job)),
            Route("stats", "GET stats, cached", "feedback", 2.0, _times(REQUESTS, self._stats)),
            Route("aggregate", "GET aggregate, cached", "metrics", 2.5, _times(REQUESTS, self._aggregate)),
            Route("page", "GET metrics, 1,000 rows", "metrics", 2.5, _times(REQUESTS, self._page)),
        ]

    def _rate(self) -> Pair:
        user = self._one_of(list(self._tokens))
        body = {"insight_id": self._insight(), "rating": self._random.randint(1, 5)}
        path = f"{FEEDBACK}/rate"
        return Pair(
            request("POST", path, [self._tokens[user]], msgspec.json.encode(body)),
            request("POST", path, [], msgspec.json.encode({**body, "user_id": user})),
        )

    def _batch(self) -> Pair:
        """The last samples of one service's series; every tenth with metadata."""
        service = self._service()
        body = msgspec.json.encode(
            [
                {
                    "service_name": service,
                    "metric_type": data.METRIC_TYPES[number % len(data.METRIC_TYPES)],
                    "metric_value": round(self._random.uniform(0, 1000), 3),
                    "unit": "ms",
                    "timestamp": self._now - timedelta(seconds=number),
                    **({"metric_metadata": {"region": "us-east1"}} if number % 10 == 0 else {}),
                }
                for number in range(BATCH)
            ]
        )
        return self._pair("POST", f"{METRICS}/batch", self._key, body)

    def _job(self) -> Pair:
        return self._pair("GET", f"{JOBS}/{self._one_of(self._jobs)}", self._key)

    def _stats(self) -> Pair:
        return self._pair(
            "GET", f"{FEEDBACK}/stats?insight_id={self._insight()}", self._one_of(list(self._tokens.values()))
        )

    def _aggregate(self) -> Pair:
        """A month by day."""
        today = self._now.replace(hour=0, minute=0, second=0, microsecond=0)
        start = today - timedelta(days=data.METRIC_DAYS)
        return self._reading(f"{METRICS}/aggregate", start, today, interval="day")

    def _page(self) -> Pair:
        """A week, of which a thousand rows are shown; long enough ago for no cache to hold it."""
        end = self._now - timedelta(days=1, minutes=self._random.randrange(20 * 24 * 60))
        return self._reading(METRICS, end - timedelta(days=7), end, limit=PAGE)

    def _reading(self, path: str, start: datetime, end: datetime, **more: object) -> Pair:
        query = {
            "service_name": self._service(),
            "metric_type": self._one_of(data.METRIC_TYPES),
            "start_time": start.isoformat(),
            "end_time": end.isoformat(),
            **more,
        }
        return self._pair("GET", f"{path}?{urlencode(query)}", self._key)

    def _pair(self, method: str, path: str, credentials: tuple[str, str], body: bytes | None = None) -> Pair:
        return Pair(request(method, path, [credentials], body), request(method, path, [], body))

    def _insight(self) -> str:
        return data.insight(self._random.randrange(data.INSIGHTS))

    def _service(self) -> str:
        return data.service(self._random.randrange(data.SERVICES))

    def _one_of(self, choices: Sequence[T]) -> T:
        return self._random.choice(choices)


def _times(count: int, make: Callable[[], Pair]) -> list[Pair]:
    return [make() for _ in range(count)]
