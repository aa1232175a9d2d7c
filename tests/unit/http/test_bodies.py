import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message

from utxoiq_http.bodies import BodyReader
from utxoiq_http.endpoints.metrics import Batch
from utxoiq_http.problems import Problem, from_error
from utxoiq_http.tolerance import Ignored
from utxoiq_persistence.records import Flag, JobProgress, NewJob, NewMetric, Rating

METRIC = {"service_name": "api", "metric_type": "latency", "metric_value": 1.5, "unit": "ms"}
JSON = {b"content-type": b"application/json"}


def metric(**fields: object) -> dict[str, object]:
    return {**METRIC, **fields}


def refusal(kind: Any, body: bytes | object) -> Problem:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Problem) as raised:
        BodyReader(kind, 2**20).decode(encoded, Ignored())
    return raised.value


def fields(problem: Problem) -> list[str]:
    return [error.field for error in problem.errors]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"insight_id":"x","rating":5} trailing',
        b'{"insight_id":"x","rating":5,}',
        b"{'insight_id':'x'}",
        b'{"insight_id":"x","rating":NaN}',
        b'{"insight_id":"x","rating":Infinity}',
        b'{"insight_id":"x","rating":-Infinity}',
        b'{"insight_id":"x","rating":05}',
        b'{"insight_id":"a\x00b","rating":5}',
        b'{"insight_id":"\xff","rating":5}',
        b'\xef\xbb\xbf{"insight_id":"x","rating":5}',
        b'{"insight_id":"x",',
    ],
)
def test_what_is_not_json_is_400(body: bytes) -> None:
    problem = refusal(Rating, body)
    assert problem.status == 400
    assert problem.detail


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        (Rating, [], "(body)"),
        (Rating, None, "(body)"),
        (Rating, "text", "(body)"),
        (Rating, {"insight_id": "x"}, "rating"),
        (Rating, {"rating": 5}, "insight_id"),
        (Rating, {"insight_id": "", "rating": 5}, "insight_id"),
        (Rating, {"insight_id": "x" * 101, "rating": 5}, "insight_id"),
        (Rating, {"insight_id": 7, "rating": 5}, "insight_id"),
        (Rating, {"insight_id": "x", "rating": 0}, "rating"),
        (Rating, {"insight_id": "x", "rating": 6}, "rating"),
        (Rating, {"insight_id": "x", "rating": 10**40}, "rating"),
        (Rating, {"insight_id": "x", "rating": "5"}, "rating"),
        (Rating, {"insight_id": "x", "rating": 4.5}, "rating"),
        (Rating, {"insight_id": "x", "rating": True}, "rating"),
        (Rating, {"insight_id": "x", "rating": None}, "rating"),
        (Rating, {"insight_id": "x", "rating": 5, "comment": "x" * 1001}, "comment"),
        (Rating, {"insight_id": "x", "rating": 5, "comment": "a\0b"}, "comment"),
        (Flag, {"insight_id": "x", "flag_type": "wrong"}, "flag_type"),
        (Flag, {"insight_id": "x", "flag_type": "spam", "flag_reason": "x" * 501}, "flag_reason"),
        (NewJob, {"job_type": "x", "start_block": -1, "end_block": 1}, "start_block"),
        (NewJob, {"job_type": "x", "start_block": 0, "end_block": 2**63}, "end_block"),
        (NewJob, {"job_type": "x" * 51, "start_block": 0, "end_block": 1}, "job_type"),
        (JobProgress, {"current_block": 1, "progress_percentage": 100.1}, "progress_percentage"),
        (JobProgress, {"current_block": 1, "progress_percentage": -1}, "progress_percentage"),
        (JobProgress, {"current_block": 1, "progress_percentage": 1, "status": "done"}, "status"),
        (
            JobProgress,
            {"current_block": 1, "progress_percentage": 1, "estimated_completion": "soon"},
            "estimated_completion",
        ),
        (NewMetric, metric(unit="x" * 21), "unit"),
        (NewMetric, metric(metric_value="1"), "metric_value"),
        (NewMetric, metric(metric_metadata=[]), "metric_metadata"),
        (NewMetric, metric(timestamp="2026-01-31"), "timestamp"),
        (NewMetric, metric(timestamp="2026-02-30T12:00:00Z"), "timestamp"),
        (NewMetric, metric(timestamp=1769860800), "timestamp"),
        (NewMetric, metric(timestamp="0001-01-01T00:00:00+14:00"), "timestamp"),
        (NewMetric, metric(timestamp="9999-12-31T23:59:59-12:00"), "timestamp"),
        (NewMetric, metric(metric_metadata={"a\0": 1}), "metric_metadata.a�"),
        (NewMetric, metric(metric_metadata={"a": ["b", {"c": "\0"}]}), "metric_metadata.a[1].c"),
        (NewMetric, metric(metric_metadata={"a": "\ud800"}), "metric_metadata.a"),
        (NewMetric, metric(metric_metadata={"\udc00": 1}), "metric_metadata.?"),
        (NewMetric, metric(service_name="\ud800"), "service_name"),
        (Batch, METRIC, "(body)"),
        (Batch, [METRIC] * 5001, "(body)"),
        (Batch, [METRIC, metric(metric_value=None)], "[1].metric_value"),
        (Batch, [METRIC, METRIC, 7], "[2]"),
        (Batch, [METRIC, {}], "[1].service_name"),
        (Batch, [METRIC, metric(timestamp="0001-01-01T00:00:00+14:00")], "[1].timestamp"),
    ],
)
def test_a_field_that_is_wrong_is_422_and_named(kind: Any, body: object, field: str) -> None:
    problem = refusal(kind, body)
    assert problem.status == 422
    assert fields(problem)[0] == field
    assert field in problem.detail


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"1" + b"0" * 400, b"1" + b"0" * 5000])
def test_a_number_that_no_double_holds_is_422(number: bytes) -> None:
    problem = refusal(NewMetric, json.dumps(metric(metric_value=0)).encode().replace(b" 0,", b" %s," % number))
    assert (problem.status, fields(problem)[0]) == (422, "metric_value")


