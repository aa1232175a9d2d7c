"""The stack's schedules in Cloud Scheduler."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from utxoiq_console import moments
from utxoiq_console.config import Settings
from utxoiq_console.google_apis import GoogleApis
from utxoiq_console.sources import SourceAway

PAGE = 500
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

    `name` lacks the stack's prefix. `failure` says why the last run failed; empty if it succeeded.
    """

    name: str
    about: str
    cron: str
    zone: str
    state: str
    next_run: datetime | None
    last_run: datetime | None
    failure: str


class Schedules:
    """Reads and runs the stack's schedules."""

    def __init__(self, settings: Settings, google: GoogleApis) -> None:
        self._settings = settings
        self._google = google
        self._parent = f"projects/{settings.project}/locations/{settings.location}"
        self._names = {name for scheduler in settings.resources.of_kind("scheduler") for name in scheduler.members}

    async def all(self) -> list[Schedule]:
        """Return the schedules, ordered by their next runs. Raises SourceAway."""
        answer = await self._google.call(
            "cloudscheduler", lambda api: api.projects().locations().jobs().list(parent=self._parent, pageSize=PAGE)
        )
        found = [self._schedule(job) for job in answer.get("jobs", []) if self._is_own(job)]
        return sorted(found, key=lambda one: (one.next_run is None, one.next_run or 0, one.name))

    async def run(self, name: str) -> None:
        """Run a schedule now. Raises SourceAway, also if this stack has no such schedule."""
        if name not in {schedule.name for schedule in await self.all()}:
            raise SourceAway(f"This stack has no schedule {name}.")
        path = f"{self._parent}/jobs/{self._settings.prefix}-{name}"
        await self._google.call("cloudscheduler", lambda api: api.projects().locations().jobs().run(name=path, body={}))

    def _is_own(self, job: Mapping[str, Any]) -> bool:
        return str(job["name"]).rpartition("/")[2] in self._names

    def _schedule(self, job: Mapping[str, Any]) -> Schedule:
        code = int(job.get("status", {}).get("code", _OK))
        return Schedule(
            name=self._settings.short(str(job["name"]).rpartition("/")[2]),
            about=str(job.get("description", "")),
            cron=str(job.get("schedule", "")),
            zone=str(job.get("timeZone", "UTC")).removeprefix("Etc/"),
            state=str(job.get("state", "ENABLED")).lower().replace("_", " "),
            next_run=_moment(job.get("scheduleTime")),
            last_run=_moment(job.get("lastAttemptTime")),
            failure="" if code == _OK else _CODES.get(code, f"code {code}"),
        )


def _moment(text: object) -> datetime | None:
    return moments.parse_time(str(text)) if text else None
