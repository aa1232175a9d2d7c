"""Cloud Logging and Cloud Scheduler on this machine, spoken to by Google's client library."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web
from googleapiclient.errors import HttpError
from tests.integration.google_apis import Loop
from tests.integration.platform.conftest import client
from tests.system.running import until

from local_cloud.google.issuer import Issuers
from local_cloud.google.logging import api
from local_cloud.google.logging.buckets import LogBuckets
from local_cloud.google.logging.entry_log import EntryLog
from local_cloud.google.logging.function_log import FunctionLog
from local_cloud.google.logging.source import LogSource
from local_cloud.google.monitored_resources import function_resource
from local_cloud.google.scheduler.api import JobsApi
from local_cloud.google.scheduler.attempts import AttemptLog
from local_cloud.google.scheduler.scheduler import JobSpec, Scheduler
from local_cloud.processes.server import free_port
from local_cloud.serving.listener import listen
from local_cloud.state import State

PARENT = "projects/shop/locations/us-central1"
Serve = Callable[[Iterable[Any]], str]


class Target:
    """What jobs call: it answers as it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.port = free_port()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=self.status, text="told so")


class Jobs:
    """Two jobs of a scheduler that runs, and the log of their attempts."""

    def __init__(self, folder: Path, loop: Loop, serve: Serve) -> None:
        self.target = Target()
        self.log = State(folder).log("scheduler")
        self._loop = loop
        self.scheduler, self._close = loop.run(self._start(folder))
        self.url = serve(JobsApi("shop", self.scheduler).routes())
        self.api = client("cloudscheduler", "v1", self.url).projects().locations().jobs()

    async def _start(self, folder: Path) -> tuple[Scheduler, Callable[[], Any]]:
        runner = await listen(self.target.answer, self.target.port)
        session = aiohttp.ClientSession()
        issuers = Issuers(State(folder), "http://127.0.0.1")
        scheduler = Scheduler(issuers, session, lambda line: None, AttemptLog(self.log, "shop").record)
        for name, port in (("shop-backup", self.target.port), ("shop-nowhere", free_port())):
            spec = JobSpec(
                name,
                "0 3 1 1 *",
                "Europe/Berlin",
                f"http://127.0.0.1:{port}/run",
                account="scheduler@shop.iam.gserviceaccount.com",
                location="us-central1",
                description="Keeps a copy",
            )
            scheduler.add(spec)
        scheduler.start()

        async def close() -> None:
            scheduler.stop()
            await session.close()
            await runner.cleanup()

        return scheduler, close

    def close(self) -> None:
        self._loop.run(self._close())

    def get(self, name: str) -> dict[str, Any]:
        job: dict[str, Any] = self.api.get(name=f"{PARENT}/jobs/{name}").execute()
        return job

    def run(self, name: str) -> dict[str, Any]:
        """The job when the attempt has ended."""
        began = self.get(name).get("lastAttemptTime")
        self.api.run(name=f"{PARENT}/jobs/{name}").execute()
        until(lambda: self.get(name).get("lastAttemptTime") != began and self._ended(name), 120)
        return self.get(name)

    def _ended(self, name: str) -> bool:
        job = self.scheduler.jobs[name]
        return job.last is not None and job.last.at == job.began

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def jobs(tmp_path: Path, loop: Loop, served: Serve) -> Iterator[Jobs]:
    jobs = Jobs(tmp_path, loop, served)
    yield jobs
    jobs.close()


def test_jobs_are_listed_with_their_next_run(jobs: Jobs) -> None:
    listed = jobs.api.list(parent=PARENT).execute()["jobs"]
    assert [job["name"].rpartition("/")[2] for job in listed] == ["shop-backup", "shop-nowhere"]
    first = listed[0]
    following = datetime.fromisoformat(first["scheduleTime"])
    assert (following.astimezone(UTC).month, following.astimezone(UTC).hour) == (1, 2)
    assert (first["schedule"], first["timeZone"], first["state"]) == ("0 3 1 1 *", "Europe/Berlin", "ENABLED")
    assert first["description"] == "Keeps a copy"
    assert first["httpTarget"]["oidcToken"]["serviceAccountEmail"] == "scheduler@shop.iam.gserviceaccount.com"
    assert not {"status", "lastAttemptTime"} & first.keys()
    page = jobs.api.list(parent=PARENT, pageSize=1)
    (one,) = page.execute()["jobs"]
    (other,) = jobs.api.list_next(page, page.execute()).execute()["jobs"]
    assert [one, other] == listed
    assert jobs.api.list(parent="projects/shop/locations/europe-west1").execute()["jobs"] == []


@pytest.mark.parametrize(("status", "code"), [(204, None), (403, 7), (404, 5), (418, 9), (500, 13), (503, 14)])
def test_a_run_tells_how_it_ended(jobs: Jobs, status: int, code: int | None) -> None:
    jobs.target.status = status
    job = jobs.run("shop-backup")
    assert job["status"] == ({} if code is None else {"code": code})
    began, ended = jobs.entries()
    assert began["jsonPayload"]["@type"].endswith(".AttemptStarted")
    assert ended["jsonPayload"]["@type"].endswith(".AttemptFinished")
    assert ended["resource"] == {
        "type": "cloud_scheduler_job",
        "labels": {"project_id": "shop", "location": "us-central1", "job_id": "shop-backup"},
    }
    assert (ended["severity"], ended["httpRequest"]) == ("INFO" if code is None else "ERROR", {"status": status})


