"""The local deployer's loops go on whatever a round of theirs raises; what nobody waits for says that it failed."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import aiohttp
from tests.unit.local_cloud.monitored import Monitored

from local_cloud import background
from local_cloud.google.issuer import Issuers
from local_cloud.google.monitoring import uptime
from local_cloud.google.monitoring.uptime import Uptime
from local_cloud.google.scheduler.attempts import AttemptLog
from local_cloud.google.scheduler.scheduler import JobSpec, Run, Scheduler
from local_cloud.state import State

REFUSED = "http://127.0.0.1:9/"  # nobody listens on the port of `discard`


def test_work_that_nobody_waits_for_says_what_failed() -> None:
    said: list[str] = []

    async def work() -> None:
        raise ValueError("no such host")

    async def run() -> None:
        await background.start_once("the notification", work, say=said.append)

    asyncio.run(run())
    assert said == ["the notification failed: ValueError('no such host')"]


def test_an_uptime_check_goes_on_after_the_clock_stepped_back(tmp_path: Path) -> None:
    monitored = Monitored(tmp_path)
    inputs = {
        "timeout": "5s",
        "selectedRegions": ["USA_IOWA", "EUROPE", "ASIA_PACIFIC"],
        "httpCheck": {"path": "/", "port": 9, "useSsl": False},
        "monitoredResource": {"type": "uptime_url", "labels": {"host": "127.0.0.1"}},
    }
    check = uptime.read_check("till", "till", inputs, pace=60_000)
    steps = iter([100.0, -1.0])

    class Stepping(Uptime):
        async def run(self, check: uptime.UptimeCheck) -> None:
            monitored.clock.now += next(steps, 100.0)
            await super().run(check)
            if len(points()) == 3:
                done.set()

    def points() -> list[object]:
        series = monitored.store.select(f'metric.type = "{uptime.METRIC}/check_passed"', 0, monitored.clock.now)
        return list(series[0][1]) if series else []

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            checks = Stepping(monitored.store, session, monitored.said.append)
            checks.checks["till"] = check
            checks.start()
            await asyncio.wait_for(done.wait(), 60)
            await checks.stop()

    done = asyncio.Event()
    asyncio.run(run())
    (line,) = monitored.said
    assert line.startswith("the uptime check till failed and goes on: Rejected(")


def test_a_job_fires_also_where_its_attempts_cannot_be_recorded(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "scheduler.log").mkdir()  # what is to be written is no file

    async def run() -> Run:
        async with aiohttp.ClientSession() as session:
            issuers = Issuers(State(tmp_path), "http://127.0.0.1")
            record = AttemptLog(tmp_path / "scheduler.log", "shop").record
            scheduler = Scheduler(issuers, session, said.append, record)
            scheduler.add(JobSpec("job", "* * * * *", "Etc/UTC", REFUSED))
            return await scheduler.fire(scheduler.jobs["job"])

    assert asyncio.run(run()).status is None
    assert len(said) == 2
    assert all(line.startswith("an attempt of the job job cannot be recorded: IsADirectoryError") for line in said)


def test_a_schedule_goes_on_after_a_round_that_failed(tmp_path: Path) -> None:
    said: list[str] = []
    fired: list[datetime] = []

    class Often(JobSpec):
        def next_run(self, after: datetime) -> datetime:
            return after

    class Failing(Scheduler):
        async def fire(self, job: object) -> Run:
            fired.append(datetime.now(UTC))
            if len(fired) == 1:
                raise OSError("the token cannot be signed")
            again.set()
            return Run(fired[-1], 200, "")

    async def run() -> None:
        scheduler = Failing(
            Issuers(State(tmp_path), "http://127.0.0.1"), cast(aiohttp.ClientSession, None), said.append
        )
        scheduler.add(Often("job", "* * * * *", "Etc/UTC", REFUSED))
        scheduler.start()
        await asyncio.wait_for(again.wait(), 30)
        scheduler.stop()

    again = asyncio.Event()
    asyncio.run(run())
    assert said == ["the schedule job failed and goes on: OSError('the token cannot be signed')"]
