"""Cloud Scheduler: fires HTTP jobs on their cron, in their time zone, with a signed token of the declared account."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import aiohttp
from croniter import croniter

from local_cloud import background
from local_cloud.google.issuer import Issuers

TOKEN_SECONDS = 3600.0
ANSWER_LENGTH = 2000


@dataclass(frozen=True)
class Retries:
    """When a failed attempt is made again, in seconds.

    doublings: how often the wait is doubled before it grows by as much each time.
    """

    count: int = 0
    longest_total: float = 0.0
    first_wait: float = 5.0
    longest_wait: float = 3600.0
    doublings: int = 5

    def wait(self, attempt: int) -> float:
        """Return the seconds before the attempt that follows one. attempt: counted from 1."""
        doubled = min(attempt - 1, self.doublings)
        linear = max(0, attempt - 1 - self.doublings)
        step: float = self.first_wait * 2**doubled
        return min(step * (1 + linear), self.longest_wait)


@dataclass(frozen=True)
class JobSpec:
    """A job as the program declares it."""

    name: str
    cron: str
    zone: str
    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    account: str | None = None
    audience: str | None = None
    deadline: float = 180.0
    retries: Retries = Retries()
    paused: bool = False
    location: str = ""
    description: str = ""

    def next_run(self, after: datetime) -> datetime:
        """Return when the job is next due."""
        following: datetime = croniter(self.cron, after.astimezone(ZoneInfo(self.zone))).get_next(datetime)
        return following


@dataclass(frozen=True)
class Run:
    """An attempt that has ended. status: None if no answer came."""

    at: datetime
    status: int | None
    answer: str
    timed_out: bool = False

    @property
    def succeeded(self) -> bool:
        """Return whether the answer was one of success."""
        return self.status is not None and 200 <= self.status < 300


class Job:
    """A job and what has become of it.

    due: its latest moment so far. began: the last attempt. last: the last one that has ended.
    """

    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec
        self.paused = spec.paused
        self.due = datetime.now(UTC)
        self.began: datetime | None = None
        self.last: Run | None = None

    def pause(self) -> None:
        """Fire no more; an attempt that is under way goes on."""
        self.paused = True

    def resume(self) -> None:
        """Fire again."""
        self.paused = False


# Told of each attempt as it begins, without a run, and as it ends.
Record = Callable[[JobSpec, Run | None], None]


class Scheduler:
    """Fires jobs. record: called with each attempt as it begins, and as it ends."""

    def __init__(
        self,
        issuers: Issuers,
        session: aiohttp.ClientSession,
        say: Callable[[str], None],
        record: Record = lambda spec, run: None,
    ) -> None:
        self.jobs: dict[str, Job] = {}
        self._record = record
        self._issuers = issuers
        self._session = session
        self._say = say
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, spec: JobSpec) -> None:
        """Add a job, which fires once `start` is called."""
        self.jobs[spec.name] = Job(spec)

    def start(self) -> None:
        """Fire jobs from now on: not before the whole system is up."""
        for job in self.jobs.values():
            job.due = datetime.now(UTC)
            name = f"the schedule {job.spec.name}"
            self._hold(background.start(name, partial(self._fire_when_due, job), 0, say=self._say))

    def stop(self) -> None:
        """Fire no more, and cancel attempts that are under way."""
        for task in self._tasks:
            task.cancel()

    def find(self, name: str) -> Job | None:
        """Return a job by its name or an end of it; None if there is none, or several.

        `backup` finds shop-backup, also where there is shop-verify-backup.
        """
        if name in self.jobs:
            return self.jobs[name]
        ending = [known for known in self.jobs if name and known.endswith(f"-{name}")]
        fewest = min((known.count("-") for known in ending), default=0)
        closest = [known for known in ending if known.count("-") == fewest]
        return self.jobs[closest[0]] if len(closest) == 1 else None

    def dispatch(self, job: Job) -> None:
        """Fire once, now, without waiting for the answer."""
        name = f"the job {job.spec.name}"
        self._hold(background.start_once(name, partial(self._fire_and_tell, job), say=self._say))

    async def fire(self, job: Job) -> Run:
        """Fire once, now, and return how it went."""
        job.began = datetime.now(UTC)
        self._note(job.spec, None)
        job.last = await self._attempt(job.spec, job.began)
        self._note(job.spec, job.last)
        return job.last

    def _note(self, spec: JobSpec, run: Run | None) -> None:
        """An attempt does not fail for want of its record."""
        try:
            self._record(spec, run)
        except Exception as error:
            self._say(f"an attempt of the job {spec.name} cannot be recorded: {error!r}")

    async def _attempt(self, spec: JobSpec, at: datetime) -> Run:
        headers = {
            "User-Agent": "Google-Cloud-Scheduler",
            "X-CloudScheduler": "true",
            "X-CloudScheduler-JobName": spec.name,
            "X-CloudScheduler-ScheduleTime": at.isoformat(timespec="seconds"),
            **spec.headers,
        }
        if spec.account is not None:
            token = self._issuers.account_token(spec.account, spec.audience or spec.url, TOKEN_SECONDS)
            headers["Authorization"] = f"Bearer {token}"
        timeout = aiohttp.ClientTimeout(total=spec.deadline)
        try:
            async with self._session.request(
                spec.method, spec.url, headers=headers, data=spec.body or None, timeout=timeout
            ) as answer:
                text = (await answer.content.read(ANSWER_LENGTH)).decode(errors="replace")
                return Run(at, answer.status, text)
        except TimeoutError:
            return Run(at, None, f"no answer within the attempt deadline of {spec.deadline:g} s", timed_out=True)
        except aiohttp.ClientError as error:
            return Run(at, None, str(error))

    def _hold(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fire_when_due(self, job: Job) -> None:
        now = datetime.now(UTC)
        # A sleep may end a moment early: what was fired then is not due again.
        job.due = job.spec.next_run(max(now, job.due))
        await asyncio.sleep((job.due - now).total_seconds())
        if not job.paused:
            await self._fire_with_retries(job)

    async def _fire_and_tell(self, job: Job) -> None:
        run = await self.fire(job)
        if not run.succeeded:
            self._tell(job, run)

    async def _fire_with_retries(self, job: Job) -> None:
        retries = job.spec.retries
        began = asyncio.get_running_loop().time()
        attempt = 1
        while not (run := await self.fire(job)).succeeded:
            spent = asyncio.get_running_loop().time() - began
            if attempt > retries.count or (retries.longest_total and spent > retries.longest_total):
                self._tell(job, run)
                return
            await asyncio.sleep(retries.wait(attempt))
            attempt += 1

    def _tell(self, job: Job, run: Run) -> None:
        self._say(f"the job {job.spec.name} failed: {run.status or 'no answer'}: {run.answer[:200]}")
