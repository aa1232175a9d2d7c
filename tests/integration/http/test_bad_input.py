"""Bad input, from every endpoint: its status, a detail that says what to mend, and nothing changed."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.integration.http.functions import UNKNOWN_ID, Api

BACKFILL = "/api/v1/monitoring/backfill"
FEEDBACK = "/api/v1/feedback"
METRICS = "/api/v1/monitoring/metrics"
DATABASE = "/api/v1/monitoring/database"
JOB = {"job_type": "blocks", "start_block": 1, "end_block": 2}
PROGRESS = {"current_block": 1, "progress_percentage": 1}
RATING = {"insight_id": "x", "rating": 5, "user_id": "u"}
COMMENT = {"insight_id": "x", "comment": "c", "user_id": "u"}
FLAG = {"insight_id": "x", "flag_type": "spam", "user_id": "u"}
METRIC = {"service_name": "a", "metric_type": "b", "metric_value": 1, "unit": "ms"}
RANGE = "start_time=2026-01-01T00:00:00Z&end_time=2026-01-02T00:00:00Z"
AGGREGATE = f"{METRICS}/aggregate?{RANGE}&service_name=a&metric_type=b"

POSTS: dict[str, object] = {
    f"{BACKFILL}/start": JOB,
    f"{BACKFILL}/progress?job_id={UNKNOWN_ID}": PROGRESS,
    f"{FEEDBACK}/rate": RATING,
    f"{FEEDBACK}/comment": COMMENT,
    f"{FEEDBACK}/flag": FLAG,
    METRICS: METRIC,
    f"{METRICS}/batch": [METRIC],
}
GETS = [
    f"{BACKFILL}/status?",
    f"{BACKFILL}/{UNKNOWN_ID}?",
    f"{FEEDBACK}/stats?insight_id=x",
    f"{FEEDBACK}/comments?insight_id=x",
    f"{FEEDBACK}/user?user_id=u",
    f"{METRICS}?{RANGE}",
    f"{AGGREGATE}&interval=day",
    f"{DATABASE}/pool?",
    f"{DATABASE}/queries?",
]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def refused(api: Api, snapshot: Callable[[], Mapping[str, object]]) -> Callable[..., Any]:
    """Sends what should be refused with a status; the problem."""

    def send(status: int, method: str, path: str, **request: Any) -> Any:
        before = snapshot()
        response = api(method, path, **request)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["status"] == status
        assert len(problem["detail"]) > 5
        assert problem["instance"] == f"urn:request:{response.headers['x-request-id']}"
        assert (status == 422) == bool(problem.get("errors"))
        assert snapshot() == before
        return problem

    return send


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null null", b"\xff", b'{"a":NaN}', b'[{"a":Infinity}]', b"{'a':1}", b'{"a":"\x00"}'],
)
def test_malformed_json_is_400(refused: Callable[..., Any], path: str, content: bytes) -> None:
    refused(400, "POST", path, content=content, headers=JSON)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", [None, 1, "text", True, {}, [[]]])
def test_the_wrong_kind_of_json_is_422(refused: Callable[..., Any], path: str, body: object) -> None:
    refused(422, "POST", path, content=json.dumps(body), headers=JSON)


@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_is_not_sent_as_json_is_415(refused: Callable[..., Any], path: str) -> None:
    content = json.dumps(POSTS[path])
    refused(415, "POST", path, content=content, headers={"Content-Type": "text/plain"})
    refused(415, "POST", path, content=content, headers={**JSON, "Content-Encoding": "gzip"})


@pytest.mark.parametrize("path", POSTS)
def test_a_body_over_the_limit_is_413(refused: Callable[..., Any], path: str) -> None:
    limit = 8 * 2**20 if path.endswith("batch") else 64 * 2**10
    refused(413, "POST", path, content=b" " * (limit + 1), headers=JSON)
    refused(413, "POST", path, content=(b" " * 1024 for _ in range(limit // 1024 + 1)), headers=JSON)


@pytest.mark.parametrize(
    "path",
    [
        f"{BACKFILL}/status?job_type=%00",
        f"{BACKFILL}/status?cursor=%00",
        f"{BACKFILL}/status?limit=%00",
        f"{FEEDBACK}/stats?insight_id=%00",
        f"{FEEDBACK}/stats?insight_id=%ff",
        f"{FEEDBACK}/comments?insight_id=x&cursor=%00",
        f"{FEEDBACK}/user?user_id=%ff",
        f"{METRICS}?{RANGE}&service_name=%00",
        f"{METRICS}?{RANGE}&metric_type=a%ffb",
        f"{AGGREGATE}&compare=%00",
    ],
)
def test_text_that_cannot_be_stored_is_422_in_a_query_too(refused: Callable[..., Any], path: str) -> None:
    refused(422, "GET", path)


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("query", ["a%00b=1", "a%ff=%ff", "=1", "&&", "extra"])
def test_whatever_is_no_parameter_is_ignored(api: Api, path: str, query: str) -> None:
    plain, more = api("GET", path), api("GET", f"{path}&{query}")
    assert more.status_code == plain.status_code


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (f"{BACKFILL}/start", {**JOB, "start_block": -1}, "start_block"),
        (f"{BACKFILL}/start", {**JOB, "end_block": 2**63}, "end_block"),
        (f"{BACKFILL}/start", {**JOB, "start_block": 1.5}, "start_block"),
        (f"{BACKFILL}/start", {**JOB, "job_type": ""}, "job_type"),
        (f"{BACKFILL}/start", {**JOB, "job_type": "x" * 51}, "job_type"),
        (f"{BACKFILL}/start", {**JOB, "job_type": "\0"}, "job_type"),
        (f"{BACKFILL}/start", {**JOB, "created_by": "x" * 101}, "created_by"),
        (f"{BACKFILL}/progress?job_id={UNKNOWN_ID}", {**PROGRESS, "progress_percentage": 101}, "progress_percentage"),
        (f"{BACKFILL}/progress?job_id={UNKNOWN_ID}", {**PROGRESS, "status": "done"}, "status"),
        (f"{BACKFILL}/progress?job_id={UNKNOWN_ID}", {**PROGRESS, "error_message": "\0"}, "error_message"),
        (f"{BACKFILL}/progress?job_id={UNKNOWN_ID}", {**PROGRESS, "error_message": "x" * 2001}, "error_message"),
        (
            f"{BACKFILL}/progress?job_id={UNKNOWN_ID}",
            {**PROGRESS, "estimated_completion": "2030-02-30T00:00:00"},
            "estimated_completion",
        ),
        (
            f"{BACKFILL}/progress?job_id={UNKNOWN_ID}",
            {**PROGRESS, "estimated_completion": "0001-01-01T00:00:00+01:00"},
            "estimated_completion",
        ),
        (f"{BACKFILL}/progress", PROGRESS, "job_id"),
        (f"{BACKFILL}/progress?job_id=seven", PROGRESS, "job_id"),
        (f"{BACKFILL}/progress?job_id={UNKNOWN_ID}&job_id={UNKNOWN_ID}", PROGRESS, "job_id"),
        (f"{FEEDBACK}/rate", {**RATING, "rating": 6}, "rating"),
        (f"{FEEDBACK}/rate", {**RATING, "rating": 0}, "rating"),
        (f"{FEEDBACK}/rate", {**RATING, "rating": "5"}, "rating"),
        (f"{FEEDBACK}/rate", {**RATING, "insight_id": "x" * 101}, "insight_id"),
        (f"{FEEDBACK}/rate", {**RATING, "user_id": ""}, "user_id"),
        (f"{FEEDBACK}/rate", {**RATING, "comment": "x" * 1001}, "comment"),
        (f"{FEEDBACK}/rate", {**RATING, "comment": "a\0"}, "comment"),
        (f"{FEEDBACK}/comment", {**COMMENT, "comment": ""}, "comment"),
        (f"{FEEDBACK}/comment", {**COMMENT, "comment": "\ud800"}, "comment"),
        (f"{FEEDBACK}/comment", {**COMMENT, "comment": None}, "comment"),
        (f"{FEEDBACK}/flag", {**FLAG, "flag_type": "rude"}, "flag_type"),
        (f"{FEEDBACK}/flag", {**FLAG, "flag_reason": "x" * 501}, "flag_reason"),
        (METRICS, {**METRIC, "metric_value": None}, "metric_value"),
        (METRICS, {**METRIC, "metric_value": "NaN"}, "metric_value"),
        (METRICS, {**METRIC, "unit": "x" * 21}, "unit"),
        (METRICS, {**METRIC, "timestamp": "yesterday"}, "timestamp"),
        (METRICS, {**METRIC, "timestamp": "9999-12-31T23:59:59-01:00"}, "timestamp"),
        (METRICS, {**METRIC, "metric_metadata": {"a": {"\0": 1}}}, "metric_metadata.a.�"),
        (METRICS, {**METRIC, "metric_metadata": {"a": ["\0"]}}, "metric_metadata.a[0]"),
        (METRICS, {**METRIC, "metric_metadata": "text"}, "metric_metadata"),
        (f"{METRICS}/batch", [METRIC] * 5001, "(body)"),
        (f"{METRICS}/batch", [METRIC, {**METRIC, "service_name": ""}], "[1].service_name"),
    ],
)
def test_a_field_that_is_wrong_is_422_and_named(
    refused: Callable[..., Any], path: str, body: object, field: str
) -> None:
    content = json.dumps(body)  # httpx's own refuses a lone surrogate
    assert refused(422, "POST", path, content=content, headers=JSON)["errors"][0]["field"] == field


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 5000])
def test_a_number_that_no_double_holds_is_422(refused: Callable[..., Any], number: str) -> None:
    content = json.dumps({**METRIC, "metric_value": 7}).replace("7", number)
    assert refused(422, "POST", METRICS, content=content, headers=JSON)["errors"][0]["field"] == "metric_value"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{BACKFILL}/not-a-uuid", "job_id"),
        (f"{BACKFILL}/%00", "job_id"),
        (f"{BACKFILL}/%ff", "job_id"),
        (f"{BACKFILL}/status?status=done", "status"),
        (f"{BACKFILL}/status?limit=101", "limit"),
        (f"{BACKFILL}/status?limit=0", "limit"),
        (f"{BACKFILL}/status?limit=1e1", "limit"),
        (f"{BACKFILL}/status?offset=-1", "offset"),
        (f"{BACKFILL}/status?offset=9223372036854775808", "offset"),
        (f"{BACKFILL}/status?limit=1&limit=2", "limit"),
        (f"{BACKFILL}/status?cursor=bogus", "cursor"),
        (f"{FEEDBACK}/stats", "insight_id"),
        (f"{FEEDBACK}/stats?insight_id=", "insight_id"),
        (f"{FEEDBACK}/stats?insight_id={'x' * 101}", "insight_id"),
        (f"{FEEDBACK}/comments?insight_id=x&limit=101", "limit"),
        (f"{FEEDBACK}/user?user_id=u&rating=6", "rating"),
        (f"{FEEDBACK}/user?user_id=u&limit=101", "limit"),
        (f"{FEEDBACK}/user?user_id=u&start_time=2026-01-01", "start_time"),
        (METRICS, "start_time"),
        (f"{METRICS}?{RANGE}&limit=10001", "limit"),
        (f"{METRICS}?start_time=0001-01-01T00:00:00%2B01:00&end_time=2026-01-01T00:00:00Z", "start_time"),
        (f"{AGGREGATE}&interval=month", "interval"),
        (f"{METRICS}/aggregate?{RANGE}&interval=day", "service_name"),
    ],
)
def test_a_parameter_that_is_wrong_is_422_and_named(refused: Callable[..., Any], path: str, field: str) -> None:
    assert refused(422, "GET", path)["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{BACKFILL}/start", {**JOB, "start_block": 3}),
        ("GET", f"{METRICS}?start_time=2026-01-02T00:00:00Z&end_time=2026-01-01T00:00:00Z", None),
        (
            "GET",
            f"{METRICS}/aggregate?start_time=2026-01-02T00:00:00Z&end_time=2026-01-01T00:00:00Z"
            "&service_name=a&metric_type=b&interval=day",
            None,
        ),
        ("GET", f"{FEEDBACK}/user?user_id=u&start_time=2026-01-02T00:00:00Z&end_time=2026-01-01T00:00:00Z", None),
    ],
)
def test_a_broken_rule_between_fields_is_400(refused: Callable[..., Any], method: str, path: str, body: object) -> None:
    refused(400, method, path, **({} if body is None else {"json": body}))


@pytest.mark.parametrize("key", ["", "x" * 256, "a b"])
@pytest.mark.parametrize("path", [f"{BACKFILL}/start", METRICS, f"{METRICS}/batch"])
def test_an_idempotency_key_out_of_bounds_is_422(refused: Callable[..., Any], path: str, key: str) -> None:
    problem = refused(422, "POST", path, json=POSTS[path], headers={"Idempotency-Key": key})
    assert problem["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("path", [*POSTS, *GETS])
def test_a_wrong_method_is_405_and_told_the_right_ones(api: Api, path: str) -> None:
    erases = path.startswith(f"{FEEDBACK}/user")
    for method in ("PUT", "PATCH", "OPTIONS", *(() if erases else ("DELETE",))):
        response = api(method, path)
        assert response.status_code == 405
        assert response.headers["content-type"] == "application/problem+json"
        assert ("POST" if path in POSTS else "GET") in response.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/", "/nothing", f"{FEEDBACK}s", f"{FEEDBACK}/stats//", f"{BACKFILL}/a/b", "/%2e%2e/"]
)
def test_an_unknown_path_is_404(refused: Callable[..., Any], path: str) -> None:
    refused(404, "GET", path)


def test_an_unknown_job_is_404(refused: Callable[..., Any]) -> None:
    refused(404, "GET", f"{BACKFILL}/{UNKNOWN_ID}")
    refused(404, "POST", f"{BACKFILL}/progress?job_id={UNKNOWN_ID}", json=PROGRESS)


def test_json_nested_without_end_is_422(api: Api) -> None:
    content = json.dumps({**METRIC, "metric_metadata": 7}).replace("7", '{"a":' * 9000 + "1" + "}" * 9000)
    response = api("POST", METRICS, content=content, headers=JSON)
    assert response.status_code == 422
    assert "nested" in response.json()["detail"]
