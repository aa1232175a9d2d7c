"""What existing clients send works unchanged, by one rule each."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from msgspec import UNSET
from msgspec.inspect import Metadata, StrType, Type, UnionType, type_info

from utxoiq_http.bodies import BodyReader
from utxoiq_http.endpoints.metrics import Batch
from utxoiq_http.parameters import ParameterReader
from utxoiq_http.problems import Problem
from utxoiq_http.system_document import system_routes
from utxoiq_http.tolerance import MAX_NAMED, Ignored
from utxoiq_http.violations import item_type
from utxoiq_persistence.records import JobProgress, JobQuery, MetricsQuery, NewJob, NewMetric, Rating

METRIC = {"service_name": "api", "metric_type": "latency", "metric_value": 1.5, "unit": "ms"}
PROGRESS = {"current_block": 1, "progress_percentage": 10}
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def read(kind: Any, body: object) -> tuple[Any, list[tuple[bytes, bytes]]]:
    ignored = Ignored()
    return BodyReader(kind, 2**20).decode(json.dumps(body).encode(), ignored), ignored.headers()


def ask(kind: Any, query: bytes) -> tuple[Any, list[tuple[bytes, bytes]]]:
    ignored = Ignored()
    return ParameterReader(kind, None).read(query, None, ignored), ignored.headers()


def refusal(kind: Any, body: object) -> str:
    with pytest.raises(Problem) as raised:
        read(kind, body)
    assert raised.value.status == 422
    return raised.value.detail


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00",
        "2026-01-31T12:00:00.000000",
        "2026-01-31 12:00:00.0",
        "2026-01-31 12:00:00Z",
        "2026-01-31t12:00:00z",
        "2026-01-31T13:00:00+01:00",
        "2026-01-31 11:00:00-01:00",
    ],
)
def test_a_time_is_in_utc_unless_it_says_otherwise(text: str) -> None:
    (metric,), _ = read(Batch, [{**METRIC, "timestamp": text}])
    assert metric.timestamp == NOON
    progress, _ = read(JobProgress, {**PROGRESS, "estimated_completion": text})
    assert progress.estimated_completion == NOON
    encoded = text.replace("+", "%2B").replace(" ", "+").encode()
    query, _ = ask(MetricsQuery, b"start_time=" + encoded + b"&end_time=" + encoded)
    assert (query.start_time, query.end_time) == (NOON, NOON)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2016-12-31T23:59:60Z", "leap second"),
        ("2026-02-29T00:00:00Z", "a day that does not exist: 2026-02-29"),
        ("2026-13-01T00:00:00", "a day that does not exist: 2026-13-01"),
        ("0000-01-01T00:00:00Z", "a day that does not exist: 0000-01-01"),
        ("2026-01-01T24:00:00Z", "a time of day that does not exist: 24:00:00"),
        ("2026-01-01T00:61:00", "a time of day that does not exist: 00:61:00"),
        ("2026-01-01T00:00:00+25:00", "an offset that does not exist: +25:00"),
        ("2026-01-01T00:00:00 01:00", "%2B"),
        ("2026-01-01", "such as 2026-01-31T12:00:00Z"),
        ("now", "such as 2026-01-31T12:00:00Z"),
        (5, "such as 2026-01-31T12:00:00Z"),
        ("2026-01-01T00:00:00\u0660", "such as 2026-01-31T12:00:00Z"),
        ("9999-12-31T23:59:59-01:00", "outside the years"),
    ],
)
def test_a_time_that_is_none_is_told_what_is_wrong(text: object, told: str) -> None:
    detail = refusal(NewMetric, {**METRIC, "timestamp": text})
    assert told in detail
    assert ("%2B" in detail) == (told == "%2B")


def test_fields_that_are_not_known_are_ignored_and_named() -> None:
    rating, headers = read(Rating, {"insight_id": "x", "rating": 5, "feedback_type": "star", "blocks processed": 1})
    assert (rating.insight_id, rating.rating) == ("x", 5)
    assert headers == [(b"x-ignored-fields", b"feedback_type, blocks%20processed")]
    batch, headers = read(Batch, [{**METRIC, "a": 1}, {**METRIC, "a": 2, "b": 1}])
    assert len(batch) == 2
    assert headers == [(b"x-ignored-fields", b"a, b")]


def test_parameters_that_are_not_known_are_ignored_and_named() -> None:
    query, headers = ask(JobQuery, b"limit=5&page=2&%ff=1&=1&_=1769860800")
    assert query.limit == 5
    assert headers == [(b"x-ignored-fields", b"page, %EF%BF%BD, _")]
    assert ask(JobQuery, b"limit=5")[1] == []


def test_names_that_a_client_made_up_break_no_header() -> None:
    names = ["a\r\nSet-Cookie: b", "x" * 5000, "\ud800", *map(str, range(100))]
    _, headers = read(Rating, {"insight_id": "x", "rating": 5, **dict.fromkeys(names, 1)})
    ((_, value),) = headers
    assert value.startswith(b"a%0D%0ASet-Cookie%3A%20b, xxx")
    assert value.isascii()
    assert len(value.split(b", ")) == MAX_NAMED
    assert len(value) < 1000


def test_an_empty_text_is_absent_where_a_field_may_be() -> None:
    assert read(Rating, {"insight_id": "x", "rating": 5, "comment": "", "user_id": ""})[0].comment is None
    progress = read(JobProgress, {**PROGRESS, "error_message": "", "estimated_completion": "", "status": ""})[0]
    assert (progress.error_message, progress.estimated_completion, progress.status) == (UNSET, UNSET, None)
    assert read(NewJob, {"job_type": "t", "start_block": 0, "end_block": 1, "created_by": ""})[0].created_by is None
    query = ask(JobQuery, b"job_type=&status=&limit=&offset=&cursor=")[0]
    assert query == JobQuery()
    assert "insight_id" in refusal(Rating, {"insight_id": "", "rating": 5})


def optional_texts() -> Iterator[tuple[str, Type]]:
    """Every text that a request may leave out, with its type."""
    for route in system_routes():
        for kind in (route.parameters, item_type(route.body) or route.body):
            for field in msgspec.structs.fields(kind) if kind is not None else ():
                if not field.required:
                    for info in alternatives(type_info(field.type)):
                        if isinstance(info, StrType):
                            yield f"{kind.__name__}.{field.name}", info


def alternatives(info: Type) -> Iterator[Type]:
    if isinstance(info, Metadata):
        yield from alternatives(info.type)
    elif isinstance(info, UnionType):
        for part in info.types:
            yield from alternatives(part)
    else:
        yield info


def test_no_optional_text_may_be_empty_by_its_type() -> None:
    """Its reader would take the empty text by the type alone, and the rule would not be asked."""
    texts = dict(optional_texts())
    assert len(texts) > 15
    assert not [name for name, info in texts.items() if not getattr(info, "min_length", None)]


def test_no_request_has_structs_within_structs() -> None:
    """The rules are for fields of a body, or of each item of a list, and go no deeper."""
    kinds = {item_type(route.body) or route.body for route in system_routes() if route.body is not None}
    for kind in kinds:
        for field in msgspec.structs.fields(kind):
            parts = [field.type, *get_args(field.type)]
            assert not [part for part in parts if isinstance(part, type) and issubclass(part, msgspec.Struct)]


@pytest.mark.parametrize(("written", "block"), [("0.0", 0), ("801000.0", 801_000), ("9.0e5", 900_000), ("1e3", 1000)])
def test_a_whole_number_may_be_written_with_a_fraction(written: str, block: int) -> None:
    body = b'{"job_type":"t","start_block":0,"end_block":%s}' % written.encode()
    job = BodyReader(NewJob, 1000).decode(body, Ignored())
    assert job.end_block == block
    assert type(job.end_block) is int


@pytest.mark.parametrize("written", ["4.5", "1e300", "9007199254740994.0", "-1.0", '"5"', "true", "1e400"])
def test_what_is_no_whole_number_in_range_is_refused(written: str) -> None:
    body = b'{"job_type":"t","start_block":0,"end_block":%s}' % written.encode()
    with pytest.raises(Problem, match="end_block"):
        BodyReader(NewJob, 1000).decode(body, Ignored())


def test_a_parameter_may_be_written_so_as_well() -> None:
    assert ask(JobQuery, b"limit=5.0&offset=10.00")[0] == JobQuery(limit=5, offset=10)


def test_numbers_that_are_no_integers_by_type_stay_as_they_are() -> None:
    metric = {**METRIC, "metric_value": 5.0, "metric_metadata": {"a": 5.0, "b": "", "c": 2**100}, "extra": 1}
    kept, _ = read(NewMetric, metric)
    assert kept.metric_metadata == {"a": 5.0, "b": "", "c": 2**100}
    assert [type(value) for value in kept.metric_metadata.values()] == [float, str, int]


def test_an_empty_batch_is_a_batch() -> None:
    assert read(Batch, [])[0] == []
