"""Snoozes of Cloud Monitoring: a time in which a policy notifies nobody."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from utxoiq_console import moments
from utxoiq_console.config import Settings
from utxoiq_console.google_apis import GoogleApis

PAGE = 200
# What a reader may choose.
LENGTHS = {
    "30m": timedelta(minutes=30),
    "2h": timedelta(hours=2),
    "8h": timedelta(hours=8),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
}


@dataclass(frozen=True)
class Snooze:
    """Describes a snooze that is under way. `name` is its resource name, `policies` are those that it silences."""

    name: str
    title: str
    policies: tuple[str, ...]
    until: datetime


async def read(settings: Settings, google: GoogleApis) -> list[Snooze]:
    """Return the snoozes that are under way. Raises SourceUnavailable."""
    answer = await google.call(
        "monitoring", lambda api: api.projects().snoozes().list(parent=f"projects/{settings.project}", pageSize=PAGE)
    )
    now = datetime.now(UTC)
    found = [
        Snooze(
            name=str(one["name"]),
            title=str(one.get("displayName", "")),
            policies=tuple(one.get("criteria", {}).get("policies", ())),
            until=moments.parse_time(one["interval"]["endTime"]),
        )
        for one in answer.get("snoozes", [])
        if moments.parse_time(one["interval"]["startTime"]) <= now
    ]
    return [one for one in found if one.until > now]


async def create(settings: Settings, google: GoogleApis, policy: str, title: str, length: timedelta) -> None:
    """Silence a policy from now on, for a time. Raises SourceUnavailable."""
    now = datetime.now(UTC)
    body = {
        "displayName": title,
        "criteria": {"policies": [policy]},
        "interval": {"startTime": moments.format_time(now), "endTime": moments.format_time(now + length)},
    }
    await google.call(
        "monitoring", lambda api: api.projects().snoozes().create(parent=f"projects/{settings.project}", body=body)
    )


async def end(google: GoogleApis, snooze: Snooze) -> None:
    """End a snooze now. Raises SourceUnavailable."""
    body = {"interval": {"endTime": moments.format_time(datetime.now(UTC))}}
    await google.call(
        "monitoring",
        lambda api: api.projects().snoozes().patch(name=snooze.name, updateMask="interval.end_time", body=body),
    )
