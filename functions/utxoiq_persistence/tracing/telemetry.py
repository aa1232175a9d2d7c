"""Traces by OpenTelemetry: what is kept of a request, and its way to Google's Telemetry API or a local one.

Imported only where requests are traced: 60 ms of a start.
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

from utxoiq_persistence.sqlstates import state_of
from utxoiq_persistence.tracing.settings import TraceSettings
from utxoiq_persistence.tracing.spans import NONE, Attributes, Span, TraceContext

GOOGLES_ENDPOINT = "https://telemetry.googleapis.com/v1/traces"
SCOPE = "https://www.googleapis.com/auth/trace.append"
# Of one request: one that does thousands of things is told of by its first.
MAX_SPANS = 200
MAX_TEXT = 1024
# What a burst may leave behind before it is sent; about 2 KB each.
MAX_QUEUED = 2048
EXPORT_SECONDS = 2.0
# With all repetitions. Cloud Run gives a process 10 s to end in.
PATIENCE_SECONDS = 4.0
SILENT_SECONDS = 60.0

_log = logging.getLogger(__name__)


class Telemetry:
    """Nothing runs before the first span: a process that forks would have started it on the wrong side."""

    def __init__(self, settings: TraceSettings) -> None:
        self._resource = _resource(settings)
        self._exporter = _Exporter(settings.endpoint)
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None

    def root(self, name: str, parent: TraceContext | None, attributes: Attributes) -> "RootSpan":
        tracer = self._tracer or self._start()
        # Never without a span, which would mean OpenTelemetry's own current one.
        context = set_span_in_context(INVALID_SPAN if parent is None else NonRecordingSpan(_context(parent)))
        return RootSpan(_Trace(tracer), tracer.start_span(name, context, SpanKind.SERVER, attributes))

    def close(self) -> None:
        """Sends what is left; the end of the process does this by itself."""
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


class _Trace:
    """One request's. left: how many spans it may still have. left_out: how many it would have had."""

    __slots__ = ("left", "left_out", "tracer")

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.left = MAX_SPANS - 1
        self.left_out = 0


class _Kept(Span):
    __slots__ = ("_span", "_trace")

    def __init__(self, trace: _Trace, span: OpenTelemetrySpan) -> None:
        self._trace = trace
        self._span = span

    def child(self, name: str, attributes: Attributes = NONE, *, remote: bool = False) -> Span:
        trace = self._trace
        if trace.left <= 0:
            trace.left_out += 1
            return _LeftOut(trace)
        trace.left -= 1
        kind = SpanKind.CLIENT if remote else SpanKind.INTERNAL
        span = trace.tracer.start_span(name, set_span_in_context(self._span), kind, attributes)
        return _Kept(trace, span)

    def note(self, key: str, value: str | int) -> None:
        self._span.set_attribute(key, value)

    def end(self, error: BaseException | None = None) -> None:
        """Of an error its kind is told, not its words: they may quote what a caller wrote."""
        if error is not None:
            cause = error.__cause__ or error
            self.fail(type(cause).__name__)
            if isinstance(cause, DatabaseError):
                self.note("db.response.status_code", state_of(cause))
        self._span.end()

    def fail(self, kind: str) -> None:
        self.note("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR))


class RootSpan(_Kept):
    """A request's."""

    __slots__ = ()

    @property
    def context(self) -> TraceContext:
        context = self._span.get_span_context()
        state = context.trace_state.to_header()
        return TraceContext(format(context.trace_id, "032x"), format(context.span_id, "016x"), True, state)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def end(self, error: BaseException | None = None) -> None:
        if self._trace.left_out:
            self.note("utxoiq.spans_left_out", self._trace.left_out)
        super().end(error)


class _LeftOut(Span):
    __slots__ = ("_trace",)

    def __init__(self, trace: _Trace) -> None:
        self._trace = trace

    def child(self, name: str, attributes: Attributes = NONE, *, remote: bool = False) -> Span:
        self._trace.left_out += 1
        return self

    def note(self, key: str, value: str | int) -> None:
        """Of what is not kept."""

    def end(self, error: BaseException | None = None) -> None:
        """Of what is not kept."""


class _Exporter(SpanExporter):
    """OTLP over HTTP, from the processor's thread only; credentials are looked for there, not while a request waits."""

    def __init__(self, endpoint: str | None) -> None:
        self.closing = False
        self._endpoint = endpoint
        self._failed = False
        self._otlp: OTLPSpanExporter | None = None
        for log in (logging.getLogger(trace_exporter.__name__), _log):
            log.addFilter(_Seldom())

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.closing and self._failed:
            return SpanExportResult.FAILURE  # whom the end would wait for once more
        try:
            self._otlp = self._otlp or _otlp(self._endpoint)
        except GoogleAuthError as error:
            _log.warning("traces cannot be sent: %s", error)
            return SpanExportResult.FAILURE
        result = self._otlp.export(spans)
        self._failed = result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        if self._otlp is not None:
            self._otlp.shutdown()  # type: ignore[no-untyped-call]


class _Seldom(logging.Filter):
    """An endpoint that is away fails no request: a warning, and not with every batch."""

    def __init__(self) -> None:
        super().__init__()
        self._silent_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now < self._silent_until:
            return False
        self._silent_until = now + SILENT_SECONDS
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _otlp(endpoint: str | None) -> OTLPSpanExporter:
    if endpoint is not None:
        return OTLPSpanExporter(endpoint, timeout=PATIENCE_SECONDS)
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=[SCOPE])
    session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
    return OTLPSpanExporter(GOOGLES_ENDPOINT, timeout=PATIENCE_SECONDS, session=session)


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


def _context(parent: TraceContext) -> SpanContext:
    """OpenTelemetry joins no trace without a span: where the caller names none, one is made up, never to be told of."""
    return SpanContext(
        int(parent.trace, 16),
        int(parent.span, 16) if parent.span else secrets.randbits(63) + 1,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=TraceState.from_header([parent.state]) if parent.state else None,
    )
