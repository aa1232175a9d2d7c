"""API keys over HTTP, as an admin works with them, and the trace that is left."""

import re
import uuid
from typing import Any

import pytest
from tests.integration.http.functions import Api, Function

KEYS = "/api/v1/access/keys"
AUDIT = "/api/v1/access/audit"
METRIC = {"service_name": "api", "metric_type": "latency", "metric_value": 1, "unit": "ms"}


@pytest.fixture
def new_key() -> dict[str, Any]:
    return {"name": f"service {uuid.uuid4()}", "owner": "platform", "scopes": ["metrics:write", "metrics:read"]}


def record(api: Api, key: str) -> int:
    return api("POST", "/api/v1/monitoring/metrics", None, {"X-API-Key": key}, json=METRIC).status_code


def test_a_key_lives_from_its_creation_to_its_revocation(api: Api, new_key: dict[str, Any]) -> None:
    created = api("POST", KEYS, "operator", json=new_key)
    assert created.status_code == 201
    key = created.json()
    assert {name: key[name] for name in new_key} == {**new_key, "scopes": sorted(new_key["scopes"])}
    assert key["created_by"] == "operator:root@example.org"
    assert record(api, key["key"]) == 201

    shown = api("GET", created.headers["location"], "powerless").json()
    assert "key" not in shown
    assert shown["last_used_at"] is not None

    successor = api("POST", f"{KEYS}/rotate?key_id={key['id']}", "powerless", json={"overlap_seconds": 60}).json()
    assert [record(api, text) for text in (key["key"], successor["key"])] == [201, 201]

    revoked = api("POST", f"{KEYS}/revoke?key_id={successor['id']}", "operator").json()
    assert revoked["status"] == "revoked"
    assert api("GET", f"{KEYS}?status=revoked&limit=1", "operator").json() == [revoked]


def test_a_list_shows_no_key(api: Api, new_key: dict[str, Any]) -> None:
    key = api("POST", KEYS, "operator", json=new_key).json()["key"]
    answer = api("GET", KEYS, "operator")
    assert key not in answer.text
    assert all(entry.keys().isdisjoint({"key", "digest"}) for entry in answer.json())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("owner", None),
        ("name", "one\ntwo"),
        ("name", "ends\n"),
        ("owner", "red \x1b[31m"),
        ("owner", "\u202egnirts"),
        ("scopes", []),
        ("scopes", ["everything"]),
        ("requests_per_hour", 0),
        ("expires_at", "2020-01-01T00:00:00Z"),
        ("expires_at", "tomorrow"),
    ],
)
def test_what_makes_no_key_is_422_and_names_the_field(
    api: Api, new_key: dict[str, Any], field: str, value: object
) -> None:
    refused = api("POST", KEYS, "operator", json={**new_key, field: value})
    assert refused.status_code == 422
    assert field in refused.json()["errors"][0]["field"]


def test_a_name_in_use_and_a_second_rotation_are_409(api: Api, new_key: dict[str, Any]) -> None:
    key_id = api("POST", KEYS, "operator", json=new_key).json()["id"]
    again = api("POST", KEYS, "operator", json=new_key)
    assert (again.status_code, again.json()["type"]) == (409, "urn:utxoiq:problem:name-taken")
    rotate = f"{KEYS}/rotate?key_id={key_id}"
    assert api("POST", rotate, "operator", json={}).status_code == 201
    twice = api("POST", rotate, "operator", json={})
    assert (twice.status_code, twice.json()["type"]) == (409, "urn:utxoiq:problem:key-ended")


def test_an_unknown_key_is_404(api: Api) -> None:
    assert api("GET", f"{KEYS}/abcdefghijkl", "operator").status_code == 404
    assert api("POST", f"{KEYS}/revoke?key_id=abcdefghijkl", "operator").status_code == 404
    assert api("GET", f"{KEYS}/NOT-AN-ID", "operator").status_code == 422


def test_a_change_is_traced_in_the_table_and_in_the_log(
    api: Api, functions: dict[str, Function], new_key: dict[str, Any]
) -> None:
    key = api("POST", KEYS, "operator", json={**new_key, "scopes": ["feedback:write"]}).json()
    request_id = f"request-{uuid.uuid4()}"
    comment = f"comment {uuid.uuid4()}"
    headers = {"X-Request-ID": request_id, "X-Forwarded-For": "203.0.113.7"}
    body = {"insight_id": "audited", "comment": comment}
    api("POST", "/api/v1/feedback/comment", "user", headers, json=body)
    (entry,) = api("GET", f"{AUDIT}?request_id={request_id}", "operator").json()
    entry.pop("at"), entry.pop("id")
    own_id = entry["details"].pop("own_request_id")
    assert entry == {
        "actor": "user:user-1",
        "key_id": None,
        "action": "feedback.comment",
        "subject": "audited",
        "details": {"user_id": "user-1"},
        "address": "203.0.113.7",
        "request_id": request_id,
        "written_by": "feedback@utxoiq-test.iam",
    }
    rating = {"insight_id": "audited", "user_id": "user-3", "rating": 3}
    api("POST", "/api/v1/feedback/rate", None, {**headers, "X-API-Key": key["key"]}, json=rating)
    traced = api("GET", f"{AUDIT}?request_id={request_id}&action=feedback.rate", "operator").json()
    assert [(one["actor"], one["key_id"]) for one in traced] == [(f"service:{key['name']}", key["id"])]

    logs = (
        functions["feedback"].log.read_text() + functions["keys"].log.read_text() + functions["metrics"].log.read_text()
    )
    # The user has an alias in the log, which nobody can change at an erasure.
    (alias,) = re.findall(
        r'"audit":\[\{"action":"feedback.comment","subject":"audited","details":\{"user_id":"([^"]+)"\}\}\]', logs
    )
    assert "user-1" not in alias
    assert f'"own_request_id":"{own_id}"' in logs
    assert own_id != request_id
    assert comment not in logs
    assert key["key"] not in logs
    assert api.headers("user")["Authorization"].partition(" ")[2] not in logs
