"""Backfill jobs: their progress over the block chain, with optimistic locking."""

from typing import NoReturn
from uuid import UUID, uuid4

from msgspec import UNSET

from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.errors import JobEnded, NotFound, RuleBroken, StaleVersion
from utxoiq_persistence.postgres import cursors
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Row
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import Document, Idempotency, JobProgress, JobQuery, NewJob, Page
from utxoiq_persistence.writes import audit
from utxoiq_persistence.writes.idempotency import Write, write_once

_SQL = load("backfill_jobs")
CACHE_SECONDS = 300
FIRST_VERSION = 1


class Jobs:
    """Stores and reads backfill jobs. Its methods raise DatabaseUnavailable where the database cannot be reached."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache

    async def start(self, new: NewJob, idempotency: Idempotency | None = None) -> Document:
        """Start a job, which is running at its first block, and return it.

        Raises:
            RuleBroken: The end is before the start.
            IdempotencyMismatch: The key was used for another request.
        """
        if new.end_block < new.start_block:
            raise RuleBroken(f"end_block {new.end_block} is before start_block {new.start_block}")

        job_id = uuid4()
        entry = audit.create_entry("job.start", str(job_id))

        def answer(rows: list[Row]) -> bytes:
            entry.made = True
            ((text, _),) = rows
            return bytes(text.encode())

        parameters = {
            "id": job_id,
            "job_type": new.job_type,
            "start_block": new.start_block,
            "end_block": new.end_block,
            "created_by": new.created_by,
            **entry.parameters,
        }
        write = Write(_SQL["insert_job"], parameters, answer)
        return Document(await write_once(self._database, write, idempotency), FIRST_VERSION)

    async def get(self, job_id: UUID) -> Document:
        """Return a job and its version.

        Raises:
            NotFound: No job has this id.
        """
        return await self._cache.get("jobs", tag(job_id), "", CACHE_SECONDS, lambda: self._read(job_id))

    async def progress(self, job_id: UUID, progress: JobProgress, expected_version: int | None = None) -> Document:
        """Store a job's progress, and return the job and its new version.

        Raises:
            NotFound: No job has this id.
            JobEnded: The job is completed or failed.
            RuleBroken: The block is outside the job's range.
            StaleVersion: The job is not at the expected version.
        """
        entry = audit.create_entry("job.progress", str(job_id))
        async with self._cache.changing([tag(job_id)]):
            rows = await self._database.fetch(
                _SQL["update_progress"],
                id=job_id,
                expected_version=expected_version,
                current_block=progress.current_block,
                progress_percentage=progress.progress_percentage,
                status=progress.status,
                sets_estimate=progress.estimated_completion is not UNSET,
                estimated_completion=progress.estimated_completion or None,
                sets_error=progress.error_message is not UNSET,
                error_message=progress.error_message or None,
                **entry.parameters,
            )
        if not rows:
            await self._refuse(job_id, progress, expected_version)
        entry.made = True
        ((text, version),) = rows
        return Document(text.encode(), version)

    async def find(self, query: JobQuery) -> Page:
        """Return a page of jobs, newest first.

        Raises:
            BadCursor: The cursor is not one of this list.
        """
        ((body, place),) = await self._database.fetch(
            _SQL["find_jobs"],
            idempotent=True,
            status=query.status,
            job_type=query.job_type,
            limit=query.limit,
            offset=query.offset,
            **cursors.decode(query.cursor),
        )
        return Page(body.encode(), cursors.encode(place))

    async def _read(self, job_id: UUID) -> Document:
        rows = await self._database.fetch(_SQL["job_by_id"], idempotent=True, id=job_id)
        if not rows:
            raise NotFound(f"there is no backfill job {job_id}")
        ((text, version),) = rows
        return Document(text.encode(), version)

    async def _refuse(self, job_id: UUID, progress: JobProgress, expected_version: int | None) -> NoReturn:
        rows = await self._database.fetch(_SQL["refusal"], idempotent=True, id=job_id)
        if not rows:
            raise NotFound(f"there is no backfill job {job_id}")
        ((status, version, start, end),) = rows
        if status in ("completed", "failed"):
            raise JobEnded(f"the job is {status} and takes no more progress; start a new one")
        if expected_version not in (None, version):
            raise StaleVersion(
                f"the job is at version {version}, not {expected_version}; read it again and decide anew"
            )
        if progress.current_block is not None and not start <= progress.current_block <= end:
            raise RuleBroken(f"current_block {progress.current_block} is outside the job's blocks {start} to {end}")
        raise StaleVersion("the job changed at the same moment; read it again and decide anew")


def tag(job_id: UUID) -> str:
    """Return the cache tag of a job."""
    return f"job:{job_id}"
