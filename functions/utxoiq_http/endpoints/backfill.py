"""The backfill job endpoints: start a job, report its progress, read jobs."""

from uuid import UUID

import msgspec
from msgspec import Struct

from utxoiq_http import answer, links, preconditions
from utxoiq_http import answers as views
from utxoiq_http.access import require_scope
from utxoiq_http.answer import Answer
from utxoiq_http.endpoints import pages
from utxoiq_http.links import LINK, LOCATION
from utxoiq_http.routes import ETAG, IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, Call, Route
from utxoiq_persistence.errors import StaleVersion
from utxoiq_persistence.records import Document, JobProgress, JobQuery, NewJob
from utxoiq_persistence.store import Store

PATH = "/api/v1/monitoring/backfill"
READ = "backfill:read"
WRITE = "backfill:write"


class OneJob(Struct, frozen=True, forbid_unknown_fields=True):
    """Names the job that a request is about."""

    job_id: UUID


class _Identified(Struct):
    id: str


_identified = msgspec.json.Decoder(_Identified).decode


async def start_backfill_job(store: Store, call: Call[None, NewJob]) -> Answer:
    """Start a backfill job for a range of blocks. Both start_block and end_block are included."""
    job = await store.jobs.start(call.body, call.idempotency)
    path = call.path.removesuffix("/start")
    return _answer_job(201, job, links.location(f"{path}/{_identified(job.body).id}"))


async def update_backfill_job(store: Store, call: Call[OneJob, JobProgress]) -> Answer:
    """Update a job's progress or status. A completed or failed job cannot be updated: the response is 409."""
    job_id = call.parameters.job_id
    versions = preconditions.expected_versions(call.headers.get(b"if-match"))
    if versions is None:
        return _answer_job(200, await store.jobs.progress(job_id, call.body))
    return _answer_job(200, await _update_any_version(store, job_id, call.body, versions))


async def list_backfill_jobs(store: Store, call: Call[JobQuery, None]) -> Answer:
    """List backfill jobs, newest first."""
    pages.check_start(call.parameters)
    return pages.answer_page(call, await store.jobs.find(call.parameters))


async def get_backfill_job(store: Store, call: Call[OneJob, None]) -> Answer:
    """Get a backfill job. The response is 304 if its version is one that If-None-Match names."""
    job = await store.jobs.get(call.parameters.job_id)
    if job.version is not None and preconditions.is_known(call.headers.get(b"if-none-match"), job.version):
        return answer.not_modified(_etag(job))
    return _answer_job(200, job)


async def _update_any_version(store: Store, job_id: UUID, change: JobProgress, versions: list[int]) -> Document:
    """Update the job if its version is one of these. Each attempt applies completely or not at all.

    Raises StaleVersion if the job has none of the versions, NotFound if there is no such job.
    """
    stale = StaleVersion("If-Match names no version of this job; read the job again and retry with its ETag")
    for version in versions:
        try:
            return await store.jobs.progress(job_id, change, version)
        except StaleVersion as error:
            stale = error
    if not versions:
        await store.jobs.get(job_id)  # a job that does not exist is NotFound, not stale
    raise stale


def _answer_job(status: int, job: Document, *headers: answer.Header) -> Answer:
    return answer.from_json(status, job.body, _etag(job), *headers, revalidate=True)


def _etag(job: Document) -> answer.Header:
    return (b"etag", preconditions.tag(job.version or 0))


ROUTES = (
    Route(
        method="POST",
        path=f"{PATH}/start",
        handler=start_backfill_job,
        access=require_scope(WRITE),
        body=NewJob,
        status=201,
        answer=views.Job,
        headers=(IDEMPOTENCY_KEY,),
        answer_headers=(ETAG, LOCATION),
        problems=(400,),
        example={"job_type": "utxo_set", "start_block": 0, "end_block": 900_000, "created_by": "operations"},
    ),
    Route(
        method="POST",
        path=f"{PATH}/progress",
        handler=update_backfill_job,
        access=require_scope(WRITE),
        parameters=OneJob,
        body=JobProgress,
        answer=views.Job,
        headers=(IF_MATCH,),
        answer_headers=(ETAG,),
        problems=(404, 409),
        example={"current_block": 450_000, "progress_percentage": 50.0},
    ),
    Route(
        method="GET",
        path=f"{PATH}/status",
        handler=list_backfill_jobs,
        access=require_scope(READ),
        parameters=JobQuery,
        answer=list[views.Job],
        answer_headers=(LINK,),
        problems=(400,),
    ),
    Route(
        method="GET",
        path=f"{PATH}/{{job_id}}",
        handler=get_backfill_job,
        access=require_scope(READ),
        parameters=OneJob,
        answer=views.Job,
        headers=(IF_NONE_MATCH,),
        answer_headers=(ETAG,),
        problems=(404,),
    ),
)
