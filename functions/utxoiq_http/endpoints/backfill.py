"""Backfill jobs: started, moved on, looked at."""

from uuid import UUID

import msgspec
from msgspec import Struct

from utxoiq_http import answer, links, preconditions
from utxoiq_http import answers as views
from utxoiq_http.access import service
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
    job_id: UUID


class _Identified(Struct):
    id: str


_identified = msgspec.json.Decoder(_Identified).decode


async def start(store: Store, call: Call[None, NewJob]) -> Answer:
    """Start a job over a range of blocks."""
    job = await store.jobs.start(call.body, call.idempotency)
    path = call.path.removesuffix("/start")
    return _of_job(201, job, links.location(f"{path}/{_identified(job.body).id}"))


async def progress(store: Store, call: Call[OneJob, JobProgress]) -> Answer:
    """Move a job on, pause it or end it. A completed or failed job takes no more progress."""
    job_id = call.parameters.job_id
    versions = preconditions.expected_versions(call.headers.get(b"if-match"))
    if versions is None:
        return _of_job(200, await store.jobs.progress(job_id, call.body))
    return _of_job(200, await _progress_of_any(store, job_id, call.body, versions))


async def status(store: Store, call: Call[JobQuery, None]) -> Answer:
    """Jobs, newest first."""
    pages.check(call.parameters)
    return pages.of_page(call, await store.jobs.find(call.parameters))


async def get(store: Store, call: Call[OneJob, None]) -> Answer:
    """One job."""
    job = await store.jobs.get(call.parameters.job_id)
    if job.version is not None and preconditions.is_known(call.headers.get(b"if-none-match"), job.version):
        return answer.not_modified(_etag(job))
    return _of_job(200, job)


async def _progress_of_any(store: Store, job_id: UUID, change: JobProgress, versions: list[int]) -> Document:
    """To whichever of these versions the job has: each try is all or nothing."""
    stale = StaleVersion("If-Match names no version that this job can have; read it again and decide anew")
    for version in versions:
        try:
            return await store.jobs.progress(job_id, change, version)
        except StaleVersion as error:
            stale = error
    if not versions:
        await store.jobs.get(job_id)  # what is not there is not stale either
    raise stale


def _of_job(status: int, job: Document, *headers: answer.Header) -> Answer:
    return answer.of_json(status, job.body, _etag(job), *headers, revalidate=True)


def _etag(job: Document) -> answer.Header:
    return (b"etag", preconditions.tag(job.version or 0))


ROUTES = (
    Route(
        method="POST",
        path=f"{PATH}/start",
        handler=start,
        access=service(WRITE),
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
        handler=progress,
        access=service(WRITE),
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
        handler=status,
        access=service(READ),
        parameters=JobQuery,
        answer=list[views.Job],
        answer_headers=(LINK,),
        problems=(400,),
    ),
    Route(
        method="GET",
        path=f"{PATH}/{{job_id}}",
        handler=get,
        access=service(READ),
        parameters=OneJob,
        answer=views.Job,
        headers=(IF_NONE_MATCH,),
        answer_headers=(ETAG,),
        problems=(404,),
    ),
)
