"""A console over small stand-ins for Google's APIs and for the other functions, which speak their JSON over HTTP."""

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
from aiohttp import web
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from local_cloud.processes.server import free_port
from local_cloud.serving.listener import listen
from utxoiq_console.app import App, build_console_app

OPERATOR = "ada@example.com"
PREFIX = "utxoiq-test"
KEY = "uiq_console00001_secret"
VIEW = "projects/project/locations/us-central1/buckets/utxoiq-test-console-logs/views/_AllLogs"
FEEDBACK_STATS = "/api/v1/feedback/stats"


@dataclass
class World:
    """What the stand-ins answer, and what they were asked.

    broken: names of APIs, their actions, or paths, that answer 503. silent: paths that hang up.
    """

    functions: str = ""
    google: str = ""
    broken: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    filters: list[str] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    snoozes: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    whole: bool = True
    credentials: str = ""
    # The cursor of the page after each.
    following: str = ""
    archived: str = ""
    # What a query of the archive answers.
    queried: dict[str, Any] = field(default_factory=lambda: queried([["1", None]]))

    async def answer_google(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.path
        body = await _json(request)
        api = {"v3": "monitoring", "v2": "logging", "v1": "cloudscheduler"}[path.split("/")[1]]
        api = "cloudtrace" if "/traces/" in path else api
        if self.broken & {api, path.rpartition(":")[2]}:
            return web.json_response({"error": {"code": 503, "message": "busy"}}, status=503)
        if api == "monitoring":
            return web.json_response(self._monitored(request, path, body))
        if api == "cloudtrace":
            return web.json_response(trace())
        if path.endswith(":list"):
            if body["resourceNames"] != [VIEW]:
                return web.json_response({"error": {"code": 403, "message": "not the view"}}, status=403)
            self.filters.append(body["filter"])
            is_of_jobs = "cloud_scheduler_job" in body["filter"]
            found = self.attempts if is_of_jobs else _meant(self.entries, body["filter"])
            return web.json_response({"entries": found})
        if path.endswith(":run"):
            self.ran.append(path.removesuffix(":run").rpartition("/")[2])
            return web.json_response({})
        return web.json_response({"jobs": [job("publish-metrics"), job("backup", code=5), job("other", "utxoiq-else")]})

    def _monitored(self, request: web.BaseRequest, path: str, body: Any) -> dict[str, Any]:
        if path.endswith("/timeSeries"):
            self.filters.append(request.rel_url.query["filter"])
            return {"timeSeries": _series(request)}
        if path.endswith("/alerts"):
            return {"alerts": self.alerts}
        return policy() if "/alertPolicies/" in path else self._snoozed(request.method, path, body)

    def _snoozed(self, method: str, path: str, body: Any) -> dict[str, Any]:
        if method == "POST":
            self.snoozes.append({"name": f"projects/project/snoozes/{len(self.snoozes)}", **body})
        if method == "PATCH":
            next(one for one in self.snoozes if path.endswith(one["name"]))["interval"] |= body["interval"]
        return {"snoozes": self.snoozes}

    async def answer_function(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.path
        text = await request.text()
        self.asked.append((request.method, str(request.rel_url), dict(request.headers), text))
        if path in self.silent and request.transport is not None:
            request.transport.close()
        if path in self.broken:
            return web.json_response({"detail": "the database is away"}, status=503)
        answers: dict[str, Any] = {
            "/health": {"status": "healthy", "parts": {"database": "ok", "redis": "ok"}},
            "/api/v1/monitoring/database/pool": {"status": "success", "metrics": _pool(self.whole)},
            "/api/v1/monitoring/database/queries": {"status": "success", "metrics": _queries(self.whole)},
            FEEDBACK_STATS: _statistics(),
            "/api/v1/feedback/comments": {"comments": [{"user_id": "ada", "comment": "well seen"}], "total": 1},
            "/api/v1/monitoring/metrics": [_metric()],
            "/api/v1/monitoring/metrics/aggregate": _aggregate(),
            "/api/v1/monitoring/retention/archive": {"status": "success", "days": [_archived_day()]},
            "/api/v1/monitoring/retention/query": self.queried,
            "/api/v1/monitoring/backup/status": {
                "status": "success",
                "backup": None,
                "verification": None,
                "export": _export(),
            },
            "/api/v1/access/keys": [_api_key()],
            "/api/v1/access/audit": [_audit_entry()],
            "/api/v1/access/keys/revoke": _api_key(),
            "/api/v1/feedback/user": {"feedback": self.rows, "total": len(self.rows)},
        }
        if path == "/api/v1/monitoring/backfill/status":
            status = request.rel_url.query.get("status")
            found = [one for one in self.jobs if status in (None, one["status"])]
            return web.json_response(found, headers=_link(self.following))
        if path not in answers:
            return web.json_response({"detail": "nothing here"}, status=404)
        more = {"X-Archived-Range": self.archived} if self.archived and "/metrics" in path else {}
        return web.json_response(answers[path], headers={"X-Request-ID": "request-7", **more})

    def environment(self) -> dict[str, str]:
        return {
            "GOOGLE_CLOUD_PROJECT": "project",
            "MONITORING_NAMESPACE": PREFIX,
            "MONITORING_LOCATION": "us-central1",
            "LOG_VIEW": VIEW,
            "RUNBOOKS": "https://runbooks.example/alerts",
            "CONSOLE_KEY": KEY,
            "GOOGLE_APIS_ENDPOINT": self.google,
            "K_SERVICE": f"{PREFIX}-console",
            "RESOURCES": json.dumps(self._resources()),
            **({"LOCAL_CREDENTIALS": self.credentials} if self.credentials else {}),
        }

    def _resources(self) -> list[dict[str, Any]]:
        paths = {
            "feedback": ["/api/v1/feedback"],
            "backfill": ["/api/v1/monitoring/backfill"],
            "database": ["/api/v1/monitoring/database", "/metrics"],
            "metrics": ["/api/v1/monitoring/metrics"],
            "keys": ["/api/v1/access"],
            "retention": ["/api/v1/monitoring/retention"],
            "backup": ["/api/v1/monitoring/backup"],
        }
        private = ("retention", "backup")
        functions = [
            {
                **_resource(name, "function", ["postgres", "redis"]),
                "paths": own,
                "url": self.functions,
                **({} if name in private else {"health": f"{self.functions}/health"}),
            }
            for name, own in paths.items()
        ]
        return [
            _resource("clients", "entry", list(paths)),
            {
                **_resource("scheduler", "scheduler", ["database"]),
                "members": [f"{PREFIX}-{name}" for name in ("publish-metrics", "backup")],
            },
            *functions,
            _resource("migrate", "function", ["postgres"]),
            _resource("console", "function", ["monitoring"]),
            _resource("postgres", "database", []),
            _resource("redis", "cache", []),
            _resource("monitoring", "service", []),
        ]


def _resource(name: str, kind: str, uses: list[str]) -> dict[str, Any]:
    return {
        "id": name,
        "kind": kind,
        "title": name,
        "name": f"{PREFIX}-{name}",
        "about": f"what {name} does",
        "uses": uses,
    }


@asynccontextmanager
async def opened(world: World, caller: str = OPERATOR) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, as the platform lets it in."""
    ports = free_port(), free_port()
    servers = [await listen(world.answer_google, ports[0]), await listen(world.answer_function, ports[1])]
    world.google, world.functions = (f"http://127.0.0.1:{port}" for port in ports)
    app = build_console_app(world.environment())
    headers = {"Authorization": f"Bearer {token_without_signature(caller)}", "Sec-Fetch-Site": "same-origin"}
    transport = httpx.ASGITransport(app=_asgi(app))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://console", headers=headers) as client:
            yield client
    finally:
        await app.opened.close()
        for server in servers:
            await server.cleanup()


def token_without_signature(email: str) -> str:
    parts = ({"alg": "RS256"}, {"email": email})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join([*encoded, "SIGNATURE_REMOVED_BY_GOOGLE"])


def backfill(job_type: str = "utxo_set", status: str = "running", **fields: Any) -> dict[str, Any]:
    return {
        "id": f"id-of-{job_type}",
        "job_type": job_type,
        "start_block": 0,
        "end_block": 900_000,
        "current_block": 450_000,
        "status": status,
        "progress_percentage": 50.0,
        "estimated_completion": None,
        "error_message": None,
        "started_at": "2026-01-31T12:00:00Z",
        "completed_at": None,
        "created_by": "operations",
        "version": 3,
        **fields,
    }


def alert(slug: str, stack: str = PREFIX, **fields: Any) -> dict[str, Any]:
    opened_at = datetime.now(UTC) - timedelta(minutes=5)
    return {
        "name": f"projects/project/alerts/{stack}-{slug}",
        "state": "OPEN",
        "openTime": opened_at.isoformat(),
        "policy": {
            "name": "projects/project/alertPolicies/7",
            "displayName": f"{stack}-{slug}",
            "severity": "CRITICAL",
            "userLabels": {"alert": slug},
        },
        "resource": {"type": "generic_task", "labels": {"project_id": "project", "job": f"{stack}-feedback"}},
        "metric": {"type": "custom.googleapis.com/utxoiq/pool/utilization", "labels": {}},
        **fields,
    }


def policy() -> dict[str, Any]:
    threshold = {
        "filter": 'metric.type="custom.googleapis.com/utxoiq/pool/utilization" AND resource.type="generic_task"',
        "aggregations": [{"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_MEAN"}],
        "comparison": "COMPARISON_GT",
        "thresholdValue": 0.9,
        "duration": "120s",
    }
    return {
        "name": "projects/project/alertPolicies/7",
        "documentation": {"subject": f"{PREFIX}: the pool of a function is nearly full"},
        "conditions": [{"displayName": "share in use", "conditionThreshold": threshold}],
    }


def attempt(name: str, kind: str, seconds_ago: float, **fields: Any) -> dict[str, Any]:
    """kind: AttemptStarted or AttemptFinished."""
    return {
        "timestamp": (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat(),
        "resource": {"type": "cloud_scheduler_job", "labels": {"job_id": f"{PREFIX}-{name}"}},
        "jsonPayload": {"@type": f"type.googleapis.com/google.cloud.scheduler.logging.{kind}", **fields},
    }


def change(action: str, subject: str, **details: Any) -> dict[str, Any]:
    made = {"action": action, "subject": subject, "details": details}
    line = entry(f"{action} {subject}", request=f"request-of-{action}")
    return {
        **line,
        "labels": {"caller": f"operator:{OPERATOR}"},
        "jsonPayload": {**line["jsonPayload"], "audit": [made]},
    }


def trace() -> dict[str, Any]:
    def span(number: int, parent: int, start: float, end: float, name: str) -> dict[str, Any]:
        moments = [f"2026-01-31T12:00:{second:06.3f}Z" for second in (start, end)]
        return {
            "spanId": str(number),
            "parentSpanId": str(parent),
            "name": name,
            "startTime": moments[0],
            "endTime": moments[1],
            "labels": {"utxoiq.request_id": "request-1"},
        }

    return {"spans": [span(2, 1, 0.01, 0.03, "insert_rating"), span(1, 0, 0.0, 0.05, "POST /api/v1/feedback/rate")]}


def _export() -> dict[str, Any]:
    times = {"requested_at": "2026-01-31T12:00:00Z", "ended_at": "2026-01-31T12:01:00Z"}
    return {"id": "id", "backup_id": "exports/a", **times, "bytes": 48_213, "status": "success", "error": None}


def queried(rows: list[list[str | None]], **more: Any) -> dict[str, Any]:
    """An answer of two columns."""
    answer = {
        "status": "success",
        "columns": ["id", "unit"],
        "types": ["BIGINT", "VARCHAR"],
        "rows": rows,
        "is_cut": False,
        "objects": 2,
        "rows_read": 8928,
        "gone": [],
        "damaged": [],
    }
    return {**answer, **more}


def job(name: str, prefix: str = PREFIX, code: int = 0) -> dict[str, Any]:
    return {
        "name": f"projects/project/locations/us-central1/jobs/{prefix}-{name}",
        "description": f"what {name} does",
        "schedule": "* * * * *",
        "timeZone": "Etc/UTC",
        "state": "ENABLED",
        "scheduleTime": (datetime.now(UTC) + timedelta(seconds=40)).isoformat(),
        "lastAttemptTime": "2026-01-31T12:00:00.123456789Z",
        "status": {"code": code} if code else {},
    }


def entry(message: str, request: str = "request-1") -> dict[str, Any]:
    return {
        "insertId": f"{message}-{request}",
        "timestamp": "2026-01-31T12:00:00.123456789Z",
        "severity": "WARNING",
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": f"{PREFIX}-feedback"}},
        "jsonPayload": {"message": message, "request_id": request, "logger": "api"},
        "httpRequest": {"requestMethod": "GET", "requestUrl": "/x", "status": 422, "latency": "0.0135s"},
    }


def _asgi(app: App) -> Any:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        response = await app(Request(scope, receive))
        await response(scope, receive, send)

    return serve


async def _json(request: web.BaseRequest) -> Any:
    text = await request.text()
    return json.loads(text) if text else {}


def _series(request: web.BaseRequest) -> list[dict[str, Any]]:
    now = time.time()
    labels = {"service_name": f"{PREFIX}-feedback", "response_code_class": "2xx", "group": "jobs", "result": "memory"}
    points = [
        {
            "interval": {"endTime": datetime.fromtimestamp(now - 60 * age, UTC).isoformat()},
            "value": {"doubleValue": 12.5},
        }
        for age in range(5)
    ]
    return [{"metric": {"labels": labels}, "resource": {"labels": {}}, "points": points}]


def _link(cursor: str) -> dict[str, str]:
    return {"Link": f'</next?cursor={quote(cursor, safe="")}>; rel="next"'} if cursor else {}


def _meant(entries: list[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    """Of changes those of the action that is asked for; of other questions all."""
    if "jsonPayload.audit." not in wanted:
        return entries
    changes = [one for one in entries if "audit" in one["jsonPayload"]]
    return [one for one in changes if all(f'"{part["action"]}"' in wanted or "audit.action" not in wanted
                                          for part in one["jsonPayload"]["audit"])]  # fmt: skip


def _metric() -> dict[str, Any]:
    return {
        "id": "1",
        "service_name": "node",
        "metric_type": "latency",
        "metric_value": 12.3456789,
        "unit": "ms",
        "timestamp": "2026-01-31T12:00:00Z",
        "metric_metadata": None,
    }


def _aggregate() -> dict[str, Any]:
    figures = {"avg_value": 2.5, "min_value": 1.0, "max_value": 4.0, "count": 7, "p50": 2.0, "p95": 4.0, "p99": 4.0}
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    return {"data": [{**figures, "timestamp": begin.isoformat(), "previous": figures}]}


def _archived_day() -> dict[str, Any]:
    figures = {"state": "removed", "objects": 2, "rows": 8928, "bytes": 48_213}
    return {"table": "system_metrics", "day": "2026-01-31", **figures}


def _api_key() -> dict[str, Any]:
    return {
        "id": "abcdefghijkl",
        "name": "indexer",
        "owner": "platform",
        "scopes": ["metrics:write"],
        "status": "active",
        "created_by": "operator:ada@example.com",
        "expires_at": None,
        "last_used_at": None,
    }


def _audit_entry() -> dict[str, Any]:
    return {
        "id": 7,
        "at": "2026-01-31T12:00:00Z",
        "actor": "operator:ada@example.com",
        "action": "key.create",
        "subject": "abcdefghijkl",
        "request_id": "request-9",
    }


def _statistics() -> dict[str, Any]:
    return {
        "insight_id": "x",
        "total_ratings": 3,
        "average_rating": 4.5,
        "total_comments": 1,
        "total_flags": 0,
        "flag_types": {},
        "rating_distribution": {"5": 2, "4": 1},
    }


def _pool(whole: bool) -> dict[str, Any]:
    return {
        "size": 20,
        "max_overflow": 40,
        "checked_in": 3,
        "checked_out": 2,
        "overflow": 0,
        "waiting": 1,
        "instances": 2,
        "whole": whole,
        "by_instance": {f"{PREFIX}-feedback/one": {}, f"{PREFIX}-feedback/two": {}},
    }


def _queries(whole: bool) -> dict[str, Any]:
    one = {"total_queries": 10, "failed_queries": 1, "slow_queries": 2, "p50": 1.0, "p95": 7.5, "p99": None}
    return {**one, "whole": whole, "statements": {"insert_rating": one}}
