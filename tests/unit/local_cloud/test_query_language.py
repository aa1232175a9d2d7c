"""Which entries a filter of the Logging query language chooses, and which filters are refused."""

import json
from pathlib import Path

import pytest

from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.logging.blocks import Block
from local_cloud.google.logging.entry import parse_time
from local_cloud.google.logging.function_log import FunctionLog
from local_cloud.google.logging.language import parse
from local_cloud.google.logging.matching import compile_filter
from local_cloud.google.logging.narrowing import decide, find_span, find_words, may_hold

TIME = "2026-03-01T12:00:00.500Z"
CONSTANTS = {
    "logName": "projects/shop/logs/run.googleapis.com%2Fstdout",
    "resource": {"type": "cloud_run_revision", "labels": {"service_name": "shop-feedback"}},
}
LINE = {
    "time": TIME,
    "severity": "WARNING",
    "httpRequest": {"requestMethod": "POST", "requestUrl": "/rate", "status": 403, "latency": "0.250s"},
    "logging.googleapis.com/labels": {"caller": "user", "compute.googleapis.com/id": "7"},
    "message": "Rated five",
    "request_id": "0af7651916cd43dd",
    "tries": 3,
    "slow": True,
    "nothing": None,
    "audit": [{"action": "rate"}, {"action": "flag"}],
}
RAW = json.dumps(LINE).encode() + b"\n"
(ENTRY,) = FunctionLog(Path("shop.log"), CONSTANTS).entries(Block(0, RAW), [])


def fits(text: str) -> bool:
    return compile_filter(parse(text))(ENTRY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'resource.type="cloud_run_revision"',
        "resource.type=CLOUD_RUN_REVISION",
        'resource.labels.service_name=~"^shop-"',
        'resource.labels.service_name!~"^Shop-"',
        'resource.type="cloud_run_revision" resource.labels.service_name=~"^shop-" severity>=WARNING',
        "httpRequest.status=(401 OR 403)",
        "httpRequest.status>=400 AND httpRequest.status<500",
        'httpRequest.latency>="200ms"',
        "severity=warning",
        "severity>=400",
        "NOT severity>=ERROR",
        "-severity>=ERROR",
        "severity=ERROR OR severity=WARNING",
        # OR binds more closely than AND.
        "severity=WARNING OR severity=ERROR AND severity=WARNING",
        'jsonPayload.message:"RATED"',
        "jsonPayload.request_id=0AF7651916cd43dd",
        "jsonPayload.tries=3 jsonPayload.tries<3.5 jsonPayload.tries:3",
        "jsonPayload.slow=true",
        "jsonPayload.nothing=NULL_VALUE",
        "jsonPayload.audit:*",
        "jsonPayload.audit.action=flag",
        "jsonPayload:flag",
        'labels.caller="user"',
        'labels."compute.googleapis.com/id"="7"',
        '"rated five"',
        "five AND shop-feedback",
        'log_id("run.googleapis.com/stdout")',
        'LOG_ID("other") OR log_id("run.googleapis.com/stdout")',
        'timestamp>="2026-03-01T12:00:00Z" timestamp<"2026-03-01T13:00:01+01:00"',
        'timestamp>="2026-03-01"',
        "jsonPayload.missing=1 OR (severity=WARNING)",
        'NOT textPayload:"Rated"',
        "NOT jsonPayload.missing:*",
        "httpRequest.cacheHit=false",
        "httpRequest.userAgent!=curl",
        "resource.type=cloud_run_revision -- and no more\nseverity=WARNING",
        'jsonPayload.message:("nowhere" OR NOT "absent")',
        'jsonPayload.message="Rated \\u0066ive"',
        "jsonPayload.tries>-1",
    ],
)
def test_it_fits(text: str) -> None:
    assert fits(text)
    # What spares lines without the filter's words does not spare this one.
    assert may_hold(RAW.lower(), find_words(parse(text), CONSTANTS))


