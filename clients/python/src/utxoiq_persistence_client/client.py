"""The clients: what the generated operations take as `client`, and what the API promises about jobs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypeVar

from .batches import AsyncMetricBatches, MetricBatches
from .generated.api.backfill import get_backfill_job, start_backfill_job, update_backfill_job
from .generated.client import AuthenticatedClient
from .generated.models import Job, JobProgress, NewJob, ProblemDetails
from .generated.types import Response
from .http import AsyncHttpClient, Credentials, HttpClient, Token
from .retries import Retries

T = TypeVar("T")


def result(response: Response[ProblemDetails | T]) -> T:
    """Return what an operation answered, typed. An error has been raised as ApiError before.

    Raises:
        LookupError: The answer has no body, or a status that is not documented.
    """
    if response.parsed is None or isinstance(response.parsed, ProblemDetails):
        raise LookupError(f"an answer with status {response.status_code:d} has no result")
    return response.parsed


class PersistenceClient(AuthenticatedClient):
    """Calls the API and waits for it: every generated operation's `sync` and `sync_detailed` take it as `client`.

    It may be shared by threads, and is a context manager that closes its connections.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        token: Token | None = None,
        retries: Retries = Retries(),  # noqa: B008 - it never changes
        timeout: float = 30.0,
        **options: Any,
    ) -> None:
        """Take the API's base URL, credentials, seconds to wait for each answer, and more options of httpx.Client."""
        super().__init__(base_url=base_url, token="")
        auth = Credentials(api_key, token)
        self.set_httpx_client(HttpClient(retries, base_url=base_url, auth=auth, timeout=timeout, **options))

    def __enter__(self) -> PersistenceClient:
        super().__enter__()
        return self

    def close(self) -> None:
        """Close the connections."""
        self.get_httpx_client().close()

    def start_job(self, job: NewJob) -> Job:
        """Start a backfill job, once however often it is sent, and return it."""
        return result(start_backfill_job.sync_detailed(client=self, body=job))

    def report_progress(self, job: Job, progress: JobProgress) -> Job:
        """Report progress on the version of a job that the caller saw, and return the new one.

        Raises:
            StaleVersion: Somebody else changed the job meanwhile; nothing has changed.
            JobEnded: The job is completed or failed.
        """
        answer = update_backfill_job.sync_detailed(client=self, job_id=job.id, body=progress, if_match=etag_of(job))
        return result(answer)

    def refresh(self, job: Job) -> Job:
        """Return the job as it is now; the very same object if it has not changed."""
        answer = get_backfill_job.sync_detailed(job.id, client=self, if_none_match=etag_of(job))
        return job if answer.status_code == HTTPStatus.NOT_MODIFIED else result(answer)

    def metric_batches(self) -> MetricBatches:
        """Return what records many metrics, in as few requests as the API allows."""
        return MetricBatches(self)


class AsyncPersistenceClient(AuthenticatedClient):
    """Calls the API from asyncio: every generated operation's `asyncio` and `asyncio_detailed` take it as `client`."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        token: Token | None = None,
        retries: Retries = Retries(),  # noqa: B008 - it never changes
        timeout: float = 30.0,
        **options: Any,
    ) -> None:
        """Take what PersistenceClient takes; the options are those of httpx.AsyncClient."""
        super().__init__(base_url=base_url, token="")
        auth = Credentials(api_key, token)
        self.set_async_httpx_client(AsyncHttpClient(retries, base_url=base_url, auth=auth, timeout=timeout, **options))

    async def __aenter__(self) -> AsyncPersistenceClient:
        await super().__aenter__()
        return self

    async def aclose(self) -> None:
        """Close the connections."""
        await self.get_async_httpx_client().aclose()

    async def start_job(self, job: NewJob) -> Job:
        """Start a backfill job, once however often it is sent, and return it."""
        return result(await start_backfill_job.asyncio_detailed(client=self, body=job))

    async def report_progress(self, job: Job, progress: JobProgress) -> Job:
        """Report progress on the version of a job that the caller saw, and return the new one.

        Raises:
            StaleVersion: Somebody else changed the job meanwhile; nothing has changed.
            JobEnded: The job is completed or failed.
        """
        etag = etag_of(job)
        return result(
            await update_backfill_job.asyncio_detailed(client=self, job_id=job.id, body=progress, if_match=etag)
        )

    async def refresh(self, job: Job) -> Job:
        """Return the job as it is now; the very same object if it has not changed."""
        answer = await get_backfill_job.asyncio_detailed(job.id, client=self, if_none_match=etag_of(job))
        return job if answer.status_code == HTTPStatus.NOT_MODIFIED else result(answer)

    def metric_batches(self) -> AsyncMetricBatches:
        """Return what records many metrics, in as few requests as the API allows."""
        return AsyncMetricBatches(self)


def etag_of(job: Job) -> str:
    """Return the ETag of a job: its version in quotes."""
    return f'"{job.version}"'