def test_a_target_that_is_away_is_unavailable(jobs: Jobs) -> None:
    assert jobs.run("shop-nowhere")["status"] == {"code": 14}
    ended = jobs.entries()[-1]
    assert (ended["severity"], ended["jsonPayload"]["status"]) == ("ERROR", "UNAVAILABLE")
    assert "httpRequest" not in ended


def test_a_job_pauses_and_goes_on(jobs: Jobs) -> None:
    name = f"{PARENT}/jobs/shop-backup"
    paused = jobs.api.pause(name=name, body={}).execute()
    assert (paused["state"], "scheduleTime" in paused) == ("PAUSED", False)
    assert jobs.run("shop-backup")["state"] == "PAUSED"  # by hand it runs all the same
    assert jobs.api.resume(name=name, body={}).execute()["state"] == "ENABLED"


def test_what_is_not_there_is_not_found(jobs: Jobs) -> None:
    for name, status in ((f"{PARENT}/jobs/none", 404), (f"{PARENT.replace('shop', 'other')}/jobs/shop-backup", 403)):
        with pytest.raises(HttpError) as refused:
            jobs.api.run(name=name).execute()
        assert refused.value.status_code == status


def test_a_page_in_a_browser_may_run_nothing(jobs: Jobs) -> None:
    url = f"{jobs.url}/v1/{PARENT}/jobs/shop-backup:run"
    for headers in ({"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}):
        assert httpx.post(url, headers=headers, timeout=120).status_code == 403
    assert not jobs.log.exists()


BUCKET = "projects/shop/locations/us-central1/buckets/shop-console-logs"


class Logging:
    def __init__(self, folder: Path, serve: Serve) -> None:
        labels = function_resource("shop", "us-central1", "shop-feedback", "shop-feedback-1").as_json()
        name = "projects/shop/logs/run.googleapis.com%2Fstdout"
        self.function = FunctionLog(folder / "shop-feedback.log", {"resource": labels, "logName": name})
        self.scheduler = EntryLog(folder / "scheduler.log", {"logName": "projects/shop/logs/executions"})
        self.buckets = LogBuckets()
        self.api = client("logging", "v2", serve(api.list_routes("shop", self.sources, self.buckets))).entries()

    def sources(self) -> list[LogSource]:
        return [self.function, self.scheduler]

    def list(self, **body: object) -> Any:
        return self.api.list(body={"resourceNames": ["projects/shop"], **body})


@pytest.fixture
def logging(tmp_path: Path, served: Serve) -> Logging:
    logging = Logging(tmp_path, served)
    with logging.function.path.open("w") as file:
        for number in range(120):
            time = f"2026-03-01T12:{number // 60:02}:{number % 60:02}Z"
            fields = {"severity": "INFO", "message": f"request {number}", "time": time, "request_id": f"id-{number}"}
            file.write(f"{json.dumps(fields)}\n")
    return logging


def test_entries_come_by_pages_newest_first(logging: Logging) -> None:
    request = logging.list(filter='resource.type="cloud_run_revision"', orderBy="timestamp desc", pageSize=50)
    found: list[str] = []
    sizes = []
    while request is not None:
        answer = request.execute()
        found += [entry["jsonPayload"]["message"] for entry in answer.get("entries", [])]
        sizes.append(len(answer.get("entries", [])))
        request = logging.api.list_next(request, answer)
    assert found == [f"request {number}" for number in reversed(range(120))]
    assert sizes == [50, 50, 20]


def test_a_view_shows_what_the_sinks_of_its_bucket_choose(logging: Logging) -> None:
    for number in (7, 8):
        logging.buckets.route(BUCKET, f'jsonPayload.request_id="id-{number}"')
    view = {"resourceNames": [f"{BUCKET}/views/_AllLogs"]}
    ids = [entry["jsonPayload"]["request_id"] for entry in logging.list(**view).execute()["entries"]]
    assert sorted(ids) == ["id-7", "id-8"]
    wanted = 'jsonPayload.request_id="id-8" OR jsonPayload.request_id="id-9"'
    (entry,) = logging.list(filter=wanted, **view).execute()["entries"]
    assert entry["jsonPayload"]["request_id"] == "id-8"
    logging.buckets.route(BUCKET, "")
    assert len(logging.list(pageSize=200, **view).execute()["entries"]) == 120


def test_an_entry_has_what_its_readers_look_for(logging: Logging) -> None:
    (entry,) = logging.list(filter='jsonPayload.request_id="id-7"').execute()["entries"]
    assert entry["resource"]["labels"]["service_name"] == "shop-feedback"
    assert (entry["severity"], entry["timestamp"]) == ("INFO", "2026-03-01T12:00:07Z")
    assert entry["logName"].endswith("/logs/run.googleapis.com%2Fstdout")
    assert entry["insertId"]
    assert logging.list(filter="severity>=ERROR").execute() == {}


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"filter": "nonsense=1"}, 400, "no field 'nonsense'"),
        ({"filter": 'severity="'}, 400, "quotation mark"),
        ({"orderBy": "severity"}, 400, "order_by"),
        ({"pageSize": -1}, 400, "page_size"),
        ({"pageToken": "made up"}, 400, "page_token"),
        ({"resourceNames": []}, 400, "resource_names"),
        ({"resourceNames": ["projects/other"]}, 403, "projects/other"),
        ({"resourceNames": [f"{BUCKET}/views/_AllLogs"]}, 403, "_AllLogs"),
        ({"filters": "x"}, 400, "filters"),
    ],
)
def test_what_google_would_refuse_is_refused_by_name(
    logging: Logging, body: dict[str, object], status: int, named: str
) -> None:
    with pytest.raises(HttpError) as refused:
        logging.list(**body).execute()
    assert refused.value.status_code == status
    assert named in refused.value.reason
