import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from utxoiq_http import idempotency, openapi, preconditions
from utxoiq_http.access import Caller, Kind
from utxoiq_http.field_descriptions import DESCRIPTIONS
from utxoiq_http.problems import Problem
from utxoiq_http.system_document import system_routes, text

DOCUMENT: dict[str, Any] = json.loads(text())
CALLER = Caller(Kind.USER, "user:ann")
TIMES = {"started_at", "completed_at", "estimated_completion", "created_at", "updated_at", "timestamp", "expires_at"}
CONTRACT = """
    POST /api/v1/monitoring/backfill/start
    POST /api/v1/monitoring/backfill/progress
    GET /api/v1/monitoring/backfill/status
    GET /api/v1/monitoring/backfill/{job_id}
    POST /api/v1/feedback/rate
    POST /api/v1/feedback/comment
    POST /api/v1/feedback/flag
    DELETE /api/v1/feedback
    GET /api/v1/feedback/user/export
    DELETE /api/v1/feedback/user
    GET /api/v1/feedback/stats
    GET /api/v1/feedback/comments
    GET /api/v1/feedback/user
    POST /api/v1/monitoring/metrics
    POST /api/v1/monitoring/metrics/batch
    GET /api/v1/monitoring/metrics
    GET /api/v1/monitoring/metrics/aggregate
    POST /api/v1/monitoring/metrics/sketches
    POST /api/v1/access/keys
    GET /api/v1/access/keys
    GET /api/v1/access/keys/{key_id}
    POST /api/v1/access/keys/rotate
    POST /api/v1/access/keys/revoke
    GET /api/v1/access/audit
    GET /api/v1/monitoring/database/pool
    GET /api/v1/monitoring/database/queries
    GET /api/v1/monitoring/database/requests
    GET /api/v1/monitoring/database/cache
    POST /api/v1/monitoring/database/publish-metrics
    GET /metrics
    POST /api/v1/monitoring/retention/run
    POST /api/v1/monitoring/retention/partitions
    GET /api/v1/monitoring/retention/archive
    POST /api/v1/monitoring/retention/restore
    POST /api/v1/monitoring/retention/query
    POST /api/v1/monitoring/retention/persons
    POST /api/v1/monitoring/backup/run
    POST /api/v1/monitoring/backup/verify
    POST /api/v1/monitoring/backup/watch
    GET /api/v1/monitoring/backup/status
    POST /
    GET /health
    GET /openapi.json
"""


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_endpoint_is_documented_and_no_other() -> None:
    documented = {f"{method} {path}" for method, path, _ in operations()}
    assert documented == {line.strip() for line in CONTRACT.strip().splitlines()}


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > 30
    for reference in found:
        part: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] for _, _, operation in operations())


def test_every_parameter_of_a_path_is_declared() -> None:
    for _, path, operation in operations():
        declared = [one["name"] for one in operation["parameters"] if one.get("in") == "path"]
        assert declared == re.findall(r"{(\w+)}", path)


def test_what_is_not_public_asks_for_credentials() -> None:
    public = {path for _, path, operation in operations() if operation["security"] == [{}]}
    assert public == {"/", "/health", "/openapi.json", "/api/v1/feedback/stats", "/api/v1/feedback/comments"}
    for _, _, operation in operations():
        for requirement in operation["security"]:
            assert requirement.keys() <= DOCUMENT["components"]["securitySchemes"].keys()


@pytest.mark.parametrize("status", ["400", "401", "403", "413", "415", "422", "503"])
def test_a_body_that_is_not_for_all_may_meet_with_each_refusal(status: str) -> None:
    assert status in DOCUMENT["paths"]["/api/v1/feedback/rate"]["post"]["responses"]


def test_limits_and_defaults_are_those_of_the_contract() -> None:
    limits = {
        "/api/v1/monitoring/backfill/status": (100, 10),
        "/api/v1/feedback/comments": (100, 20),
        "/api/v1/feedback/user": (100, 50),
        "/api/v1/monitoring/metrics": (10000, 1000),
    }
    for path, (maximum, default) in limits.items():
        (limit,) = (one for one in DOCUMENT["paths"][path]["get"]["parameters"] if one.get("name") == "limit")
        assert (limit["schema"]["maximum"], limit["schema"]["default"], limit["schema"]["minimum"]) == (
            maximum,
            default,
            1,
        )


