"""What was changed, by whom: the changes that the functions' log lines tell, this console's own among them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from utxoiq_console import moments
from utxoiq_console.config import Settings
from utxoiq_console.google_apis import GoogleApis
from utxoiq_console.logs import quoted

KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True)
class ChangeQuery:
    """Selects changes; an empty field selects any."""

    action: str = ""
    subject: str = ""
    limit: int = 50


@dataclass(frozen=True)
class Change:
    """Describes a change. `details` is as the function told it."""

    at: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]
    request: str

    @property
    def in_words(self) -> str:
        """Return the details on one line; empty if there are none."""
        return json.dumps(self.details, ensure_ascii=False) if self.details else ""


@dataclass
class OwnChange:
    """Describes a change that somebody made with a page of the console, for its log line."""

    action: str
    subject: str | None
    details: Mapping[str, object]


async def read(settings: Settings, google: GoogleApis, wanted: ChangeQuery) -> list[Change]:
    """Return the selected changes of the last 30 days, newest first. Raises SourceUnavailable."""
    services = " OR ".join(quoted(function.name) for function in settings.resources.functions)
    parts = [
        'resource.type="cloud_run_revision"',
        f"resource.labels.service_name=({services})",
        f'timestamp>="{moments.format_time(datetime.now(UTC) - KEPT_FOR)}"',
    ]
    for name in ("action", "subject"):
        if value := getattr(wanted, name):
            parts.append(f"jsonPayload.audit.{name}={quoted(value)}")
    body = {
        "resourceNames": [settings.log_view],
        "filter": " AND ".join(parts),
        "orderBy": "timestamp desc",
        "pageSize": wanted.limit,
    }
    answer = await google.call("logging", lambda api: api.entries().list(body=body))
    return [change for entry in answer.get("entries", []) for change in _changes(entry, wanted)]


def _changes(entry: Mapping[str, Any], wanted: ChangeQuery) -> Iterator[Change]:
    """Yield those of an entry's changes that are meant: one request may make several."""
    payload = entry.get("jsonPayload", {})
    for one in payload.get("audit", []):
        subject = str(one.get("subject") or "")
        if wanted.action in ("", one["action"]) and wanted.subject in ("", subject):
            yield Change(
                at=moments.parse_time(str(entry["timestamp"])),
                actor=str(entry.get("labels", {}).get("caller", "")),
                action=str(one["action"]),
                subject=subject,
                details=one.get("details") or {},
                request=str(payload.get("request_id", "")),
            )
