"""Cloud Trace: what functions send by OTLP over HTTP is kept in memory, the newest of it, and shown as JSON."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from local_cloud.google.api_error import ApiError

MAX_TRACES = 1000
# Of one trace.
MAX_SPANS = 1000
PROTOBUF = "application/x-protobuf"
TRACES = "/_local/traces"

Shown = dict[str, Any]


class Traces:
    """Keeps spans by trace; the traces go first to which nothing was added for longest."""

    def __init__(self) -> None:
        self._traces: OrderedDict[str, list[Shown]] = OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes that take spans and show them."""
        return [
            web.post("/v1/traces", self._export),
            web.get(TRACES, self._list),
            web.get(f"{TRACES}/{{trace_id}}", self._show),
            web.get("/v1/projects/{project}/traces/{trace_id}", self._get),
        ]

    def add(self, request: ExportTraceServiceRequest) -> None:
        """Store the spans of an export request."""
        for of_process in request.resource_spans:
            resource = _read_attributes(of_process.resource.attributes)
            for of_scope in of_process.scope_spans:
                for span in of_scope.spans:
                    self._store_span(span, resource)
        while len(self._traces) > MAX_TRACES:
            self._traces.popitem(last=False)

    def spans(self, trace_id: str) -> list[Shown]:
        """Return a trace's spans in the order of their starts; none of a trace that is not known."""
        return sorted(self._traces.get(trace_id, ()), key=lambda span: (span["start"], -span["milliseconds"]))

    def newest(self) -> list[Shown]:
        """Return of each trace its first span, and how many there are."""
        shown = []
        for trace_id in reversed(self._traces):
            spans = self.spans(trace_id)
            first = {key: spans[0][key] for key in ("name", "start", "milliseconds", "failed")}
            shown.append({"trace_id": trace_id, **first, "spans": len(spans)})
        return shown

    def _store_span(self, span: Span, resource: Shown) -> None:
        trace_id = span.trace_id.hex()
        spans = self._traces.setdefault(trace_id, [])
        self._traces.move_to_end(trace_id)
        if len(spans) < MAX_SPANS:
            spans.append(_show_span(span, resource))

    async def _export(self, request: web.Request) -> web.Response:
        """Take an export request. Raises ApiError."""
        if request.content_type != PROTOBUF:
            raise ApiError(400, f"traces are taken as {PROTOBUF}, not {request.content_type}")
        try:
            self.add(ExportTraceServiceRequest.FromString(await request.read()))
        except DecodeError as error:
            raise ApiError(400, f"this is no ExportTraceServiceRequest: {error}") from error
        return web.Response(body=ExportTraceServiceResponse().SerializeToString(), content_type=PROTOBUF)

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response({"traces": self.newest()})

    async def _show(self, request: web.Request) -> web.Response:
        """Show a trace. Raises ApiError."""
        trace_id = request.match_info["trace_id"]
        spans = self.spans(trace_id)
        if not spans:
            raise ApiError(404, f"no span of the trace {trace_id} has come in, or it is no longer among the newest")
        return web.json_response({"trace_id": trace_id, "spans": spans})

    async def _get(self, request: web.Request) -> web.Response:
        """Show a trace as Cloud Trace's own API does: v1. Raises ApiError."""
        project, trace_id = request.match_info["project"], request.match_info["trace_id"]
        spans = self.spans(trace_id)
        if not spans:
            raise ApiError(404, f"Trace not found: {trace_id}. Functions send what they trace every few seconds.")
        shown = [_as_trace_span(span) for span in spans]
        return web.json_response({"projectId": project, "traceId": trace_id, "spans": shown})


def _as_trace_span(span: Shown) -> Shown:
    start = datetime.fromisoformat(span["start"])
    end = start + timedelta(milliseconds=span["milliseconds"])
    parent = {"parentSpanId": str(int(span["parent_span_id"], 16))} if span["parent_span_id"] else {}
    return {
        "spanId": str(int(span["span_id"], 16)),
        **parent,
        "name": span["name"],
        "kind": {"server": "RPC_SERVER", "client": "RPC_CLIENT"}.get(span["kind"], "SPAN_KIND_UNSPECIFIED"),
        "startTime": start.isoformat(timespec="microseconds"),
        "endTime": end.isoformat(timespec="microseconds"),
        "labels": {name: str(value) for name, value in span["attributes"].items()},
    }


def _show_span(span: Span, resource: Shown) -> Shown:
    return {
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex() or None,
        "name": span.name,
        "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        "start": datetime.fromtimestamp(span.start_time_unix_nano / 1e9, UTC).isoformat(timespec="microseconds"),
        "milliseconds": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6,
        "failed": span.status.code == Status.STATUS_CODE_ERROR,
        "trace_state": span.trace_state,
        "attributes": _read_attributes(span.attributes),
        "resource": resource,
    }


def _read_attributes(pairs: Iterable[KeyValue]) -> Shown:
    return {pair.key: _read_value(pair.value) for pair in pairs}


def _read_value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)
