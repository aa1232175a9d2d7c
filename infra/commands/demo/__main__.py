"""`make demo`: loads into the running stack, says how fast that went, and shows what is there now."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from commands.demo import loads, show
from commands.demo.api import Api, NotRunning, Refused, connected, read_stack

T = TypeVar("T")
SHOWN_INSIGHTS = ("insight-0000", "insight-0027", "insight-0500", "insight-0999")
SHOWN_DAYS = 7


async def demonstrate(api: Api, console: Console) -> None:
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    rates = Table("loaded", "count", "seconds", "a second", title="Rates reached", title_justify="left")

    with _progress(console) as progress:

        async def timed(what: str, total: int, load: Callable[[loads.Advance], Awaitable[T]]) -> T:
            bar = progress.add_task(what, total=total)
            started = time.perf_counter()
            result = await load(lambda count: progress.advance(bar, count))
            seconds = time.perf_counter() - started
            rates.add_row(what, f"{total:,}", f"{seconds:.1f}", f"{total / seconds:,.0f}")
            return result

        job_id = await timed("blocks, in steps", loads.BLOCKS, lambda advance: loads.backfill(api, advance))
        rows = loads.DAYS * 1440 * len(loads.SERVICES) * len(loads.SERIES)
        await timed("metrics, in batches", rows, lambda advance: loads.metrics(api, until, advance))
        await timed("ratings", loads.INSIGHTS * loads.RATERS, lambda advance: loads.ratings(api, advance))

    show.job(console, await api.get(f"/api/v1/monitoring/backfill/{job_id}"))
    show.statistics(console, [await api.get("/api/v1/feedback/stats", insight_id=name) for name in SHOWN_INSIGHTS])
    hourly = await api.get(
        "/api/v1/monitoring/metrics/aggregate",
        service_name=loads.SERVICES[0],
        metric_type=next(iter(loads.SERIES)),
        start_time=(until - timedelta(days=SHOWN_DAYS)).isoformat(),
        end_time=until.isoformat(),
        interval="hour",
    )
    show.aggregate(console, hourly)
    console.print(rates)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:20}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )


async def _run(stack: Any, console: Console) -> None:
    async with connected(stack) as api:
        await demonstrate(api, console)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--stack", type=Path, default=Path(".local/stack.json"), help="the running stack's description")
    description = parser.parse_args().stack
    failures: list[str] = []
    try:
        asyncio.run(_run(read_stack(description), Console()))
    except* (NotRunning, Refused, aiohttp.ClientError) as errors:
        failures = [str(error) for error in _leaves(errors)]
    if failures:
        print(f"make demo: {failures[0]}", file=sys.stderr)  # noqa: T201
    return 1 if failures else 0


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


if __name__ == "__main__":
    sys.exit(main())
