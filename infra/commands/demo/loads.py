"""What is loaded. Every run within the same hour sends the same, under the same Idempotency-Keys, and adds nothing."""

import asyncio
import math
import random
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from commands.api import CONNECTIONS, Api
from commands.output import Advance

BLOCKS = 900_000
SERVICES = ("utxo-indexer", "mempool-watcher", "block-parser", "insight-engine", "price-feed", "web-api")
SERIES = {"request_latency": ("ms", 40.0), "throughput": ("requests/s", 900.0)}
A_DAY = timedelta(days=1)
A_MINUTE = timedelta(minutes=1)
AN_HOUR = timedelta(hours=1)
# The month of so long ago has expired: metrics leave PostgreSQL when their month ended 90 days ago.
EXPIRED = timedelta(days=150)
AGGREGATE = "/api/v1/monitoring/metrics/aggregate"
COMMENTS = (
    "Matches what I see on chain.",
    "The cluster looks too wide.",
    "Useful before the halving.",
    "Please cite the block.",
)


@dataclass(frozen=True)
class Scale:
    """How much is loaded: days of metrics, a value a minute; insights, and how many users rate each."""

    block_step: int
    days: int
    insights: int
    raters: int

    @property
    def metrics(self) -> int:
        """How many metrics that is."""
        return self.days * (A_DAY // A_MINUTE) * len(SERVICES) * len(SERIES)

    @property
    def ratings(self) -> int:
        """How many ratings that is."""
        return self.insights * self.raters


# Half a minute on two cores, and a few.
SCALES = {
    "small": Scale(block_step=20_000, days=7, insights=200, raters=25),
    "full": Scale(block_step=5_000, days=30, insights=1_000, raters=100),
}


async def backfill(api: Api, scale: Scale, advance: Advance) -> str:
    """Make a job over the block chain, each step on the version that the one before it left; return the job's id."""
    job, tag = await api.post(
        "/api/v1/monitoring/backfill/start",
        {"job_type": "utxo_set", "start_block": 0, "end_block": BLOCKS, "created_by": "demo"},
    )
    for block in range(scale.block_step, BLOCKS + 1, scale.block_step):
        _, tag = await api.post(
            "/api/v1/monitoring/backfill/progress",
            {
                "current_block": block,
                "progress_percentage": 100 * block / BLOCKS,
                "status": "completed" if block == BLOCKS else "running",
            },
            query={"job_id": job["id"]},
            headers={"If-Match": tag or "*"},
            repeatable=True,
        )
        advance(scale.block_step)
    return str(job["id"])


async def metrics(api: Api, scale: Scale, until: datetime, advance: Advance) -> None:
    """Record a value a minute of each series for the days before `until`, a day a request."""
    days = [until - number * A_DAY for number in range(scale.days, 0, -1)]
    await _send(api, days, A_MINUTE, advance)


async def expired_metrics(api: Api, month: datetime, advance: Advance) -> None:
    """Record a value an hour of each series for a month."""
    await _send(api, list(_days(month)), AN_HOUR, advance)


async def is_recorded(api: Api, month: datetime) -> bool:
    """Return whether an earlier run recorded that month, archived by now or not."""
    known = await api.get(
        AGGREGATE,
        service_name=SERVICES[0],
        metric_type=next(iter(SERIES)),
        start_time=month.isoformat(),
        end_time=max(_days(month)).isoformat(),
        interval="day",
    )
    return bool(known["data"])


def expired_month(now: datetime) -> datetime:
    """Return the start of a month whose metrics have expired."""
    return (now - EXPIRED).astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def expired_count(month: datetime) -> int:
    """Return how many metrics `expired_metrics` records."""
    return len(list(_days(month))) * (A_DAY // AN_HOUR) * len(SERVICES) * len(SERIES)


async def ratings(api: Api, scale: Scale, advance: Advance) -> None:
    """Have users rate each insight; some say why."""

    async def send(insight: int, user: int) -> None:
        chance = random.Random(insight * scale.raters + user)  # noqa: S311
        quality = 2.2 + 2.6 * (insight * 37 % scale.insights) / scale.insights
        body: dict[str, object] = {
            "insight_id": f"insight-{insight:04d}",
            "user_id": f"analyst-{user:03d}",
            "rating": min(5, max(1, round(chance.gauss(quality, 0.9)))),
        }
        if chance.random() < 0.05:
            body["comment"] = chance.choice(COMMENTS)
        await api.post("/api/v1/feedback/rate", body, repeatable=True)
        advance(1)

    await _at_once(send(insight, user) for insight in range(scale.insights) for user in range(scale.raters))


async def _send(api: Api, days: list[datetime], step: timedelta, advance: Advance) -> None:
    async def send(service: str, kind: str, day: datetime) -> None:
        rows = list(_values(service, kind, day, step))
        key = f"demo-{service}-{kind}-{day:%Y-%m-%dT%H}"
        await api.post("/api/v1/monitoring/metrics/batch", rows, headers={"Idempotency-Key": key}, repeatable=True)
        advance(len(rows))

    await _at_once(send(service, kind, day) for day in days for service in SERVICES for kind in SERIES)


def _days(month: datetime) -> Iterator[datetime]:
    day = month
    while day.month == month.month:
        yield day
        day += A_DAY


def _values(service: str, kind: str, day: datetime, step: timedelta) -> Iterator[dict[str, object]]:
    """A day of a series: its level, a daily wave, noise, and now and then a spike."""
    unit, level = SERIES[kind]
    chance = random.Random(f"{service} {kind} {day:%Y-%m-%dT%H}")  # noqa: S311
    own_level = level * (0.6 + 0.2 * SERVICES.index(service))
    for number in range(A_DAY // step):
        moment = day + number * step
        wave = 1 + 0.35 * math.sin(2 * math.pi * (moment.hour * 60 + moment.minute) / 1440)
        spike = 3.0 if chance.random() < 0.001 else 1.0
        yield {
            "service_name": service,
            "metric_type": kind,
            "metric_value": round(own_level * wave * spike * chance.uniform(0.9, 1.1), 3),
            "unit": unit,
            "timestamp": moment.isoformat(),
        }


async def _at_once(calls: Iterator[Coroutine[Any, Any, None]]) -> None:
    """As many at a time as there are connections."""

    async def work() -> None:
        for call in calls:
            await call

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(work())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
