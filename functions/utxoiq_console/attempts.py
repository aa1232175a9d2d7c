"""The attempts of the stack's schedules, as Cloud Scheduler logs them: that each began, and how it ended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from utxoiq_console import moments
from utxoiq_console.config import Settings
from utxoiq_console.google_apis import GoogleApis
from utxoiq_console.logs import quoted

LIMIT = 500
BEGAN, ENDED = "AttemptStarted", "AttemptFinished"


@dataclass(frozen=True)
class Attempt:
    """Describes an attempt of a schedule.

    `at` is when it began, or ended if it began before the range. `began` is None in that case, and `ended` while it is
    under way. `failure` says why it failed; empty if it did not. `status` is the answer's; None if there was none.
    """

    schedule: str
    at: datetime
    began: datetime | None
    ended: datetime | None
    failure: str = ""
    status: int | None = None

    @property
    def seconds(self) -> float | None:
        """Return how long it took; None if that is not known."""
        return (self.ended - self.began).total_seconds() if self.began and self.ended else None


async def read(settings: Settings, google: GoogleApis, names: Iterable[str], period: timedelta) -> list[Attempt]:
    """Return the attempts of the schedules in the period until now, newest first. Raises SourceUnavailable."""
    parts = [
        'resource.type="cloud_scheduler_job"',
        f"resource.labels.job_id=({' OR '.join(quoted(name) for name in sorted(names))})",
        f'timestamp>="{moments.format_time(datetime.now(UTC) - period)}"',
    ]
    body = {
        "resourceNames": [settings.log_view],
        "filter": " AND ".join(parts),
        "orderBy": "timestamp desc",
        "pageSize": LIMIT,
    }
    answer = await google.call("logging", lambda api: api.entries().list(body=body))
    return _paired(settings, reversed(answer.get("entries", [])))


def _paired(settings: Settings, entries: Iterable[Mapping[str, Any]]) -> list[Attempt]:
    """Return the attempts of entries that are in the order of time, newest first."""
    found: list[Attempt] = []
    under_way: dict[str, int] = {}
    for entry in entries:
        name = settings.short(str(entry["resource"]["labels"]["job_id"]))
        payload: Mapping[str, Any] = entry.get("jsonPayload", {})
        kind, at = str(payload.get("@type", "")).rpartition(".")[2], moments.parse_time(str(entry["timestamp"]))
        if kind == BEGAN:
            under_way[name] = len(found)
            found.append(Attempt(name, at, at, None))
        elif kind == ENDED:
            status = entry.get("httpRequest", {}).get("status")
            failure = str(payload.get("debugInfo") or payload.get("status") or "")
            index = under_way.pop(name, None)
            if index is None:
                found.append(Attempt(name, at, None, at, failure, status))
            else:
                found[index] = replace(found[index], ended=at, failure=failure, status=status)
    return sorted(found, key=lambda one: one.at, reverse=True)
