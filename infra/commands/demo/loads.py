"""What is loaded. Every run sends the same, under the same Idempotency-Keys: running it twice adds nothing."""

import asyncio
import math
import random
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime, timedelta
from typing import Any

from commands.demo.api import CONNECTIONS, Api

BLOCKS = 900_000
BLOCK_STEP = 5_000
SERVICES = ("utxo-indexer", "mempool-watcher", "block-parser", "insight-engine", "price-feed", "web-api")
SERIES = {"request_latency": ("ms", 40.0), "throughput": ("requests/s", 900.0)}
DAYS = 30
BATCH = 1440
INSIGHTS = 1_000
RATERS = 100
COMMENTS = (
    "Matches what I see on chain.",
    "The cluster looks too wide.",
    "Useful before the halving.",
    "Please cite the block.",
)

Advance = Callable[[int], None]


async def backfill(api: Api, advance: Advance) -> str:
    """A job over the block chain, each step made on the version that the one before it left. Returns the job's id."""
    job, tag = await api.post(
        "/api/v1/monitoring/backfill/start",
        {"job_type": "utxo_set", "start_block": 0, "end_block": BLOCKS, "created_by": "demo"},
    )
    for block in range(BLOCK_STEP, BLOCKS + 1, BLOCK_STEP):
        _, tag = await api.post(
            "/api/v1/monitoring/backfill/progress",
            {
                "current_block": block,
                "progress_percentage": 100 * block / BLOCKS,
                "status": "completed" if block == BLOCKS else "running",
            },
            query={"job_id": job["id"]},
            headers={"If-Match": tag or "*"},
        )
        advance(BLOCK_STEP)
    return str(job["id"])


async def metrics(api: Api, until: datetime, advance: Advance) -> None:
    """A value a minute of each series and service for DAYS before `until`, a day a request."""

    async def send(service: str, kind: str, day: datetime) -> None:
        rows = list(_minutes(service, kind, day))
        key = f"demo-{service}-{kind}-{day:%Y-%m-%dT%H}"
        await api.post("/api/v1/monitoring/metrics/batch", rows, headers={"Idempotency-Key": key})
        advance(len(rows))

    days = [until - timedelta(days=days) for days in range(DAYS, 0, -1)]
    await _at_once(send(service, kind, day) for day in days for service in SERVICES for kind in SERIES)


async def ratings(api: Api, advance: Advance) -> None:
    """RATERS users rate each of INSIGHTS insights; some say why."""

    async def send(insight: int, user: int) -> None:
        chance = random.Random(insight * RATERS + user)  # noqa: S311
        quality = 2.2 + 2.6 * (insight * 37 % INSIGHTS) / INSIGHTS
        body: dict[str, object] = {
            "insight_id": f"insight-{insight:04d}",
            "user_id": f"analyst-{user:03d}",
            "rating": min(5, max(1, round(chance.gauss(quality, 0.9)))),
        }
        if chance.random() < 0.05:
            body["comment"] = chance.choice(COMMENTS)
        await api.post("/api/v1/feedback/rate", body)
        advance(1)

    await _at_once(send(insight, user) for insight in range(INSIGHTS) for user in range(RATERS))


def _minutes(service: str, kind: str, day: datetime) -> Iterator[dict[str, object]]:
    """A day of a series: its level, a daily wave, noise, and now and then a spike."""
    unit, level = SERIES[kind]
    chance = random.Random(f"{service} {kind} {day:%Y-%m-%dT%H}")  # noqa: S311
    own_level = level * (0.6 + 0.2 * SERVICES.index(service))
    for minute in range(BATCH):
        moment = day + timedelta(minutes=minute)
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

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(work())
