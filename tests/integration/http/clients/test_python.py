"""The Python client against real functions, behind a gateway that fails when it is told to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import uuid4

import httpx
import pytest
from tests.integration.http.clients.conftest import KEY
from tests.integration.http.clients.gateway import Gateway

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence_client import (
    ApiError,
    AsyncPersistenceClient,
    JobEnded,
    PersistenceClient,
    RateLimited,
    Retries,
    StaleVersion,
    async_pages,
    pages,
    result,
)
from utxoiq_persistence_client.batches import MetricBuffer
from utxoiq_persistence_client.generated.api.backfill import list_backfill_jobs, update_backfill_job
from utxoiq_persistence_client.generated.api.feedback import get_feedback_statistics, list_comments, rate_insight
from utxoiq_persistence_client.generated.api.metrics import aggregate_metrics, record_metric
from utxoiq_persistence_client.generated.models import Job, JobProgress, NewJob, NewMetric, Rating
from utxoiq_persistence_client.generated.models.new_metric_metric_metadata_type_0 import NewMetricMetricMetadataType0

MANY = 12_000


@pytest.fixture
def few_long_metrics(postgres: Postgres, api_database: str) -> Iterator[None]:
    """Removes the long metrics that a test has sent: others search each byte of this database."""
    yield
    with postgres.connect(database=api_database) as connection:
        connection.run("DELETE FROM metric_points WHERE pg_column_size(metric_metadata) > 500")


def new_job(kind: str = "blocks") -> NewJob:
    return NewJob(job_type=kind, start_block=0, end_block=1000)


def metric(service: str, value: float = 1.0) -> NewMetric:
    return NewMetric(service_name=service, metric_type="latency", metric_value=value, unit="ms")


def jobs_of(client: PersistenceClient, kind: str, limit: int = 100) -> list[Job]:
    listed = pages(list_backfill_jobs.sync_detailed, client=client, job_type=kind, limit=limit)
    return [job for page in listed for job in page]


def count_of(client: PersistenceClient, service: str) -> int:
    now = datetime.now(UTC)
    aggregate = result(
        aggregate_metrics.sync_detailed(
            client=client,
            service_name=service,
            metric_type="latency",
            start_time=now - timedelta(hours=1),
            end_time=now + timedelta(hours=1),
        )
    )
    return sum(bucket.count for bucket in aggregate.data)


def test_a_stale_report_changes_nothing(client: PersistenceClient) -> None:
    job = client.start_job(new_job())
    reported = client.report_progress(job, JobProgress(current_block=10))
    assert (reported.current_block, reported.version) == (10, job.version + 1)
    with pytest.raises(StaleVersion) as caught:
        client.report_progress(job, JobProgress(current_block=5))
    assert caught.value.status == 409
    fresh = client.refresh(job)
    assert fresh == reported
    assert client.refresh(fresh) is fresh
    client.report_progress(fresh, JobProgress(status="completed"))
    with pytest.raises(JobEnded):
        client.report_progress(client.refresh(fresh), JobProgress(current_block=20))


@pytest.mark.anyio
async def test_a_stale_report_changes_nothing_async(async_client: AsyncPersistenceClient) -> None:
    async with async_client as client:
        job = await client.start_job(new_job())
        reported = await client.report_progress(job, JobProgress(current_block=10))
        with pytest.raises(StaleVersion):
            await client.report_progress(job, JobProgress(current_block=5))
        assert await client.refresh(job) == reported
        assert await client.refresh(reported) is reported


def test_pages_follow_the_link_while_rows_are_added(client: PersistenceClient) -> None:
    kind = uuid4().hex
    started = [client.start_job(new_job(kind)).id for _ in range(5)]
    listed = pages(list_backfill_jobs.sync_detailed, client=client, job_type=kind, limit=2)
    seen = [job.id for job in next(listed)]
    client.start_job(new_job(kind))
    seen += [job.id for page in listed for job in page]
    assert seen == started[::-1]


@pytest.mark.anyio
async def test_pages_follow_the_link_async(async_client: AsyncPersistenceClient) -> None:
    kind = uuid4().hex
    async with async_client as client:
        started = [(await client.start_job(new_job(kind))).id for _ in range(5)]
        listed = async_pages(list_backfill_jobs.asyncio_detailed, client=client, job_type=kind, limit=2)
        sizes, seen = [], []
        async for page in listed:
            sizes.append(len(page))
            seen += [job.id for job in page]
    assert (sizes, seen) == ([2, 2, 1], started[::-1])


def test_many_metrics_go_in_full_batches(client: PersistenceClient, gateway: Gateway) -> None:
    service = uuid4().hex
    with client.metric_batches() as batches:
        for number in range(MANY):
            batches.add(metric(service, number))
        assert batches.recorded == 10_000
    assert batches.recorded == MANY
    assert [seen.path for seen in gateway.received] == ["/api/v1/monitoring/metrics/batch"] * 3
    assert count_of(client, service) == MANY


@pytest.mark.anyio
async def test_many_metrics_go_in_full_batches_async(
    async_client: AsyncPersistenceClient, client: PersistenceClient, gateway: Gateway
) -> None:
    service = uuid4().hex
    async with async_client, async_client.metric_batches() as batches:
        for number in range(MANY):
            await batches.add(metric(service, number))
    assert (batches.recorded, len(gateway.received)) == (MANY, 3)
    assert count_of(client, service) == MANY


@pytest.mark.usefixtures("few_long_metrics")
@pytest.mark.parametrize(("note", "requests"), [("x" * 60_000, 3), ("é" * 30_000, 8)], ids=["plain", "escaped"])
def test_a_batch_stays_below_what_the_service_takes(
    client: PersistenceClient, gateway: Gateway, note: str, requests: int
) -> None:
    """Of long metrics fewer go in one: 300 of 60 kB are 18 MB. Letters that JSON may escape count as if escaped."""
    service = uuid4().hex
    metadata = NewMetricMetricMetadataType0.from_dict({"note": note})
    large = NewMetric(service_name=service, metric_type="latency", metric_value=1, unit="ms", metric_metadata=metadata)
    with client.metric_batches() as batches:
        for _ in range(300):
            batches.add(large)
    assert len(gateway.received) <= requests
    assert all(seen.size <= 8 * 2**20 for seen in gateway.received)
    assert count_of(client, service) == 300


def test_a_metric_is_of_the_time_at_which_it_was_added() -> None:
    buffer, before = MetricBuffer(), datetime.now(UTC)
    buffer.add(metric("a"))
    buffer.close_batch()
    stamped = buffer.cut[0].metrics[0].timestamp
    assert isinstance(stamped, datetime)
    assert before <= stamped <= datetime.now(UTC)


def test_a_batch_that_failed_is_sent_again_with_its_key(client: PersistenceClient, gateway: Gateway) -> None:
    """The first was applied, and nobody knows: the answer was lost as often as the client tries."""
    service = uuid4().hex
    for _ in range(Retries().attempts):
        gateway.fail(None, applied=True)
    batches = client.metric_batches()
    batches.add(metric(service))
    with pytest.raises(httpx.TransportError):
        batches.flush()
    batches.add(metric(service))
    batches.flush()
    keys = [seen.headers["idempotency-key"] for seen in gateway.received]
    assert len(set(keys[:5])) == 1
    assert len(set(keys)) == 2
    assert (batches.recorded, count_of(client, service)) == (2, 2)


def test_retry_after_is_waited_for(base_url: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    gateway.fail(503, Retry_After="7")
    gateway.fail(503, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True))
    gateway.fail(503)
    with PersistenceClient(base_url, api_key=KEY) as client:
        job = client.start_job(new_job())
    assert job.status == "running"
    assert waits[0] == 7
    assert 30 < waits[1] <= 40
    assert 1 <= waits[2] <= 2
    keys = {seen.headers["idempotency-key"] for seen in gateway.received}
    assert (len(gateway.received), len(keys)) == (4, 1)


@pytest.mark.anyio
async def test_retry_after_is_waited_for_async(async_client: AsyncPersistenceClient, gateway: Gateway) -> None:
    gateway.fail(503, Retry_After="0")
    async with async_client as client:
        assert (await client.start_job(new_job())).status == "running"
    assert len({seen.headers["idempotency-key"] for seen in gateway.received}) == 1
    assert len(gateway.received) == 2


def test_a_longer_wait_than_is_wanted_is_an_error(client: PersistenceClient, gateway: Gateway) -> None:
    gateway.fail(429, Retry_After="3600")
    with pytest.raises(ApiError) as caught:
        client.start_job(new_job())
    assert (caught.value.status, caught.value.headers["retry-after"], len(gateway.received)) == (429, "3600", 1)
    assert not isinstance(caught.value, RateLimited)  # This one has no problem details that say so.


def test_a_lost_answer_creates_nothing_twice(client: PersistenceClient, gateway: Gateway) -> None:
    kind, service = uuid4().hex, uuid4().hex
    gateway.fail(None, applied=True)
    job = client.start_job(new_job(kind))
    gateway.fail(504, applied=True)
    result(record_metric.sync_detailed(client=client, body=metric(service)))
    assert len(gateway.received) == 4
    assert [found.id for found in jobs_of(client, kind)] == [job.id]
    assert count_of(client, service) == 1


@pytest.mark.anyio
async def test_a_lost_answer_creates_nothing_twice_async(
    async_client: AsyncPersistenceClient, client: PersistenceClient, gateway: Gateway
) -> None:
    kind = uuid4().hex
    gateway.fail(None, applied=True)
    async with async_client:
        job = await async_client.start_job(new_job(kind))
    assert [found.id for found in jobs_of(client, kind)] == [job.id]


def test_an_unknown_outcome_without_a_key_is_told(client: PersistenceClient, gateway: Gateway) -> None:
    """Progress without If-Match: a repeat could undo what somebody else reported in between."""
    job = client.start_job(new_job())
    for status, error in ((None, httpx.TransportError), (503, ApiError), (504, ApiError)):
        gateway.received.clear()
        gateway.fail(status, applied=True, Retry_After="0")
        with pytest.raises(error):
            update_backfill_job.sync_detailed(client=client, job_id=job.id, body=JobProgress(current_block=1))
        assert len(gateway.received) == 1
    gateway.fail(429, Retry_After="0")
    gateway.fail(408)
    assert result(update_backfill_job.sync_detailed(client=client, job_id=job.id, body=JobProgress(current_block=2)))


def test_what_sets_is_sent_again(client: PersistenceClient, gateway: Gateway) -> None:
    insight = uuid4().hex
    gateway.fail(None, applied=True)
    result(rate_insight.sync_detailed(client=client, body=Rating(insight_id=insight, rating=4, user_id="satoshi")))
    gateway.fail(502)
    statistics = result(get_feedback_statistics.sync_detailed(client=client, insight_id=insight))
    assert (statistics.total_ratings, statistics.average_rating) == (1, 4.0)


def test_a_refusal_says_what_to_mend(client: PersistenceClient, gateway: Gateway) -> None:
    with pytest.raises(ApiError, match="start_block") as caught:
        client.start_job(NewJob(job_type="blocks", start_block=-1, end_block=1))
    assert caught.value.status == 422
    assert isinstance(caught.value.problem.errors, list)
    assert len(gateway.received) == 1


def test_a_token_is_asked_for_at_each_attempt(base_url: str, gateway: Gateway) -> None:
    tokens = iter(["first", "second"])
    gateway.fail(503, Retry_After="0")
    with PersistenceClient(base_url, token=lambda: next(tokens)) as client, pytest.raises(ApiError) as caught:
        next(pages(list_backfill_jobs.sync_detailed, client=client))
    assert caught.value.status == 401
    sent = [seen.headers["authorization"] for seen in gateway.received]
    assert sent == ["Bearer first", "Bearer second"]


def test_anybody_reads_what_is_public(base_url: str) -> None:
    with PersistenceClient(base_url) as client:
        (page,) = pages(list_comments.sync_detailed, client=client, insight_id=uuid4().hex)
    assert (page.total, page.comments) == (0, [])


def test_there_is_one_identity() -> None:
    with pytest.raises(ValueError, match="not both"):
        PersistenceClient("http://127.0.0.1", api_key=KEY, token="a")
