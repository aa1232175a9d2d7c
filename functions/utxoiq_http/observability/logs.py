"""Structured logs on standard output as Cloud Logging reads them: one JSON object per line.

The platform writes a line for each request. Ours are for changes, refusals, errors and what was slow; the others are
written at the level DEBUG only. Each line of a request has its id and its Cloud trace. None has bodies, headers or
query strings: the content and the credentials that callers send are not logged. Users have an alias there that ends
with the process: logs, which nobody can change, name no user who is erased later, and the audit log does until then.
"""

import asyncio
import hashlib
import logging
import os
import random
import re
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Protocol

import msgspec
from msgspec import Struct

from utxoiq_http.observability import trace_headers
from utxoiq_persistence.config import required
from utxoiq_persistence.errors import ConfigurationError
from utxoiq_persistence.tracing.spans import TraceContext

MAX_HELD_LINES = 200
# Of a request; the limit of the alert on latency.
SLOW_SECONDS = 1.0
TRACE = "logging.googleapis.com/trace"
SPAN_ID = "logging.googleapis.com/spanId"
SAMPLED = "logging.googleapis.com/trace_sampled"
OWN_ID = "own_request_id"

_encode = msgspec.json.Encoder().encode
_current_request: ContextVar["_Request | None"] = ContextVar("current_request", default=None)
_is_request_id = re.compile(rb"[A-Za-z0-9._\-]{1,128}").fullmatch


# Known to this process alone, and gone with it.
_ALIAS_KEY = os.urandom(16)
USER = "user:"

CORRELATION_ID = "X-Correlation-ID"
_REQUEST, _CORRELATION = b"x-request-id", CORRELATION_ID.lower().encode()


class Change(Protocol):
    """Describes a change that a request made, for the request's log line."""

    action: str
    subject: str | None
    details: Mapping[str, object]


class _Request(Struct):
    """Identifies a request in log lines, by the caller's id and then by one of ours, `own_id`, as well.

    `trace` is of its span; if it has none, the headers tell.
    """

    request_id: str
    project: str
    headers: Mapping[bytes, bytes]
    trace: TraceContext | None
    own_id: str | None

    def fields(self) -> dict[str, object]:
        """Return what every line of the request has. Most requests have no line, so this is not done before."""
        fields: dict[str, object] = {"request_id": self.request_id}
        if self.own_id is not None:
            fields[OWN_ID] = self.own_id
        trace = self.trace or trace_headers.read(self.headers)
        if trace is not None:
            fields[TRACE] = f"projects/{self.project}/traces/{trace.trace}"
            fields[SAMPLED] = trace.sampled
            if trace.span:
                fields[SPAN_ID] = trace.span
        return fields


class AccessLog:
    """Writes the lines of requests. Lines are buffered until the event loop's next turn, to save system calls."""

    def __init__(self, project: str, threshold: int) -> None:
        self._project = project
        self._threshold = threshold
        self._held: list[bytes] = []

    def begin(self, headers: Mapping[bytes, bytes], trace: TraceContext | None = None) -> str:
        """Return the request's id: the one that its caller sent if it is valid, else a new one.

        All later log lines of this task have the id and the trace: that of its span, else that of the headers.
        """
        given = _given(headers, _REQUEST) or _given(headers, _CORRELATION)
        request_id = given or _new_id()
        own_id = None if given is None else _new_id()
        _current_request.set(_Request(request_id, self._project, headers, trace, own_id))
        return request_id

    def end(
        self,
        method: str,
        path: str,
        status: int,
        size: int,
        started: float,
        caller: str,
        *,
        address: str,
        changes: Sequence[Change],
    ) -> None:
        """Write the request's line, if there is something to say of it.

        `size` is in bytes; `started` is from time.perf_counter. A line with changes is written whatever the threshold.
        """
        seconds = time.perf_counter() - started
        if status >= 400:
            level = logging.WARNING if status < 500 else logging.ERROR
        elif seconds >= SLOW_SECONDS:
            level = logging.WARNING
        else:
            level = logging.INFO if changes else logging.DEBUG
        if level < self._threshold and not changes:
            return
        line: dict[str, object] = {
            "severity": logging.getLevelName(level),
            "message": f"{method} {path} {status}",
            "time": datetime.now(UTC),
            "httpRequest": {
                "requestMethod": method,
                "requestUrl": path,
                "status": status,
                "remoteIp": address,
                "latency": f"{seconds:.6f}s",
                "responseSize": str(size),  # a string, as every int64 in Google's JSON
            },
            "logging.googleapis.com/labels": {"caller": label(caller)},
            **_request_fields(),
        }
        if changes:
            line["audit"] = [
                {"action": change.action, "subject": change.subject, "details": _without_users(change.details)}
                for change in changes
            ]
        self._held.append(_encode(line))
        if len(self._held) == 1:
            asyncio.get_running_loop().call_soon(self._flush)
        elif len(self._held) >= MAX_HELD_LINES:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, []
            _write(b"\n".join(held))