def test_a_number_out_of_range_inside_metadata_is_422() -> None:
    body = json.dumps(metric(metric_metadata={"deep": {"a": 0}})).encode().replace(b'"a": 0', b'"a": 1e400')
    problem = refusal(NewMetric, body)
    assert (problem.status, fields(problem)) == (422, ["metric_metadata.deep.a"])


def test_every_wrong_field_is_named_at_once() -> None:
    problem = refusal(Rating, {"insight_id": "", "rating": 9, "comment": "x" * 1001, "extra": 1})
    assert sorted(fields(problem)) == ["comment", "insight_id", "rating"]


def test_every_wrong_item_of_a_batch_is_named() -> None:
    problem = refusal(Batch, [metric(unit=1), METRIC, metric(metric_value="x", service_name="")])
    assert fields(problem) == ["[0].unit", "[2].service_name", "[2].metric_value"]


def test_a_batch_that_is_all_wrong_names_no_more_than_a_hundred() -> None:
    assert len(refusal(Batch, [{}] * 5000).errors) == 100


def test_an_unknown_enum_is_told_the_known_ones() -> None:
    problem = refusal(Flag, {"insight_id": "x", "flag_type": "wrong"})
    assert all(choice in problem.detail for choice in ("inaccurate", "misleading", "spam"))


def test_what_a_client_made_up_is_not_repeated_at_length() -> None:
    assert len(refusal(NewMetric, metric(metric_metadata={"x" * 60_000: "\0"})).detail) < 500


def test_json_nested_without_end_is_422() -> None:
    body = b'{"metric_metadata":' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"}"
    with pytest.raises(RecursionError) as raised:
        BodyReader(NewMetric, 2**20).decode(body, Ignored())
    problem = from_error(raised.value)
    assert problem is not None
    assert problem.status == 422


