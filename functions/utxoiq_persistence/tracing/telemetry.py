"""Records traces by OpenTelemetry, and exports them to Google's Telemetry API or to a local one.

The module is imported only where requests are traced, since it takes 60 ms of a start.
"""

import atexit
import logging
import secrets
import time
import uuid
from collections.abc import Sequence

from google.auth.exceptions import GoogleAuthError
from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)
from opentelemetry.trace import Span as OpenTelemetrySpan
from pg8000.exceptions import DatabaseError

from utxoiq_persistence.sqlstates import read_sqlstate
from utxoiq_persistence.tracing.settings import TraceSettings
from utxoiq_persistence.tracing.spans import NONE, Attributes, Span, TraceContext

GOOGLE_ENDPOINT = "https://telemetry.googleapis.com/v1/traces"
SCOPE = "https://www.googleapis.com/auth/trace.append"
# The most spans of one request. Of a request that does more, the first ones are kept.
MAX_SPANS = 200
MAX_TEXT = 1024
# The most spans that wait for their export; each takes about 2 KB.
MAX_QUEUED = 2048
EXPORT_SECONDS = 2.0
# The time of an export with all its retries. Cloud Run gives a process 10 s to end.
PATIENCE_SECONDS = 4.0
SILENT_SECONDS = 60.0

_log = logging.getLogger(__name__)


class Telemetry:
    """Starts traces. No thread runs before the first span, since a process that forks later would lose it."""

    def __init__(self, settings: TraceSettings) -> None:
        self._resource = _resource(settings)
        self._exporter = _Exporter(settings.endpoint)
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None

    def root(self, name: str, parent: TraceContext | None, attributes: Attributes) -> "RootSpan":
        """Start the span of a request, and return it. `parent` is the caller's span."""
        tracer = self._tracer or self._start()
        # Without a span in its context, OpenTelemetry would use its own current one.
        context = set_span_in_context(INVALID_SPAN if parent is None else NonRecordingSpan(_span_context(parent)))
        return RootSpan(_SpanBudget(tracer), tracer.start_span(name, context, SpanKind.SERVER, attributes))

    def close(self) -> None:
        """Send the remaining spans. The end of the process calls this by itself."""
        if self._provider is not None:
            atexit.unregister(self.close)
            self._exporter.closing = True
            self._provider.shutdown()

    def _start(self) -> Tracer:
        instance = Resource({"service.instance.id": uuid.uuid4().hex[:12]})
        self._provider = TracerProvider(
            ALWAYS_ON,
            self._resource.merge(instance),
            shutdown_on_exit=False,
            span_limits=SpanLimits(max_attribute_length=MAX_TEXT),
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(self._exporter, max_queue_size=MAX_QUEUED, schedule_delay_millis=EXPORT_SECONDS * 1000)
        )
        atexit.register(self.close)
        self._tracer = self._provider.get_tracer("utxoiq_persistence")
        return self._tracer


class _SpanBudget:
    """Counts one request's spans: how many it may still have, and how many were dropped."""

    __slots__ = ("dropped", "remaining", "tracer")

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.remaining = MAX_SPANS - 1
        self.dropped = 0