class JsonFormatter(logging.Formatter):
    """Formats records of Python's logging in the same way, with the stack trace of an exception for Error Reporting."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of JSON."""
        line: dict[str, object] = {
            "severity": record.levelname,
            "message": record.getMessage(),
            "time": datetime.fromtimestamp(record.created, UTC),
            "logger": record.name,
            **_request_fields(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["stack_trace"] = "".join(traceback.format_exception(*record.exc_info))
        return _encode(line).decode()


class _StandardOutput(logging.Handler):
    """Writes to the current `sys.stdout`, which tests replace."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            _write(self.format(record).encode())
        except Exception:
            self.handleError(record)


def configure(level: str, project: str) -> AccessLog:
    """Send all logging of this process to standard output, and return its access log.

    Raises ConfigurationError for an unknown level.
    """
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if threshold is None:
        raise ConfigurationError(f"LOG_LEVEL is {level!r}; it takes DEBUG, INFO, WARNING, ERROR or CRITICAL")
    handler = _StandardOutput()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=threshold, handlers=[handler], force=True)
    return AccessLog(project, threshold)


def from_environment(environment: Mapping[str, str]) -> AccessLog:
    """Configure logging and return the access log. Raises ConfigurationError, which names the wrong variable."""
    return configure(environment.get("LOG_LEVEL") or "INFO", required(environment, "GOOGLE_CLOUD_PROJECT"))


def own_id() -> str | None:
    """Return the id that we gave this task's request besides its caller's; None where its id is ours."""
    request = _current_request.get()
    return None if request is None else request.own_id


def _request_fields() -> dict[str, object]:
    request = _current_request.get()
    return {} if request is None else request.fields()


def label(caller: str) -> str:
    """Return a caller's name as lines have it, with an alias in the place of a user's id."""
    return USER + _alias(caller.removeprefix(USER)) if caller.startswith(USER) else caller


def _without_users(details: Mapping[str, object]) -> Mapping[str, object]:
    user_id = details.get("user_id")
    return {**details, "user_id": _alias(user_id)} if isinstance(user_id, str) else details


def _alias(user_id: str) -> str:
    """Return what lines of this process call a user."""
    return hashlib.blake2b(user_id.encode(), key=_ALIAS_KEY, digest_size=6).hexdigest()


def correlation(headers: Mapping[bytes, bytes], request_id: str) -> list[tuple[bytes, bytes]]:
    """Return the header that gives a caller its X-Correlation-ID back, or the request's id in place of an unfit one."""
    if _CORRELATION not in headers:
        return []
    return [(_CORRELATION, (_given(headers, _CORRELATION) or request_id).encode())]


def _given(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    """Return the caller's id, if it is fit for answers and logs."""
    given = headers.get(name)
    return given.decode() if given is not None and _is_request_id(given) else None


def _new_id() -> str:
    """Return 32 hexadecimal digits, without the system call of os.urandom, during which database threads would run."""
    return f"{random.getrandbits(128):032x}"


def _write(lines: bytes) -> None:
    sys.stdout.buffer.write(lines + b"\n")
    sys.stdout.buffer.flush()
