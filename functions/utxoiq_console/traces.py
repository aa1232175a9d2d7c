"""Traces of requests in Cloud Trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from utxoiq_console import moments
from utxoiq_console.google_apis import GoogleApis


@dataclass(frozen=True)
class Span:
    """Describes a span. `start` and `milliseconds` are as a bar is drawn: `start` is milliseconds after the first."""

    name: str
    depth: int
    start: float
    milliseconds: float
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Trace:
    """Has the spans of a trace in the order of their starts. `milliseconds` is the time that it took in all."""

    began: datetime
    milliseconds: float
    spans: Sequence[Span]

    @property
    def request(self) -> str:
        """Return the request id that a span has; empty if none has."""
        return next((span.labels["utxoiq.request_id"] for span in self.spans if "utxoiq.request_id" in span.labels), "")


async def read(google: GoogleApis, project: str, trace_id: str) -> Trace:
    """Return a trace. Raises SourceUnavailable, also if there is no such trace, or not yet."""
    answer = await google.call(
        "cloudtrace", lambda api: api.projects().traces().get(projectId=project, traceId=trace_id)
    )
    found = sorted(answer.get("spans", []), key=lambda one: (one["startTime"], -_milliseconds(one)))
    parents = {str(one["spanId"]): str(one.get("parentSpanId", "")) for one in found}
    began = moments.parse_time(found[0]["startTime"])
    spans = [
        Span(
            name=str(one.get("name", "")),
            depth=_depth(parents, str(one["spanId"])),
            start=(moments.parse_time(one["startTime"]) - began).total_seconds() * 1000,
            milliseconds=_milliseconds(one),
            labels=one.get("labels", {}),
        )
        for one in found
    ]
    return Trace(began, max(span.start + span.milliseconds for span in spans), spans)


def _milliseconds(span: Mapping[str, Any]) -> float:
    took = moments.parse_time(span["endTime"]) - moments.parse_time(span["startTime"])
    return took.total_seconds() * 1000


def _depth(parents: Mapping[str, str], span: str) -> int:
    depth = 0
    while (span := parents.get(span, "")) in parents and depth < len(parents):
        depth += 1
    return depth