class _RecordedSpan(Span):
    """Records a span."""

    __slots__ = ("_budget", "_span")

    def __init__(self, budget: _SpanBudget, span: OpenTelemetrySpan) -> None:
        self._budget = budget
        self._span = span

    def child(self, name: str, attributes: Attributes = NONE, *, remote: bool = False) -> Span:
        """Start a child span, and return it, or one that is not recorded if the request has too many."""
        budget = self._budget
        if budget.remaining <= 0:
            budget.dropped += 1
            return _DroppedSpan(budget)
        budget.remaining -= 1
        kind = SpanKind.CLIENT if remote else SpanKind.INTERNAL
        span = budget.tracer.start_span(name, set_span_in_context(self._span), kind, attributes)
        return _RecordedSpan(budget, span)

    def note(self, key: str, value: str | int) -> None:
        """Set an attribute."""
        self._span.set_attribute(key, value)

    def end(self, error: BaseException | None = None) -> None:
        """End the span. Of an error only the kind is recorded, since its words may quote what a caller wrote."""
        if error is not None:
            cause = error.__cause__ or error
            self.fail(type(cause).__name__)
            if isinstance(cause, DatabaseError):
                self.note("db.response.status_code", read_sqlstate(cause))
        self._span.end()

    def fail(self, kind: str) -> None:
        """Mark the span as failed by an error of that kind."""
        self.note("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR))


class RootSpan(_RecordedSpan):
    """Records the span of a whole request."""

    __slots__ = ()

    @property
    def context(self) -> TraceContext:
        """Return the span's ids, for logs and for other processes."""
        context = self._span.get_span_context()
        state = context.trace_state.to_header()
        return TraceContext(format(context.trace_id, "032x"), format(context.span_id, "016x"), True, state)

    def rename(self, name: str) -> None:
        """Change the span's name."""
        self._span.update_name(name)

    def end(self, error: BaseException | None = None) -> None:
        """End the span, with the number of spans that were dropped."""
        if self._budget.dropped:
            self.note("utxoiq.spans_left_out", self._budget.dropped)
        super().end(error)


class _DroppedSpan(Span):
    """Counts its children, and records nothing."""

    __slots__ = ("_budget",)

    def __init__(self, budget: _SpanBudget) -> None:
        self._budget = budget

    def child(self, name: str, attributes: Attributes = NONE, *, remote: bool = False) -> Span:
        """Count the child, and return this span in its place."""
        self._budget.dropped += 1
        return self

    def note(self, key: str, value: str | int) -> None:
        """Do nothing, since the span is not recorded."""

    def end(self, error: BaseException | None = None) -> None:
        """Do nothing, since the span is not recorded."""


class _Exporter(SpanExporter):
    """Exports by OTLP over HTTP in the processor's thread, which gets credentials too, so that no request waits."""

    def __init__(self, endpoint: str | None) -> None:
        self.closing = False
        self._endpoint = endpoint
        self._failed = False
        self._otlp: OTLPSpanExporter | None = None
        for log in (logging.getLogger(trace_exporter.__name__), _log):
            log.addFilter(_WarningLimiter())

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans, and return whether they were accepted."""
        if self.closing and self._failed:
            return SpanExportResult.FAILURE  # another try would delay the end of the process
        try:
            self._otlp = self._otlp or _open_exporter(self._endpoint)
        except GoogleAuthError as error:
            _log.warning("traces cannot be sent: %s", error)
            return SpanExportResult.FAILURE
        result = self._otlp.export(spans)
        self._failed = result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        """Close the connection to the endpoint."""
        if self._otlp is not None:
            self._otlp.shutdown()  # type: ignore[no-untyped-call]


class _WarningLimiter(logging.Filter):
    """Lets one record pass every SILENT_SECONDS, as a warning, since a missing endpoint fails no request."""

    def __init__(self) -> None:
        super().__init__()
        self._silent_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        now = time.monotonic()
        if now < self._silent_until:
            return False
        self._silent_until = now + SILENT_SECONDS
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _open_exporter(endpoint: str | None) -> OTLPSpanExporter:
    if endpoint is not None:
        return OTLPSpanExporter(endpoint, timeout=PATIENCE_SECONDS)
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=[SCOPE])
    session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
    return OTLPSpanExporter(GOOGLE_ENDPOINT, timeout=PATIENCE_SECONDS, session=session)


def _resource(settings: TraceSettings) -> Resource:
    return Resource.create(
        {
            "service.name": settings.function,
            "service.version": settings.revision,
            "gcp.project_id": settings.project,
            "cloud.provider": "gcp",
            "cloud.platform": "gcp_cloud_run",
            "cloud.account.id": settings.project,
            "cloud.region": settings.region,
            "faas.name": settings.function,
            "faas.version": settings.revision,
        }
    )


def _span_context(parent: TraceContext) -> SpanContext:
    """Return a caller's span for OpenTelemetry, which needs an id: a random one where the caller names only a trace."""
    return SpanContext(
        int(parent.trace, 16),
        int(parent.span, 16) if parent.span else secrets.randbits(63) + 1,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=TraceState.from_header([parent.state]) if parent.state else None,
    )
