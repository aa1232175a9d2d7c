"""Queries of the functions' log lines in Cloud Logging."""

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
# Requested every few seconds, by the console among others.
PROBED = "/health"
_SHOWN_APART = ("message", "request_id", "severity", "time")


@dataclass(frozen=True)
class LogQuery:
    """Selects log lines.

    `function` is an id; empty for all but the console. `severity` is the lowest to show, `request` a request id; each
    empty for any. `around` is a time in the middle of the period; empty for one that ends now.
    """

    function: str = ""
    request: str = ""
    severity: str = ""
    text: str = ""
    period: str = "1h"
    around: str = ""
    limit: int = 100

    @property
    def is_narrow(self) -> bool:
        """Return whether the query selects few lines. Such a query includes health checks."""
        return bool(self.request or self.text or self.severity)


@dataclass(frozen=True)
class LogLine:
    """Describes a log line. `key` identifies it. `trace` is the id of its request's trace.

    `details` has its other fields as JSON.
    """

    key: str
    at: datetime
    severity: str
    function: str
    message: str
    request: str
    status: str
    latency: str
    trace: str
    details: str


async def read(settings: Settings, google: GoogleApis, wanted: LogQuery) -> list[LogLine]:
    """Return the selected lines, newest first. Raises SourceUnavailable."""
    body = {
        "resourceNames": [settings.log_view],
        "filter": _filter(settings, wanted, datetime.now(UTC)),
        "orderBy": "timestamp desc",
        "pageSize": wanted.limit,
    }
    answer = await google.call("logging", lambda api: api.entries().list(body=body))
    return [_line(settings, entry) for entry in answer.get("entries", [])]


def _filter(settings: Settings, wanted: LogQuery, now: datetime) -> str:
    functions = settings.resources.functions
    services = [one.name for one in functions if wanted.function == one.id or _is_meant(settings, wanted, one)]
    parts = [
        'resource.type="cloud_run_revision"',
        f"resource.labels.service_name=({' OR '.join(map(quoted, services))})",
        *_times(wanted, now),
    ]
    if wanted.severity:
        parts.append(f"severity>={wanted.severity}")
    if wanted.request:
        parts.append(f"jsonPayload.request_id={quoted(wanted.request)}")
    if wanted.text:
        parts.append(f"(jsonPayload.message:{quoted(wanted.text)} OR textPayload:{quoted(wanted.text)})")
    if not wanted.is_narrow:
        parts.append(f'NOT httpRequest.requestUrl:"{PROBED}"')
    return " AND ".join(parts)


def _times(wanted: LogQuery, now: datetime) -> list[str]:
    length = PERIODS[wanted.period]
    if not wanted.around:
        return [f'timestamp>="{moments.format_time(now - length)}"']
    middle = moments.parse_time(wanted.around)
    start, end = middle - length / 2, middle + length / 2
    return [f'timestamp>="{moments.format_time(start)}"', f'timestamp<="{moments.format_time(end)}"']


def _is_meant(settings: Settings, wanted: LogQuery, function: Resource) -> bool:
    """Return whether a query for all functions includes this one.

    The console's own lines are left out, unless the query is for a request: each page view adds lines.
    """
    return not wanted.function and (function.name != settings.own or bool(wanted.request))


def quoted(text: str) -> str:
    """Return a text as a filter of Google's takes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _line(settings: Settings, entry: Mapping[str, Any]) -> LogLine:
    payload: Mapping[str, Any] = entry.get("jsonPayload", {})
    request: Mapping[str, Any] = entry.get("httpRequest", {})
    service = str(entry.get("resource", {}).get("labels", {}).get("service_name", ""))
    said = payload.get("message") or entry.get("textPayload") or _describe_request(request)
    rest = {name: value for name, value in payload.items() if name not in _SHOWN_APART}
    extra = {name: entry[name] for name in ("httpRequest", "labels", "trace", "spanId") if entry.get(name)}
    details = {**rest, **extra}
    return LogLine(
        key=str(entry.get("insertId") or entry["timestamp"]),
        at=moments.parse_time(str(entry["timestamp"])),
        severity=str(entry.get("severity", "DEFAULT")),
        function=settings.short(service),
        message=str(said).rstrip(),
        request=str(payload.get("request_id", "")),
        status=str(request.get("status", "")),
        latency=_milliseconds(str(request.get("latency", ""))),
        trace=str(entry.get("trace", "")).rpartition("/traces/")[2] if entry.get("traceSampled") else "",
        details=json.dumps(details, indent=2, ensure_ascii=False) if details else "",
    )


def _milliseconds(duration: str) -> str:
    """Return a duration of Google's form, such as 0.0135s, in milliseconds; empty if it is none."""
    try:
        return numbers.format_with_unit(float(duration.removesuffix("s")) * 1000, "ms")
    except ValueError:
        return ""


def _describe_request(request: Mapping[str, Any]) -> str:
    return f"{request.get('requestMethod', '')} {request.get('requestUrl', '')} {request.get('status', '')}".strip()
