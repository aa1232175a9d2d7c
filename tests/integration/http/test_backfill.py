import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urljoin

import httpx
import msgspec
import pytest
from tests.integration.http.functions import Api

from utxoiq_http.answers import Job

PATH = "/api/v1/monitoring/backfill"


def start(api: Api, **fields: object) -> httpx.Response:
    job = {"job_type": "blocks", "start_block": 100, "end_block": 200, **fields}
    response = api("POST", f"{PATH}/start", json=job)
    assert response.status_code == 201, response.text
    return response


def started(api: Api, **fields: object) -> str:
    return str(start(api, **fields).json()["id"])


def progress(api: Api, job_id: str, headers: dict[str, str] | None = None, **fields: object) -> httpx.Response:
    body = {"current_block": 150, "progress_percentage": 50, **fields}
    return api("POST", f"{PATH}/progress", params={"job_id": job_id}, json=body, headers=headers)


def get(api: Api, job_id: str, **headers: str) -> httpx.Response:
    return api("GET", f"{PATH}/{job_id}", headers=headers)


def test_a_started_job_runs_at_its_first_block(api: Api) -> None:
    response = start(api, created_by="ops")
    job = response.json()
    assert (job["status"], job["current_block"], job["progress_percentage"]) == ("running", 100, 0)
    assert job["created_by"] == "ops"
    assert job["estimated_completion"] is job["error_message"] is job["completed_at"] is None
    assert response.headers["location"] == f"{PATH}/{job['id']}"


def test_a_job_has_the_documented_shape(api: Api) -> None:
    msgspec.json.decode(start(api).content, type=Job)


def test_a_location_leads_to_the_job(api: Api) -> None:
    response = start(api)
    assert api("GET", response.headers["location"]).json() == response.json()


def test_a_job_of_one_block_may_start_and_end(api: Api) -> None:
    job_id = started(api, start_block=0, end_block=0)
    assert progress(api, job_id, current_block=0, progress_percentage=100, status="completed").status_code == 200


def test_progress_is_seen_by_the_next_read(api: Api) -> None:
    job_id = started(api)
    get(api, job_id)
    for block in range(110, 120):
        progress(api, job_id, current_block=block, progress_percentage=block - 100)
        assert get(api, job_id).json()["current_block"] == block


def test_what_progress_leaves_out_stays(api: Api) -> None:
    job_id = started(api)
    progress(api, job_id, estimated_completion="2030-01-01T00:00:00+01:00", error_message="slow", status="paused")
    job = progress(api, job_id).json()
    assert (job["error_message"], job["status"]) == ("slow", "paused")
    assert job["estimated_completion"] == "2029-12-31T23:00:00.000000+00:00"


def test_null_clears_what_may_be_null(api: Api) -> None:
    job_id = started(api)
    progress(api, job_id, estimated_completion="2030-01-01T00:00:00Z", error_message="slow")
    job = progress(api, job_id, estimated_completion=None, error_message=None).json()
    assert job["estimated_completion"] is job["error_message"] is None


def test_a_completed_job_is_at_100_percent_and_has_its_time(api: Api) -> None:
    job = progress(api, started(api), progress_percentage=99, status="completed").json()
    assert job["progress_percentage"] == 100
    assert job["completed_at"] is not None


def test_a_failed_job_keeps_its_error(api: Api) -> None:
    job = progress(api, started(api), status="failed", error_message="node away").json()
    assert (job["status"], job["error_message"]) == ("failed", "node away")


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_a_job_ends_once(api: Api, end: str) -> None:
    job_id = started(api)
    ended = progress(api, job_id, status=end)
    again = progress(api, job_id, status="running")
    assert again.status_code == 409
    assert end in again.json()["detail"]
    assert get(api, job_id).json() == ended.json()


@pytest.mark.parametrize("block", [99, 201])
def test_a_block_outside_the_job_is_400(api: Api, block: int) -> None:
    job_id = started(api)
    response = progress(api, job_id, current_block=block)
    assert response.status_code == 400
    assert "100 to 200" in response.json()["detail"]
    assert get(api, job_id).json()["current_block"] == 100


def test_an_end_before_its_start_is_400(api: Api) -> None:
    response = api("POST", f"{PATH}/start", json={"job_type": "blocks", "start_block": 2, "end_block": 1})
    assert response.status_code == 400
    assert "end_block" in response.json()["detail"]


def test_an_unknown_job_is_404_whatever_is_asked_of_it(api: Api) -> None:
    unknown = str(uuid.uuid4())
    assert get(api, unknown).status_code == 404
    assert progress(api, unknown).status_code == 404
    assert progress(api, unknown, {"If-Match": '"1"'}).status_code == 404
    assert progress(api, unknown, {"If-Match": 'W/"1"'}).status_code == 404


def test_an_id_is_read_in_any_form_of_a_uuid(api: Api) -> None:
    job_id = started(api)
    assert get(api, job_id.upper()).json()["id"] == job_id
    assert get(api, job_id.replace("-", "%2D")).json()["id"] == job_id


