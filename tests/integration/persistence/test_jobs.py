"""Backfill jobs as whoever runs them sees them."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from utxoiq_persistence.errors import JobEnded, NotFound, RuleBroken, StaleVersion
from utxoiq_persistence.records import Document, JobProgress, JobQuery, JobStatus, NewJob
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

FIELDS = {
    "id",
    "job_type",
    "start_block",
    "end_block",
    "current_block",
    "status",
    "progress_percentage",
    "estimated_completion",
    "error_message",
    "started_at",
    "completed_at",
    "created_by",
    "version",
}


def shown(document: Document) -> Any:
    return json.loads(document.body)


async def start(store: Store, job_type: str = "blocks", start: int = 0, end: int = 100) -> Any:
    return shown(await store.jobs.start(NewJob(job_type, start, end)))


async def test_a_new_job_runs_at_its_first_block(store: Store) -> None:
    document = await store.jobs.start(NewJob("blocks", 10, 20, created_by="tester"))
    job = shown(document)
    assert set(job) == FIELDS
    assert (job["status"], job["current_block"], job["progress_percentage"]) == ("running", 10, 0)
    assert (job["created_by"], job["completed_at"], job["error_message"]) == ("tester", None, None)
    assert job["version"] == document.version == 1
    assert job["started_at"].endswith("+00:00")


async def test_an_end_before_the_start_is_refused(store: Store) -> None:
    with pytest.raises(RuleBroken, match="end_block 9 is before start_block 10"):
        await store.jobs.start(NewJob("blocks", 10, 9))


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (JobProgress(current_block=50), {"progress_percentage": 40.5, "status": "running", "error_message": "slow"}),
        (JobProgress(progress_percentage=50.0), {"current_block": 40, "status": "running", "error_message": "slow"}),
        (JobProgress(status="paused"), {"current_block": 40, "progress_percentage": 40.5, "error_message": "slow"}),
        (JobProgress(error_message=None), {"current_block": 40, "progress_percentage": 40.5, "error_message": None}),
    ],
)
async def test_what_is_left_out_of_progress_keeps_its_value(
    store: Store, told: JobProgress, kept: dict[str, Any]
) -> None:
    job = await start(store)
    await store.jobs.progress(job["id"], JobProgress(40, 40.5, error_message="slow"))
    left = shown(await store.jobs.progress(job["id"], told))
    assert {name: left[name] for name in kept} == kept


async def test_progress_is_read_back(store: Store) -> None:
    job = await start(store)
    written = await store.jobs.progress(job["id"], JobProgress(40, 40.5))
    assert await store.jobs.get(job["id"]) == written
    assert (shown(written)["current_block"], shown(written)["progress_percentage"], written.version) == (40, 40.5, 2)


async def test_a_field_left_out_keeps_its_value_and_null_clears_it(store: Store) -> None:
    job = await start(store)
    await store.jobs.progress(job["id"], JobProgress(1, 1, error_message="slow"))
    assert shown(await store.jobs.progress(job["id"], JobProgress(2, 2)))["error_message"] == "slow"
    assert shown(await store.jobs.progress(job["id"], JobProgress(3, 3, error_message=None)))["error_message"] is None


async def test_completion_sets_the_time_and_100_percent(store: Store) -> None:
    job = await start(store)
    done = shown(await store.jobs.progress(job["id"], JobProgress(100, 97.0, status="completed")))
    assert (done["status"], done["progress_percentage"]) == ("completed", 100)
    assert done["completed_at"] > done["started_at"]


async def test_failure_keeps_the_message_and_the_progress(store: Store) -> None:
    job = await start(store)
    failed = shown(await store.jobs.progress(job["id"], JobProgress(30, 30, status="failed", error_message="no peer")))
    assert (failed["error_message"], failed["progress_percentage"], failed["completed_at"]) == ("no peer", 30, None)


@pytest.mark.parametrize("end", ["completed", "failed"])
async def test_a_job_ends_once(store: Store, end: JobStatus) -> None:
    job = await start(store)
    last = await store.jobs.progress(job["id"], JobProgress(50, 50, status=end))
    with pytest.raises(JobEnded, match=f"the job is {end}"):
        await store.jobs.progress(job["id"], JobProgress(60, 60, status="running"))
    assert await store.jobs.get(job["id"]) == last


async def test_a_paused_job_goes_on(store: Store) -> None:
    job = await start(store)
    await store.jobs.progress(job["id"], JobProgress(50, 50, status="paused"))
    assert shown(await store.jobs.progress(job["id"], JobProgress(60, 60, status="running")))["status"] == "running"


@pytest.mark.parametrize("block", [9, 21])
async def test_a_block_outside_the_job_is_refused(store: Store, block: int) -> None:
    job = await start(store, start=10, end=20)
    with pytest.raises(RuleBroken, match=f"current_block {block} is outside"):
        await store.jobs.progress(job["id"], JobProgress(block, 50))
    assert shown(await store.jobs.get(job["id"]))["version"] == 1


async def test_an_unknown_job_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.jobs.get(uuid4())
    with pytest.raises(NotFound):
        await store.jobs.progress(uuid4(), JobProgress(1, 1))


async def test_of_two_writers_who_saw_the_same_version_one_is_refused(store: Store) -> None:
    job = await start(store)
    outcomes = await asyncio.gather(
        *(store.jobs.progress(job["id"], JobProgress(block, 1), 1) for block in (10, 20)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, StaleVersion)]
    assert len(refused) == 1
    assert shown(await store.jobs.get(job["id"]))["version"] == 2


async def test_every_concurrent_progress_counts_once(store: Store) -> None:
    job = await start(store)
    documents = await asyncio.gather(*(store.jobs.progress(job["id"], JobProgress(n, n)) for n in range(40)))
    assert sorted(document.version or 0 for document in documents) == list(range(2, 42))
    assert (await store.jobs.get(job["id"])).version == 41


async def test_jobs_are_found_by_status_and_type_newest_first(store: Store) -> None:
    jobs = [await start(store, job_type="found") for _ in range(4)]
    other = await start(store, job_type="other")
    await store.jobs.progress(jobs[2]["id"], JobProgress(1, 1, status="failed"))

    async def found(query: JobQuery) -> list[str]:
        return [job["id"] for job in json.loads((await store.jobs.find(query)).body)]

    newest_first = [job["id"] for job in reversed(jobs)]
    assert await found(JobQuery(job_type="found")) == newest_first
    assert await found(JobQuery(job_type="found", status="failed")) == [jobs[2]["id"]]
    assert (await found(JobQuery()))[:2] == [other["id"], newest_first[0]]
    assert await found(JobQuery(job_type="found", limit=2, offset=1)) == newest_first[1:3]
    assert await found(JobQuery(job_type="nothing")) == []


async def test_found_jobs_show_every_field(store: Store) -> None:
    await start(store)
    (job,) = json.loads((await store.jobs.find(JobQuery(limit=1))).body)
    assert set(job) == FIELDS


async def test_pages_by_cursor_skip_and_repeat_nothing_while_jobs_are_added(store: Store) -> None:
    jobs = [await start(store, job_type="paged") for _ in range(7)]
    seen, cursor = [], None
    while True:
        page = await store.jobs.find(JobQuery(job_type="paged", limit=3, cursor=cursor))
        seen += [job["id"] for job in json.loads(page.body)]
        await start(store, job_type="paged")
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [job["id"] for job in reversed(jobs)]
