"""Spans of requests, with the attributes of OpenTelemetry's HTTP conventions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from utxoiq_http.observability.sampling import Sampling
from utxoiq_persistence.tracing import spans as tracing
from utxoiq_persistence.tracing.settings import TraceSettings
from utxoiq_persistence.tracing.spans import TraceContext

if TYPE_CHECKING:
    from utxoiq_persistence.tracing.telemetry import RootSpan, Telemetry


class RequestSpan:
    """Covers a request that is traced. Its log lines carry `context`."""

    def __init__(self, span: "RootSpan", method: str) -> None:
        self.context = span.context
        self._span = span
        self._method = method

    def end(self, name: str, status: int, request_id: str) -> None:
        """End the span.

        `name` is the endpoint's method and path template; the path is * if no endpoint was found.
        """
        span = self._span
        route = name.partition(" ")[2]
        if route != "*":
            span.rename(f"{self._method} {route}")
            span.note("http.route", route)
        span.note("http.response.status_code", status)
        span.note("utxoiq.request_id", request_id)
        if status >= 500:
            span.fail(str(status))
        span.end()


class RequestTraces:
    """Starts the spans of requests that are sampled."""

    def __init__(self, telemetry: "Telemetry", sampling: Sampling) -> None:
        self._telemetry = telemetry
        self._sampling = sampling

    def begin(
        self, method: str, path: str, headers: Mapping[bytes, bytes], parent: TraceContext | None
    ) -> RequestSpan | None:
        """Start the span of a request, which later spans of this task belong to. Return None if it is not sampled."""
        if not self._sampling.should_sample(parent is not None and parent.sampled):
            return None
        attributes = {"http.request.method": method, "url.path": path, "url.scheme": _scheme(headers)}
        span = self._telemetry.root(method, parent, attributes)
        tracing.enter(span)
        return RequestSpan(span, method)


def from_environment(environment: Mapping[str, str]) -> RequestTraces | None:
    """Return the request traces; None if tracing is off, in which case OpenTelemetry is not imported.

    Raises ConfigurationError, which names the wrong variable.
    """
    settings = TraceSettings.from_environment(environment)
    if not settings.sampling:
        return None
    from utxoiq_persistence.tracing.telemetry import Telemetry

    return RequestTraces(Telemetry(settings), Sampling(settings.sampling))


def _scheme(headers: Mapping[bytes, bytes]) -> str:
    return "https" if headers.get(b"x-forwarded-proto") == b"https" else "http"