def test_a_function_documents_its_own_endpoints() -> None:
    routes = [route for route in system_routes() if "feedback" in route.path]
    assert set(openapi.document("feedback", routes)["paths"]) == {route.path for route in routes}


def test_the_document_in_docs_is_the_one_that_the_types_make() -> None:
    written = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"
    assert written.read_bytes() == text(), "run `make openapi`"


def structs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every field: of which type, its name, its schema."""
    for kind, struct in DOCUMENT["components"]["schemas"].items():
        for name, field in struct.get("properties", {}).items():
            yield kind, name, field


def choices(field: dict[str, Any]) -> list[dict[str, Any]]:
    return [field, *field.get("anyOf", [])]


def test_every_field_and_parameter_is_described() -> None:
    parameters = [one for _, _, operation in operations() for one in operation["parameters"] if "$ref" not in one]
    assert len(parameters) > 50
    assert not [one["name"] for one in parameters if not one["description"]]
    assert not [f"{kind}.{name}" for kind, name, field in structs() if not field["description"]]


def test_no_description_is_left_over() -> None:
    kinds = {kind.__name__: msgspec.structs.fields(kind) for route in system_routes() for kind in [route.parameters]}
    named = {(kind, field.encode_name) for kind, fields in kinds.items() for field in fields}
    named |= {(kind, name) for kind, name, _ in structs()}
    qualified = {f"{kind}.{name}" for kind, name in named}
    used = qualified | {name for kind, name in named if f"{kind}.{name}" not in DESCRIPTIONS}
    assert not DESCRIPTIONS.keys() - used


def test_a_field_that_may_be_left_out_has_no_default_of_null() -> None:
    """Generators of clients make a field with a default one that is always there."""
    assert not [f"{kind}.{name}" for kind, name, field in structs() if field.get("default", "") is None]


def test_times_are_said_to_be_times() -> None:
    times = [
        (kind, name, choice)
        for kind, name, field in structs()
        for choice in choices(field)
        if name in TIMES and choice.get("type") == "string"
    ]
    assert {name for _, name, _ in times} == TIMES
    assert not [(kind, name) for kind, name, choice in times if choice.get("format") != "date-time"]


def test_free_objects_take_fields() -> None:
    found = [choice for _, name, field in structs() if name == "metric_metadata" for choice in choices(field)]
    assert [choice["additionalProperties"] for choice in found if choice.get("type") == "object"] == [True, True]


def test_what_is_true_or_false_is_a_boolean() -> None:
    shown = {
        one["name"]: one["schema"]
        for _, _, operation in operations()
        for one in operation["parameters"]
        if one.get("name") in ("percentiles", "dry_run")
    }
    assert shown == {name: {"type": "boolean", "default": False} for name in ("percentiles", "dry_run")}


@pytest.mark.parametrize(
    ("header", "fits", "fits_not"),
    [
        ("If-Match", ['"3"', "*", 'W/"3"', '"1", "2"'], ["3", '"3', "", '"1" "2"']),
        ("Idempotency-Key", ["a", "!" * 255], ["", "a b", "ä", "!" * 256]),
    ],
)
def test_a_header_s_pattern_is_the_one_that_is_held(header: str, fits: list[str], fits_not: list[str]) -> None:
    matches = re.compile(DOCUMENT["components"]["parameters"][header]["schema"]["pattern"]).search
    for value in fits + fits_not:
        assert bool(matches(value)) == is_taken(header, value) == (value in fits), value


def is_taken(header: str, value: str) -> bool:
    headers = {header.lower().encode(): value.encode()}
    try:
        preconditions.expected_versions(headers.get(b"if-match"))
        idempotency.from_request(headers, CALLER, "/", None)
    except Problem:
        return False
    return True