@pytest.mark.parametrize("text", ["\\u0000 as text", "\\\\u0000", "emoji 🎉", "é", "\u2028"])
def test_text_that_only_looks_dangerous_is_kept(text: str) -> None:
    body = json.dumps({"insight_id": "x", "rating": 5, "comment": text}).encode()
    assert BodyReader(Rating, 2**20).decode(body, Ignored()).comment == text


@pytest.mark.parametrize("unknown", [{"a\0b": 1}, {"more": {"a\0b": "\0"}}, {"more": ["\0"]}])
def test_what_is_left_out_is_not_looked_into(unknown: dict[str, object]) -> None:
    body = json.dumps({"insight_id": "x", "rating": 5, **unknown}).encode()
    assert BodyReader(Rating, 2**20).decode(body, Ignored()).rating == 5


def test_the_first_and_the_last_storable_moment_are_taken() -> None:
    reader = BodyReader(Batch, 2**20)
    moments = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]
    read = reader.decode(json.dumps([metric(timestamp=moment) for moment in moments]).encode(), Ignored())
    assert [item.timestamp.year for item in read] == [1, 9999]


def read(headers: dict[bytes, bytes], *messages: Message, limit: int = 100) -> Any:
    left = iter(messages)

    async def receive() -> Message:
        return next(left)

    return asyncio.run(BodyReader(Rating, limit).read(headers, receive, Ignored()))


def chunk(body: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


BODY = b'{"insight_id":"x","rating":5}'


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/json",
        b"application/json; charset=utf-8",
        b'Application/JSON;charset="UTF-8"',
        b"application/json ; charset=utf8",
    ],
)
def test_json_in_utf8_is_read(content_type: bytes) -> None:
    assert read({b"content-type": content_type}, chunk(BODY)).rating == 5


@pytest.mark.parametrize(
    "headers",
    [
        {b"content-type": b"text/plain"},
        {b"content-type": b"application/json; version=1; charset=latin-1"},
        {b"content-type": b"application/json, application/json"},
        {b"content-type": b"json"},
        {b"content-type": b"application/x-www-form-urlencoded"},
        {b"content-type": b"application/json; charset=latin-1"},
        {b"content-type": b"application/jsonp"},
        {**JSON, b"content-encoding": b"gzip"},
    ],
)
def test_anything_else_is_415(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Problem) as raised:
        read(headers, chunk(BODY))
    assert raised.value.status == 415


def test_a_body_in_chunks_is_put_together() -> None:
    assert read(JSON, chunk(BODY[:9], more=True), chunk(b"", more=True), chunk(BODY[9:])).rating == 5


def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert read(JSON, chunk(BODY), limit=len(BODY)).rating == 5


def test_a_body_that_says_it_is_too_long_is_not_even_received() -> None:
    with pytest.raises(Problem) as raised:
        read({**JSON, b"content-length": b"101"})
    assert raised.value.status == 413


def test_a_body_that_turns_out_too_long_is_refused_on_the_way() -> None:
    endless = (chunk(b" " * 60, more=True) for _ in range(2))
    with pytest.raises(Problem) as raised:
        read(JSON, *endless)
    assert raised.value.status == 413


def test_a_body_that_breaks_off_is_400() -> None:
    with pytest.raises(Problem) as raised:
        read(JSON, chunk(BODY[:9], more=True), {"type": "http.disconnect"})
    assert raised.value.status == 400


def test_a_body_that_trickles_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utxoiq_http.bodies.BODY_SECONDS", 0.05)

    async def trickle() -> Message:
        await asyncio.sleep(0.02)
        return chunk(b" ", more=True)

    async def scenario() -> None:
        await BodyReader(Rating, 2**20).read(JSON, trickle, Ignored())

    with pytest.raises(Problem) as raised:
        asyncio.run(scenario())
    assert raised.value.status == 408
    assert (b"connection", b"close") in raised.value.headers