def test_the_etag_of_a_job_that_stays_the_same_is_304(api: Api) -> None:
    first = start(api)
    again = get(api, first.json()["id"], **{"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]


def test_the_etag_changes_with_the_job(api: Api) -> None:
    first = start(api)
    moved = progress(api, first.json()["id"])
    assert moved.headers["etag"] != first.headers["etag"]
    read = get(api, first.json()["id"], **{"If-None-Match": first.headers["etag"]})
    assert (read.status_code, read.headers["etag"]) == (200, moved.headers["etag"])


def test_a_stale_if_match_is_409_and_changes_nothing(api: Api) -> None:
    first = start(api)
    moved = progress(api, first.json()["id"])
    stale = progress(api, first.json()["id"], {"If-Match": first.headers["etag"]}, current_block=160)
    assert stale.status_code == 409
    assert stale.json()["type"] == "urn:utxoiq:problem:stale-version"
    assert get(api, first.json()["id"]).json() == moved.json()


@pytest.mark.parametrize(
    ("if_match", "status"),
    [('"1"', 200), ("*", 200), ('"7", "1"', 200), ('"2"', 409), ('W/"1"', 409), ('"theirs"', 409), ("1", 422)],
)
def test_if_match_is_honoured(api: Api, if_match: str, status: int) -> None:
    assert progress(api, started(api), {"If-Match": if_match}).status_code == status


def test_of_writers_with_the_same_version_one_wins(api: Api) -> None:
    job_id = started(api)
    with ThreadPoolExecutor(8) as threads:
        moves = [
            threads.submit(progress, api, job_id, {"If-Match": '"1"'}, current_block=block) for block in range(110, 118)
        ]
    statuses = sorted(move.result().status_code for move in moves)
    assert statuses == [200] + [409] * 7


def test_the_same_key_and_body_start_one_job(api: Api) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"job_type": "blocks", "start_block": 1, "end_block": 2}
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(api, "POST", f"{PATH}/start", json=body, headers=headers) for _ in range(8)]
    responses = [call.result() for call in calls]
    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1
    assert len({response.headers["location"] for response in responses}) == 1


def test_the_same_key_with_another_body_is_422(api: Api) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"job_type": "blocks", "start_block": 1, "end_block": 2}
    api("POST", f"{PATH}/start", json=body, headers=headers)
    response = api("POST", f"{PATH}/start", json={**body, "end_block": 3}, headers=headers)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"


def test_a_key_is_its_callers_own(api: Api) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"job_type": "blocks", "start_block": 1, "end_block": 2}
    first = api("POST", f"{PATH}/start", json=body, headers=headers)
    other = api("POST", f"{PATH}/start", "operator", json=body, headers=headers)
    assert first.json()["id"] != other.json()["id"]


def test_a_refused_request_does_not_use_up_its_key(api: Api) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"job_type": "blocks", "start_block": 2, "end_block": 1}
    assert api("POST", f"{PATH}/start", json=body, headers=headers).status_code == 400
    assert api("POST", f"{PATH}/start", json={**body, "end_block": 3}, headers=headers).status_code == 201


def test_jobs_are_listed_newest_first(api: Api) -> None:
    kind = uuid.uuid4().hex
    ids = [started(api, job_type=kind) for _ in range(3)]
    listed = api("GET", f"{PATH}/status", params={"job_type": kind})
    assert [job["id"] for job in listed.json()] == ids[::-1]
    msgspec.json.decode(listed.content, type=list[Job])


def test_ten_jobs_are_listed_unless_more_are_asked_for(api: Api) -> None:
    kind = uuid.uuid4().hex
    for _ in range(12):
        started(api, job_type=kind)
    assert len(api("GET", f"{PATH}/status", params={"job_type": kind}).json()) == 10
    assert len(api("GET", f"{PATH}/status", params={"job_type": kind, "limit": 100}).json()) == 12
    assert len(api("GET", f"{PATH}/status", params={"job_type": kind, "offset": 10}).json()) == 2


def test_jobs_are_found_by_status(api: Api) -> None:
    kind = uuid.uuid4().hex
    running, paused = started(api, job_type=kind), started(api, job_type=kind)
    progress(api, paused, status="paused")

    def found(status: str) -> list[Any]:
        jobs = api("GET", f"{PATH}/status", params={"job_type": kind, "status": status}).json()
        return [job["id"] for job in jobs]

    assert (found("running"), found("paused"), found("failed")) == ([running], [paused], [])


def test_pages_by_cursor_miss_and_repeat_nothing_while_jobs_are_added(api: Api) -> None:
    kind = uuid.uuid4().hex
    ids = [started(api, job_type=kind) for _ in range(7)]
    seen: list[str] = []
    page = api("GET", f"{PATH}/status", params={"job_type": kind, "limit": 3, "offset": 0})
    while True:
        seen += [job["id"] for job in page.json()]
        started(api, job_type=kind)
        if "next" not in page.links:
            break
        url = urljoin(f"{PATH}/status", page.links["next"]["url"])
        page = api("GET", url)
    assert seen == ids[::-1]
