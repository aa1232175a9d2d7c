from datetime import UTC, datetime
from uuid import UUID

import pytest

from utxoiq_http.endpoints.backfill import OneJob
from utxoiq_http.endpoints.feedback import StatsQuery
from utxoiq_http.parameters import ParameterReader
from utxoiq_http.problems import Problem
from utxoiq_http.tolerance import Ignored
from utxoiq_persistence.records import JobQuery, MetricsQuery, UserFeedbackQuery

RANGE = b"start_time=2026-01-01T00:00:00Z&end_time=2026-01-02T00:00:00%2B01:00"


def fields(kind: type, query: bytes, segment: str | None = None, path_parameter: str | None = None) -> list[str]:
    with pytest.raises(Problem) as raised:
        ParameterReader(kind, path_parameter).read(query, segment, Ignored())
    assert raised.value.status == 422
    return [error.field for error in raised.value.errors]


def test_defaults_hold_for_what_is_left_out() -> None:
    query = ParameterReader(JobQuery, None).read(b"", None, Ignored())
    assert (query.status, query.job_type, query.limit, query.offset) == (None, None, 10, 0)


def test_text_becomes_what_its_field_is() -> None:
    text = RANGE + b"&limit=10000&offset=5&service_name=a%20b+c"
    query = ParameterReader(MetricsQuery, None).read(text, None, Ignored())
    assert (query.limit, query.offset, query.service_name) == (10000, 5, "a b c")
    assert query.start_time == datetime(2026, 1, 1, tzinfo=UTC)
    assert query.end_time == datetime(2026, 1, 1, 23, tzinfo=UTC)


@pytest.mark.parametrize("text", [b"null", b"5", b"true", b"a=b", b"%F0%9F%8E%89"])
def test_a_name_may_look_like_anything(text: bytes) -> None:
    assert ParameterReader(StatsQuery, None).read(b"insight_id=" + text, None, Ignored()).insight_id


def test_a_path_names_its_parameter() -> None:
    reader = ParameterReader(OneJob, "job_id")
    identifier = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    assert reader.read(b"", identifier, Ignored()).job_id == UUID(identifier)


@pytest.mark.parametrize("segment", ["x", "%20", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "�", "\0", "7" * 5000])
def test_a_path_that_names_no_uuid_is_422(segment: str) -> None:
    assert fields(OneJob, b"", segment, "job_id") == ["job_id"]


def test_a_parameter_of_the_path_has_no_place_in_the_query() -> None:
    ignored = Ignored()
    one, other = "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
    assert ParameterReader(OneJob, "job_id").read(b"job_id=" + other.encode(), one, ignored).job_id == UUID(one)
    assert ignored.headers() == [(b"x-ignored-fields", b"job_id")]


@pytest.mark.parametrize(
    ("kind", "query", "field"),
    [
        (StatsQuery, b"", "insight_id"),
        (StatsQuery, b"insight_id=", "insight_id"),
        (StatsQuery, b"insight_id", "insight_id"),
        (StatsQuery, b"insight_id=x&insight_id=y", "insight_id"),
        (StatsQuery, b"insight_id=a%00b", "insight_id"),
        (StatsQuery, b"insight_id=%ff", "insight_id"),
        (StatsQuery, b"insight_id=\xff", "insight_id"),
        (StatsQuery, b"insight_id=" + b"x" * 101, "insight_id"),
        (JobQuery, b"limit=0", "limit"),
        (JobQuery, b"limit=101", "limit"),
        (JobQuery, b"limit=ten", "limit"),
        (JobQuery, b"limit=1_0", "limit"),
        (JobQuery, b"limit=1.5", "limit"),
        (JobQuery, b"limit=1e1", "limit"),
        (JobQuery, b"limit=inf", "limit"),
        (MetricsQuery, b"start_time=", "start_time"),
        (JobQuery, b"limit=%D9%A3", "limit"),
        (JobQuery, b"limit=" + b"9" * 5000, "limit"),
        (JobQuery, b"offset=-1", "offset"),
        (JobQuery, b"offset=9223372036854775808", "offset"),
        (JobQuery, b"status=done", "status"),
        (JobQuery, b"cursor=" + b"x" * 201, "cursor"),
        (UserFeedbackQuery, b"rating=6", "rating"),
        (UserFeedbackQuery, b"start_time=2026-01-01T00:00:00+01:00", "start_time"),
        (UserFeedbackQuery, b"start_time=1767225600", "start_time"),
        (UserFeedbackQuery, b"end_time=9999-12-31T23:59:59-01:00", "end_time"),
    ],
)
def test_a_parameter_that_is_wrong_is_422_and_named(kind: type, query: bytes, field: str) -> None:
    assert field in fields(kind, query)


def test_every_wrong_parameter_is_named_at_once() -> None:
    assert sorted(fields(MetricsQuery, b"limit=0&what=1&offset=x&start_time=now")) == [
        "end_time",
        "limit",
        "offset",
        "start_time",
    ]
