"""What the OpenAPI document shows is what the functions take."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.http.functions import UNKNOWN_ID, Api, function_of

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[3] / "docs/openapi.json").read_text())
PROGRESS = "/api/v1/monitoring/backfill/progress"


def examples() -> Iterator[tuple[str, str, Any]]:
    """Every example of a body: the path, who sends it, the body. Only of functions that run here."""
    for path, methods in DOCUMENT["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        if content is None or function_of(path) is None:
            continue
        assert "example" in content or "examples" in content, path
        caller = "operator" if path.startswith("/api/v1/access") else "service"
        if "example" in content:
            yield path, caller, content["example"]
        for caller, example in content.get("examples", {}).items():
            yield path, caller, example["value"]


@pytest.mark.parametrize(("path", "caller", "body"), list(examples()))
def test_every_example_is_taken(api: Api, path: str, caller: str, body: Any) -> None:
    query = ""
    wanted: dict[str, Any]
    if path.endswith("/keys/rotate"):
        wanted = {"name": "example-of-rotation", "owner": "tests", "scopes": ["metrics:read"]}
        query = f"?key_id={api('POST', path.removesuffix('/rotate'), 'operator', json=wanted).json()['id']}"
    if path == PROGRESS:
        wanted = {"job_type": "example", "start_block": 0, "end_block": 900_000}
        query = f"?job_id={api('POST', path.replace('progress', 'start'), json=wanted).json()['id']}"
    response = api("POST", path + query, caller, json=body)
    assert response.status_code in (200, 201), response.text


def test_one_refusal_names_what_is_wrong_in_query_body_and_headers(api: Api) -> None:
    response = api(
        "POST",
        f"{PROGRESS}?job_id=no-uuid",
        json={"current_block": -1, "progress_percentage": 101},
        headers={"If-Match": "unquoted"},
    )
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [
        "job_id",
        "If-Match",
        "current_block",
        "progress_percentage",
    ]


def test_a_wrong_header_and_a_wrong_body_are_refused_together(api: Api) -> None:
    response = api(
        "POST",
        "/api/v1/monitoring/metrics",
        json={"service_name": "a", "metric_type": "b", "metric_value": 1, "unit": "much too long a unit to be one"},
        headers={"Idempotency-Key": "not fit"},
    )
    assert {error["field"] for error in response.json()["errors"]} == {"Idempotency-Key", "unit"}


@pytest.mark.parametrize("body", [{"current_block": 1}, {"status": "paused"}, {"estimated_completion": None}])
def test_progress_takes_what_is_sent(api: Api, body: object) -> None:
    assert api("POST", f"{PROGRESS}?job_id={UNKNOWN_ID}", json=body).status_code == 404


@pytest.mark.parametrize("body", [{}, {"status": None}])
def test_progress_that_tells_nothing_is_refused(api: Api, body: object) -> None:
    response = api("POST", f"{PROGRESS}?job_id={UNKNOWN_ID}", json=body)
    assert response.status_code == 422
    assert response.json()["errors"] == [{"field": "(body)", "message": "tells nothing; send at least one field"}]
