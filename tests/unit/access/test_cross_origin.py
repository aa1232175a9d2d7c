import json

from utxoiq_http import system_document
from utxoiq_http.cross_origin import CrossOrigin

APP = b"https://app.example.org"
ASKS = {b"origin": APP, b"access-control-request-method": b"POST"}


def test_by_default_no_page_may_call() -> None:
    closed = CrossOrigin(())
    assert closed.preflight(ASKS, ["POST"]) is None
    assert closed.headers(ASKS) == []


def test_a_configured_page_may_call_and_read_the_answer() -> None:
    allowed = CrossOrigin([APP.decode()])
    answer = allowed.preflight(ASKS, ["POST", "GET"])
    assert answer is not None
    sent = [*answer.raw_headers, *allowed.headers(ASKS)]
    headers = dict(sent)
    # Browsers refuse an origin that comes twice.
    assert len(headers) == len(sent)
    assert answer.status_code == 204
    assert headers[b"access-control-allow-origin"] == APP
    assert headers[b"access-control-allow-methods"] == b"GET, POST"
    assert b"authorization" in headers[b"access-control-allow-headers"]
    assert b"access-control-allow-credentials" not in headers
    assert b"x-ratelimit-remaining" in dict(allowed.headers({b"origin": APP}))[b"access-control-expose-headers"]


def test_a_script_reads_every_header_that_is_documented() -> None:
    exposed = dict(CrossOrigin([APP.decode()]).headers({b"origin": APP}))[b"access-control-expose-headers"].decode()
    documented = json.loads(system_document.text())["components"]["headers"]
    assert exposed.split(", ") == sorted(name.lower() for name in documented)


def test_any_other_page_may_not() -> None:
    allowed = CrossOrigin([APP.decode()])
    for origin in (b"https://app.example.org.evil.example", b"http://app.example.org", b"null"):
        assert allowed.preflight({**ASKS, b"origin": origin}, ["POST"]) is None
        assert dict(allowed.headers({b"origin": origin})) == {b"vary": b"origin"}
    assert allowed.preflight({b"origin": APP}, ["POST"]) is None