@pytest.mark.parametrize(
    "text",
    [
        "severity>WARNING",
        "severity=WARNING OR severity=INFO AND severity=ERROR",
        "NOT httpRequest.status=403",
        'resource.labels.service_name=~"feedback-"',
        'jsonPayload.message=~"^rated"',
        # A comparison with what is missing never holds, in the payload and the labels.
        "jsonPayload.missing=1",
        'jsonPayload.missing!="x"',
        "labels.missing!=x",
        "jsonPayload.message<5",
        "jsonPayload.tries=three",
        "jsonPayload.missing:*",
        "textPayload:*",
        'timestamp>"2026-03-01T12:00:00.500Z"',
        'log_id("cloudaudit.googleapis.com/activity")',
        "seven",
    ],
)
def test_it_does_not_fit(text: str) -> None:
    assert not fits(text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('severity="ERROR', "quotation mark without an end at character 10"),
        ("severity=", "the end"),
        ("severity=(ERROR OR)", "')'"),
        ("(severity=ERROR", "')' is missing before the end"),
        ("severity=ERROR)", "unexpected ')' at character 15"),
        ("=ERROR", "unexpected '='"),
        ("severity ERROR = 3 =", "'='"),
        ("AND severity=ERROR", "unexpected 'AND'"),
        ("severity=ERROR AND", "the end"),
        ("severity=FATAL", "no severity 'FATAL'"),
        ("severity=~E", "'severity' is no text"),
        ("nonsense=1", "no field 'nonsense'"),
        ("resource.kind=x", "no field 'resource.kind'"),
        ("httpRequest.statusCode=1", "no field 'httpRequest.statusCode'"),
        ("httpRequest=x", "'httpRequest' is a structure"),
        ("httpRequest.status=many", "'httpRequest.status' takes a number"),
        ('timestamp>"yesterday"', "'timestamp' takes a time"),
        ("httpRequest.latency>1", "'httpRequest.latency' takes a duration"),
        ("traceSampled=perhaps", "'traceSampled' takes true or false"),
        ('textPayload=~"("', "'textPayload' is no regular expression"),
        ('textPayload=~"(?=a)b"', "RE2"),
        ("insertId=abc:def", "a value with a colon takes quotation marks"),
        ("sample(insertId, 0.1)", "the function sample()"),
        ("jsonPayload.a", "'jsonPayload.a' lacks a comparison"),
        ("severity=ERROR;", "';' at character 15"),
        ("a" * 20_001, "20000 at most"),
    ],
)
def test_what_is_wrong_is_named(text: str, named: str) -> None:
    with pytest.raises(BadFilter) as refused:
        compile_filter(parse(text))
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('resource.type="cloudsql_database" severity>=ERROR', False),
        ('resource.type="cloud_run_revision" severity>=ERROR', None),
        ('resource.type="cloud_run_revision" OR severity>=ERROR', True),
        ('NOT resource.labels.service_name=~"^shop-"', False),
        (
            'log_id("cloudaudit.googleapis.com/activity") OR (resource.type="cloud_run_revision" jsonPayload.audit:*)',
            None,
        ),
        ('log_id("cloudaudit.googleapis.com/activity")', False),
    ],
)
def test_whole_files_are_left_out_by_their_resource(text: str, expected: bool | None) -> None:
    assert decide(parse(text), CONSTANTS) is expected


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("jsonPayload.request_id=0AF7", [{b"request_id"}, {b"0af7"}]),
        ("severity>=ALERT", [{b"alert", b"panic", b"emergency"}]),
        ("httpRequest.status=(401 OR 403)", [{b"401", b"403"}]),
        ("NOT jsonPayload.a=b", []),
        ("severity<ERROR", []),
        ("jsonPayload.request_id=abc OR resource.type=x", []),
        ('trace="projects/shop/traces/0af7"', [{b"projects"}]),
        ("feedback", []),
        ("elsewhere", [{b"elsewhere"}]),
    ],
)
def test_the_words_that_every_fitting_line_holds(text: str, needed: list[set[bytes]]) -> None:
    assert find_words(parse(text), CONSTANTS) == needed


def test_the_span_of_times_is_what_all_parts_leave() -> None:
    low, high = parse_time("2026-03-01T00:00:00Z"), parse_time("2026-03-02T00:00:00Z")
    text = 'timestamp>="2026-03-01T00:00:00Z" (timestamp<"2026-03-02T00:00:00Z" OR timestamp<"2026-03-01T05:00:00Z")'
    assert find_span(parse(text)) == (low, high)
    assert find_span(parse("NOT " + 'timestamp>="2026-03-01T00:00:00Z"')) == find_span(parse(""))
