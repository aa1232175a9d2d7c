"""What clients of the system before send works unchanged: each line of existing_clients.jsonl is a request."""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.http.functions import CONNECTIONS, Api, Function, function_of

REQUESTS = [json.loads(line) for line in Path(__file__).with_name("existing_clients.jsonl").read_text().splitlines()]
SPELLED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00").fullmatch


@pytest.mark.parametrize("request_", REQUESTS, ids=[one["name"] for one in REQUESTS])
def test_a_request_of_an_existing_client(api: Api, functions: dict[str, Function], request_: Mapping[str, Any]) -> None:
    path = request_["path"]
    if "{job_at_version_1}" in path:
        job = api("POST", "/api/v1/monitoring/backfill/start", json={"job_type": "t", "start_block": 0, "end_block": 9})
        path = path.replace("{job_at_version_1}", job.json()["id"])
    url = functions[function_of(path) or "feedback"].url + path
    body = request_["body"]
    with httpx.Client(timeout=120, limits=CONNECTIONS) as client:
        sent = client.request(
            request_["method"],
            url,
            headers=[*api.headers("service").items(), *request_["headers"]],
            content=None if body is None else body.encode(),
        )
    assert sent.status_code == request_["status"], sent.text
    told = sent.json()
    if "whole" in request_:
        assert told == request_["whole"]
    for name, value in request_.get("answer", {}).items():
        assert told[name] == value
    if "field" in request_:
        assert told["errors"][0]["field"] == request_["field"]
        assert request_.get("says", "") in told["detail"]
        assert request_.get("says_not", "\n") not in told["detail"]
    assert sent.headers.get("x-ignored-fields") == request_.get("ignored")
    for name, value in request_.get("comes_back", {}).items():
        assert sent.headers[name] == value
    if "stored" in request_:
        stored = api("GET", request_["stored"]).text
        for number in re.findall(r"\d{20,}", body):
            assert number in stored
            assert number in sent.text


def test_an_average_of_nothing_is_written_as_a_float(api: Api) -> None:
    assert '"average_rating" : 0.0' in api("GET", f"/api/v1/feedback/stats?insight_id={uuid.uuid4()}", None).text


def test_an_unfit_correlation_id_is_replaced_by_the_requests(api: Api) -> None:
    answer = api("GET", "/api/v1/feedback/stats?insight_id=x", None, headers={"X-Correlation-ID": "not fit"})
    assert answer.headers["x-correlation-id"] == answer.headers["x-request-id"] != "not fit"
    assert "x-correlation-id" not in api("GET", "/health", None).headers


def test_the_names_of_what_is_ignored_come_with_a_refusal_too(api: Api) -> None:
    refused = api("POST", "/api/v1/feedback/rate", json={"insight_id": "x", "rating": 9, "stars": 1})
    assert refused.status_code == 422
    assert refused.headers["x-ignored-fields"] == "stars"


def test_times_of_recorded_metrics_have_one_spelling(api: Api) -> None:
    metric = {"service_name": "spelled", "metric_type": "t", "metric_value": 1, "unit": "u"}
    given = ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31 12:00:00.000000"]
    recorded = api(
        "POST", "/api/v1/monitoring/metrics/batch", json=[*({**metric, "timestamp": one} for one in given), metric]
    ).json()
    assert all(SPELLED(one["timestamp"]) for one in recorded)
    assert len({datetime.fromisoformat(one["timestamp"]) for one in recorded[:3]}) == 1


def times_in(answer: object) -> Iterator[str]:
    """Every text in an answer that looks like a time."""
    if isinstance(answer, str):
        if re.match(r"\d{4}-\d\d-\d\d[T ]", answer):
            yield answer
    elif isinstance(answer, (dict, list)):
        for part in answer.values() if isinstance(answer, dict) else answer:
            yield from times_in(part)


def test_times_of_every_answer_have_one_spelling(api: Api) -> None:
    rating = {"insight_id": "spelling", "user_id": "u", "rating": 4, "comment": "c"}
    job = api("POST", "/api/v1/monitoring/backfill/start", json={"job_type": "s", "start_block": 0, "end_block": 9})
    progress = {
        "current_block": 9,
        "progress_percentage": 100,
        "status": "completed",
        "estimated_completion": "2026-01-31 12:00:00",
    }
    metric = {"service_name": "spelling", "metric_type": "t", "metric_value": 1, "unit": "u"}
    new_key = {
        "name": f"spelling {uuid.uuid4()}",
        "owner": "o",
        "scopes": ["admin"],
        "expires_at": "2100-01-01 00:00:00",
    }
    key = api("POST", "/api/v1/access/keys", "operator", json=new_key)
    metrics = "service_name=spelling&metric_type=t&start_time=2026-01-01T00:00:00&end_time=2100-01-01T00:00:00"
    answers = [
        job,
        key,
        api("POST", f"/api/v1/monitoring/backfill/progress?job_id={job.json()['id']}", json=progress),
        api("POST", "/api/v1/feedback/rate", json=rating),
        api("POST", "/api/v1/feedback/flag", json={"insight_id": "spelling", "user_id": "u", "flag_type": "spam"}),
        api("POST", "/api/v1/monitoring/metrics", json=metric),
        api("GET", f"/api/v1/monitoring/backfill/{job.json()['id']}"),
        api("GET", "/api/v1/monitoring/backfill/status?limit=5"),
        api("GET", "/api/v1/feedback/comments?insight_id=spelling"),
        api("GET", "/api/v1/feedback/user?user_id=u"),
        api("GET", f"/api/v1/monitoring/metrics?{metrics}"),
        api("GET", f"/api/v1/monitoring/metrics/aggregate?{metrics}"),
        api(
            "GET",
            f"/api/v1/monitoring/metrics/aggregate?{metrics}&interval=week&compare=previous_year&percentiles=true",
        ),
        api("GET", f"/api/v1/access/keys/{key.json()['id']}", "operator"),
        api("GET", "/api/v1/access/keys?limit=5", "operator"),
        api("GET", "/api/v1/access/audit?limit=5", "operator"),
    ]
    for answer in answers:
        assert answer.status_code < 300, answer.text
        found = list(times_in(answer.json()))
        assert found, answer.text
        assert [time for time in found if not SPELLED(time)] == [], answer.url
