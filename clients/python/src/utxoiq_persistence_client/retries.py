"""When a request is sent again, and after how long."""

import random
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Optional
from uuid import uuid4

import httpx

IDEMPOTENCY_KEY = "Idempotency-Key"
# POSTs that create: each gets a key, so that the service applies it once however often it comes.
CREATING = ("/api/v1/monitoring/backfill/start", "/api/v1/monitoring/metrics", "/api/v1/monitoring/metrics/batch")
# POSTs that set what they name: twice is the same as once.
SETTING = ("/api/v1/feedback/rate", "/api/v1/feedback/comment", "/api/v1/feedback/flag")
_IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# The request was not taken: its body came too slowly, or its caller has no requests left.
_REFUSED = frozenset({408, 429})
_PASSING = _REFUSED | {502, 503, 504}
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Retries:
    """Decides on another attempt.

    A request whose outcome is unknown (the connection broke, or 502, 503 or 504 came) is sent again only if that does
    no harm: it reads, it has an Idempotency-Key or If-Match, or it sets what it names. One that was certainly not
    applied (no connection, 408 or 429) is sent again whatever it is.

    Attributes:
        attempts: How often a request is sent at most; 1 means no retry.
        longest_wait: How many seconds are waited at most. If Retry-After says more, the error is raised.
        first_wait: How many seconds are waited first without a Retry-After. It doubles, less up to half by chance.
    """

    attempts: int = 4
    longest_wait: float = 60.0
    first_wait: float = 0.5

    def after_error(self, request: httpx.Request, error: httpx.TransportError, attempt: int) -> Optional[float]:
        """Return the seconds to wait before the next attempt, or None if there is none. Attempts count from 1."""
        if attempt >= self.attempts or not (isinstance(error, _NOT_SENT) or _may_repeat(request)):
            return None
        return self._backoff(attempt)

    def after_response(self, request: httpx.Request, response: httpx.Response, attempt: int) -> Optional[float]:
        """Return the seconds to wait before the next attempt, or None if the answer is final."""
        if attempt >= self.attempts or response.status_code not in _PASSING:
            return None
        if response.status_code not in _REFUSED and not _may_repeat(request):
            return None
        wait = retry_after(response.headers)
        if wait is None:
            return self._backoff(attempt)
        return wait if wait <= self.longest_wait else None

    def _backoff(self, attempt: int) -> float:
        longest = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))
        return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads callers, keeps no secret


def identify(request: httpx.Request) -> None:
    """Give a POST that creates an Idempotency-Key, if it has none."""
    if request.method == "POST" and request.url.path.endswith(CREATING):
        request.headers.setdefault(IDEMPOTENCY_KEY, str(uuid4()))


def retry_after(headers: httpx.Headers) -> Optional[float]:
    """Return the seconds that Retry-After asks for, as a number or as a date; None if it says nothing."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())


def _may_repeat(request: httpx.Request) -> bool:
    headers = request.headers
    if request.method in _IDEMPOTENT_METHODS or IDEMPOTENCY_KEY in headers or "If-Match" in headers:
        return True
    return request.url.path.endswith(SETTING)
