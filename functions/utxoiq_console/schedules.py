"""The stack's schedules in Cloud Scheduler."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from utxoiq_console import attempts, moments
from utxoiq_console.attempts import Attempt
from utxoiq_console.config import Settings
from utxoiq_console.google_apis import GoogleApis
from utxoiq_console.sources import SourceUnavailable

PAGE = 500
# No attempt lasts longer, so one that began before and has not ended is lost.
LONGEST_ATTEMPT = timedelta(minutes=35)
# The range of a schedule's page.
HISTORY = timedelta(days=7)
_OK = 0
# The codes of google.rpc.Code that an HTTP target can cause.
_CODES = {
    1: "cancelled", 2: "unknown", 3: "bad request", 4: "deadline exceeded", 5: "not found", 7: "permission denied",
    8: "too many requests", 9: "failed precondition", 10: "aborted", 13: "internal", 14: "unavailable",
    16: "unauthenticated",
}  # fmt: skip


@dataclass(frozen=True)
class Schedule:
    """Describes a schedule.

    `name` lacks the stack's prefix. `function` is the id of the function that it calls; empty if that is not known.
    `failure` says why the last run that has ended failed; empty if it succeeded. `under_way` is since when a run has
    been under way; None if none is, or if that cannot be told.
    """

    name: str
    about: str
    cron: str
    zone: str
    state: str
    next_run: datetime | None
    last_run: datetime | None
    failure: str
    function: str
    under_way: datetime | None


class Schedules:
    """Reads and runs the stack's schedules."""

    def __init__(self, settings: Settings, google: GoogleApis) -> None:
        self._settings = settings
        self._google = google
        self._parent = f"projects/{settings.project}/locations/{settings.location}"
        self._names = {name for scheduler in settings.resources.with_kind("scheduler") for name in scheduler.members}

    async def all(self) -> list[Schedule]:
        """Return the schedules, ordered by their next runs. Raises SourceUnavailable."""
        answer, recent = await asyncio.gather(
            self._google.call(
                "cloudscheduler", lambda api: api.projects().locations().jobs().list(parent=self._parent, pageSize=PAGE)
            ),
            self._recent(),
        )
        found = [self._schedule(job, recent) for job in answer.get("jobs", []) if self._is_own(job)]
        return sorted(found, key=lambda one: (one.next_run is None, one.next_run or 0, one.name))

    async def history(self, name: str) -> list[Attempt]:
        """Return the attempts of a schedule in the last days, newest first. Raises SourceUnavailable."""
        return await attempts.read(self._settings, self._google, [f"{self._settings.prefix}-{name}"], HISTORY)

    async def run(self, name: str) -> None:
        """Run a schedule now. Raises SourceUnavailable, also if this stack has no such schedule."""
        if name not in {schedule.name for schedule in await self.all()}:
            raise SourceUnavailable(f"This stack has no schedule {name}.")
        path = f"{self._parent}/jobs/{self._settings.prefix}-{name}"
        await self._google.call("cloudscheduler", lambda api: api.projects().locations().jobs().run(name=path, body={}))

    def _is_own(self, job: Mapping[str, Any]) -> bool:
        return str(job["name"]).rpartition("/")[2] in self._names

    async def _recent(self) -> Sequence[Attempt]:
        """Return the attempts that may be under way; none while Cloud Logging is away, which has its own section."""
        if not self._names:
            return []
        try:
            return await attempts.read(self._settings, self._google, self._names, LONGEST_ATTEMPT)
        except SourceUnavailable:
            return []

    def _schedule(self, job: Mapping[str, Any], recent: Sequence[Attempt]) -> Schedule:
        code = int(job.get("status", {}).get("code", _OK))
        name = self._settings.short(str(job["name"]).rpartition("/")[2])
        called = self._settings.resources.routed(urlsplit(str(job.get("httpTarget", {}).get("uri", ""))).path)
        newest = next((one for one in recent if one.schedule == name), None)
        longest = timedelta(seconds=float(str(job.get("attemptDeadline", "180s")).removesuffix("s")) + moments.MINUTE)
        is_under_way = newest is not None and newest.ended is None and datetime.now(UTC) - newest.at < longest
        return Schedule(
            name=name,
            about=str(job.get("description", "")),
            cron=str(job.get("schedule", "")),
            zone=str(job.get("timeZone", "UTC")).removeprefix("Etc/"),
            state=str(job.get("state", "ENABLED")).lower().replace("_", " "),
            next_run=_moment(job.get("scheduleTime")),
            last_run=_moment(job.get("lastAttemptTime")),
            failure="" if code == _OK else _CODES.get(code, f"code {code}"),
            function=called.id if called else "",
            under_way=newest.at if newest is not None and is_under_way else None,
        )


def _moment(text: object) -> datetime | None:
    return moments.parse_time(str(text)) if text else None
