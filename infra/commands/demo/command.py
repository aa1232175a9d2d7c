"""`demo`: loads something worth looking at into the running system, and shows it."""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from commands import stack
from commands.api import Api, connect
from commands.demo import loads, show
from commands.errors import CommandFailed
from commands.output import Advance, Output
from commands.parser import CommandParser

T = TypeVar("T")
SHOWN_SHARES = (0, 0.03, 0.5, 0.999)
SHOWN_DAYS = 7
ARCHIVED = "metrics of a past month"
DESCRIPTION = """\
Load something worth looking at into the running system, and show it: a backfill job over 900,000 blocks, days of
metrics, ratings, and a past month of metrics that retention then archives. Half a minute by default; --scale full takes
minutes: 30 days of metrics and 100,000 ratings."""


def add_to(parser: CommandParser) -> None:
    """Add the command."""
    demo = parser.add_command("demo", "load something worth looking at, and show it", _demonstrate, DESCRIPTION)
    demo.add_argument("--scale", choices=tuple(loads.SCALES), default="small", help="(default: small)")


def _demonstrate(given: argparse.Namespace, output: Output) -> Any:
    found = stack.read(given.stack_file)

    async def run() -> Any:
        service = connect(found.base_url, {"X-API-Key": found.credential("service_key")})
        operator = connect(found.base_url, {"Authorization": f"Bearer {found.credential('retention_token')}"})
        async with service as api, operator as operating:
            return await Demonstration(api, operating, loads.SCALES[given.scale], output).run(found.base_url)

    return asyncio.run(run())


class Demonstration:
    """One run of the command. `api`: a service's; `operating`: an operator's, who may have retention run."""

    def __init__(self, api: Api, operating: Api, scale: loads.Scale, output: Output) -> None:
        self._api = api
        self._operating = operating
        self._scale = scale
        self._output = output
        self._loaded: list[dict[str, Any]] = []

    async def run(self, base_url: str) -> dict[str, Any]:
        """Load, show, and return what was loaded and the system's own figures. Raises CommandFailed."""
        api, scale = self._api, self._scale
        until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        month = loads.expired_month(until)
        job = await self._timed("blocks, in steps", loads.BLOCKS, lambda done: loads.backfill(api, scale, done))
        await self._timed("metrics, in batches", scale.metrics, lambda done: loads.metrics(api, scale, until, done))
        await self._timed("ratings", scale.ratings, lambda done: loads.ratings(api, scale, done))
        if await loads.is_recorded(api, month):
            self._output.note(f"{ARCHIVED}: there since an earlier run")
        else:
            count = loads.expired_count(month)
            await self._timed(ARCHIVED, count, lambda done: loads.expired_metrics(api, month, done))
        archived = await self._archive(month)
        await self._show(job, until)
        requests = (await api.get("/api/v1/monitoring/database/requests"))["metrics"]
        cache = (await api.get("/api/v1/monitoring/database/cache"))["metrics"]
        show.rates(self._output, self._loaded)
        show.figures(self._output, requests, cache, base_url)
        self._output.line(f"Look at it: {base_url}/, and ask the archive:")
        self._output.line('  make archive-query SQL="SELECT count(*) FROM system_metrics"')
        return {"loaded": self._loaded, "archived": archived, "requests": requests, "cache": cache}

    async def _timed(self, what: str, total: int, load: Callable[[Advance], Awaitable[T]]) -> T:
        started = time.perf_counter()
        with self._output.progress(what, total) as advance:
            result = await load(advance)
        self._loaded.append({"what": what, "count": total, "seconds": round(time.perf_counter() - started, 3)})
        return result

    async def _archive(self, month: datetime) -> dict[str, Any]:
        """Have retention archive what has expired. Raises CommandFailed."""
        with self._output.step(f"archiving {month:%B %Y}"):
            ran = (await self._operating.post("/api/v1/monitoring/retention/run", None, repeatable=True)).body
        if ran["status"] == "failed":
            raise CommandFailed(
                f"retention failed: {ran['message']}", remedy="docs/operations/alerts/retention-failing.md"
            )
        return {"month": f"{month:%Y-%m}", "rows": ran["results"]["metrics"]["archived"]}

    async def _show(self, job: str, until: datetime) -> None:
        api, output = self._api, self._output
        output.line()
        show.job(output, await api.get(f"/api/v1/monitoring/backfill/{job}"))
        names = [f"insight-{int(share * self._scale.insights):04d}" for share in SHOWN_SHARES]
        show.statistics(output, [await api.get("/api/v1/feedback/stats", insight_id=name) for name in names])
        hourly = await api.get(
            loads.AGGREGATE,
            service_name=loads.SERVICES[0],
            metric_type=next(iter(loads.SERIES)),
            start_time=(until - timedelta(days=SHOWN_DAYS)).isoformat(),
            end_time=until.isoformat(),
            interval="hour",
        )
        show.aggregate(output, hourly)
