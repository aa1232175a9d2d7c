"""The keeper serves without a database: its health needs none."""

import asyncio

import msgspec

from utxoiq_http.endpoints.keeper import create_keeper_app

ENVIRONMENT = {
    "GOOGLE_CLOUD_PROJECT": "project",
    "BACKED_UP_INSTANCE": "project:region:instance",
    "ARCHIVE_BUCKET": "archive",
}


async def receive() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


def status_of(method: str, path: str) -> tuple[int, object]:
    scope: dict[str, object] = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [],
        "query_string": b"",
        "client": None,
    }
    answer = asyncio.run(create_keeper_app(ENVIRONMENT)(scope, receive))
    return answer.status_code, msgspec.json.decode(answer.body).get("status")


def test_it_is_healthy_by_itself() -> None:
    assert status_of("GET", "/health") == (200, "healthy")


def test_it_has_no_other_way_in_than_its_posts() -> None:
    assert status_of("GET", "/expire-backups")[0] == 405
    assert status_of("GET", "/expunge-objects")[0] == 405
    assert status_of("POST", "/api/v1/monitoring/backup/run")[0] == 404
