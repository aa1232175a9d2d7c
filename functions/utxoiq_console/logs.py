"""Lines of the functions' logs, as Cloud Logging has them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from utxoiq_console import moments, numbers
from utxoiq_console.config import Settings
from utxoiq_console.google_apis import GoogleApis
from utxoiq_console.resources import Resource

SEVERITIES = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
PERIODS = {"15m": timedelta(minutes=15), "1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}
# Asked every few seconds, by the console among others.
PROBED = "/health"
_SHOWN_APART = ("message", "request_id", "severity", "time")


@dataclass(frozen=True)
class Wanted:
    """function: by its id; empty for all but the console. severity: the least. request: its id; empty for any."""

    function: str = ""
    request: str = ""
    severity: str = ""
    text: str = ""
    period: str = "1h"
    limit: int = 100

    @property
    def is_narrow(self) -> bool:
        """Of few lines, none of which is to be left out."""
        return bool(self.request or self.text or self.severity)


@dataclass(frozen=True)
class LogLine:
    """key: the same for the same line. details: the rest of what it says, as JSON."""

    key: str
    at: datetime
    severity: str
    function: str
    message: str
    request: str
    status: str
    latency: str
    details: str


async def read(settings: Settings, google: GoogleApis, wanted: Wanted) -> list[LogLine]:
    """Newest first. Raises SourceAway."""
    body = {
        "resourceNames": [f"projects/{settings.project}"],
        "filter": _filter(settings, wanted, datetime.now(UTC)),
        "orderBy": "timestamp desc",
        "pageSize": wanted.limit,
    }
    answer = await google.call("logging", lambda api: api.entries().list(body=body))
    return [_line(settings, entry) for entry in answer.get("entries", [])]


def _filter(settings: Settings, wanted: Wanted, now: datetime) -> str:
    functions = settings.resources.functions
    services = [one.name for one in functions if wanted.function == one.id or _is_meant(settings, wanted, one)]
    parts = [
        'resource.type="cloud_run_revision"',
        f"resource.labels.service_name=({' OR '.join(map(_quoted, services))})",
        f'timestamp>="{moments.written(now - PERIODS[wanted.period])}"',
    ]
    if wanted.severity:
        parts.append(f"severity>={wanted.severity}")
    if wanted.request:
        parts.append(f"jsonPayload.request_id={_quoted(wanted.request)}")
    if wanted.text:
        parts.append(f"(jsonPayload.message:{_quoted(wanted.text)} OR textPayload:{_quoted(wanted.text)})")
    if not wanted.is_narrow:
        parts.append(f'NOT httpRequest.requestUrl:"{PROBED}"')
    return " AND ".join(parts)


def _is_meant(settings: Settings, wanted: Wanted, function: Resource) -> bool:
    """The console's own lines, of each look at it, would hide all others; a request's may be among them."""
    return not wanted.function and (function.name != settings.own or bool(wanted.request))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _line(settings: Settings, entry: Mapping[str, Any]) -> LogLine:
    payload: Mapping[str, Any] = entry.get("jsonPayload", {})
    request: Mapping[str, Any] = entry.get("httpRequest", {})
    service = str(entry.get("resource", {}).get("labels", {}).get("service_name", ""))
    said = payload.get("message") or entry.get("textPayload") or _of_request(request)
    rest = {name: value for name, value in payload.items() if name not in _SHOWN_APART}
    extra = {name: entry[name] for name in ("httpRequest", "labels", "trace", "spanId") if entry.get(name)}
    details = {**rest, **extra}
    return LogLine(
        key=str(entry.get("insertId") or entry["timestamp"]),
        at=moments.parsed(str(entry["timestamp"])),
        severity=str(entry.get("severity", "DEFAULT")),
        function=settings.short(service),
        message=str(said).rstrip(),
        request=str(payload.get("request_id", "")),
        status=str(request.get("status", "")),
        latency=_milliseconds(str(request.get("latency", ""))),
        details=json.dumps(details, indent=2, ensure_ascii=False) if details else "",
    )


def _milliseconds(duration: str) -> str:
    """Of Google's form: 0.0135s."""
    try:
        return numbers.of_unit(float(duration.removesuffix("s")) * 1000, "ms")
    except ValueError:
        return ""


def _of_request(request: Mapping[str, Any]) -> str:
    return f"{request.get('requestMethod', '')} {request.get('requestUrl', '')} {request.get('status', '')}".strip()
