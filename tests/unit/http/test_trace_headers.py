import pytest

from utxoiq_http.observability import trace_headers
from utxoiq_persistence.tracing.spans import TraceContext

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
W3C = f"00-{TRACE}-{SPAN}-01"


def read(w3c: str | None = None, google: str | None = None, state: str | None = None) -> TraceContext | None:
    headers = {b"traceparent": w3c, b"x-cloud-trace-context": google, b"tracestate": state}
    return trace_headers.read({name: value.encode() for name, value in headers.items() if value is not None})


def test_w3cs_header_names_the_callers_span() -> None:
    assert read(W3C, state="vendor=1") == TraceContext(TRACE, SPAN, True, "vendor=1")
    assert read(f"00-{TRACE}-{SPAN}-00") == TraceContext(TRACE, SPAN, False)


def test_a_version_to_come_may_say_more() -> None:
    assert read(f"cc-{TRACE}-{SPAN}-01-what-the-future-brings") == TraceContext(TRACE, SPAN, True)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0x",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE[:-1]}-{SPAN}-01",
    ],
)
def test_what_is_not_well_formed_is_as_good_as_not_there(given: str) -> None:
    assert read(given) is None
    assert read(given, f"{TRACE}/1;o=1") == TraceContext(TRACE, f"{1:016x}", True)


@pytest.mark.parametrize(
    ("given", "span", "sampled"),
    [
        ("", "", False),
        (";o=1", "", True),
        ("/255", "00000000000000ff", False),
        ("/255;o=1", "00000000000000ff", True),
        ("/0;o=1", "", True),
        (f"/{2**64 - 1};o=0", "f" * 16, False),
        (f"/{2**64};o=1", "", True),
    ],
)
def test_googles_header_may_leave_out_the_span(given: str, span: str, sampled: bool) -> None:
    assert read(google=TRACE.upper() + given) == TraceContext(TRACE, span, sampled)


@pytest.mark.parametrize("given", ["", "abc", f"{TRACE}/", f"{TRACE}/x", f"{'0' * 32}/1;o=1", f"{TRACE}/1;o=1;more"])
def test_a_google_header_that_is_not_well_formed_is_not_there(given: str) -> None:
    assert read(google=given) is None


def test_w3cs_header_goes_before_googles() -> None:
    assert read(W3C, "f" * 32 + "/1;o=0") == TraceContext(TRACE, SPAN, True)


def test_a_state_that_is_too_long_is_left_behind() -> None:
    assert read(W3C, state="k=" + "x" * 511) == TraceContext(TRACE, SPAN, True)
