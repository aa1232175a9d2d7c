"""The trace context of the caller: W3C `traceparent` and `tracestate`, or Google's `X-Cloud-Trace-Context`."""

import re
from collections.abc import Mapping

from utxoiq_persistence.tracing.spans import TraceContext

# Future versions may have more fields than version 00. Version ff is invalid.
_is_traceparent = re.compile(
    r"(?:00-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-[0-9a-f]([0-9a-f])"
    r"|(?!00|ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-[0-9a-f]([0-9a-f])(?:-.*)?)"
).fullmatch
_is_cloud_trace = re.compile(r"((?!0{32})[0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]))?").fullmatch
_ODD = frozenset("13579bdf")
MAX_STATE = 512


def read(headers: Mapping[bytes, bytes]) -> TraceContext | None:
    """Return the trace context of a request; None if it has none or it is malformed. Header names are in lower case."""
    given = headers.get(b"traceparent")
    if given is not None and (match := _is_traceparent(given.decode("latin-1"))) is not None:
        trace, span, flags = match.group(1, 2, 3) if match[1] else match.group(4, 5, 6)
        return TraceContext(trace, span, flags in _ODD, _state(headers.get(b"tracestate")))
    given = headers.get(b"x-cloud-trace-context")
    if given is not None and (match := _is_cloud_trace(given.decode("latin-1"))) is not None:
        span = int(match[2] or 0)
        return TraceContext(match[1].lower(), f"{span:016x}" if 0 < span < 2**64 else "", match[3] == "1")
    return None


def _state(given: bytes | None) -> str:
    return "" if given is None or len(given) > MAX_STATE else given.decode("latin-1")
