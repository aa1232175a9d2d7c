"""A request that comes twice is done once."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.errors import IdempotencyMismatch, RuleBroken
from utxoiq_persistence.records import Idempotency, JobQuery, NewJob, NewMetric
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def kind() -> str:
    return f"kind-{uuid4()}"


def request(key: str, body: bytes = b"body", caller: str = "caller") -> Idempotency:
    return Idempotency(caller, key, body)


async def count(store: Store, kind: str) -> int:
    return len(json.loads((await store.jobs.find(JobQuery(job_type=kind, limit=100))).body))


async def test_the_same_key_again_gives_the_first_answer(store: Store, kind: str) -> None:
    first = await store.jobs.start(NewJob(kind, 0, 1), request(kind))
    assert await store.jobs.start(NewJob(kind, 0, 1), request(kind)) == first
    assert await count(store, kind) == 1


async def test_the_same_key_many_times_at_once_is_done_once(store: Store, kind: str) -> None:
    answers = await asyncio.gather(*(store.jobs.start(NewJob(kind, 0, 1), request(kind)) for _ in range(20)))
    assert len({answer.body for answer in answers}) == 1
    assert await count(store, kind) == 1


async def test_another_body_under_the_same_key_is_refused(store: Store, kind: str) -> None:
    await store.jobs.start(NewJob(kind, 0, 1), request(kind))
    with pytest.raises(IdempotencyMismatch):
        await store.jobs.start(NewJob(kind, 0, 2), request(kind, b"other"))
    assert await count(store, kind) == 1


async def test_keys_are_each_callers_own(store: Store, kind: str) -> None:
    await store.jobs.start(NewJob(kind, 0, 1), request(kind))
    await store.jobs.start(NewJob(kind, 0, 1), request(kind, caller="another"))
    assert await count(store, kind) == 2


async def test_a_failed_first_attempt_leaves_the_key_free(store: Store, kind: str) -> None:
    batch = [NewMetric(kind, "cpu", 1.0, "x" * 21)]
    with pytest.raises(RuleBroken):
        await store.metrics.record_batch(batch, request(kind))
    answer = await store.metrics.record_batch([NewMetric(kind, "cpu", 1.0, "x")], request(kind))
    assert len(json.loads(answer.body)) == 1


async def test_a_batch_again_records_nothing_more(store: Store, kind: str, postgres: Postgres, database: str) -> None:
    batch = [NewMetric(kind, "cpu", 1.0, "x", timestamp=datetime.now(UTC)) for _ in range(10)]
    answers = await asyncio.gather(*(store.metrics.record_batch(batch, request(kind)) for _ in range(5)))
    assert len({answer.body for answer in answers}) == 1
    with postgres.connect(database=database) as connection:
        rows = connection.run("SELECT count(*) FROM system_metrics WHERE service_name = :kind", kind=kind)
    assert rows == [[10]]


async def test_a_key_is_free_again_after_a_day(store: Store, kind: str, postgres: Postgres, database: str) -> None:
    first = await store.jobs.start(NewJob(kind, 0, 1), request(kind))
    with postgres.connect(database=database) as connection:
        connection.run("UPDATE idempotency_keys SET expires_at = now() - interval '1 s' WHERE key = :key", key=kind)
    assert await store.jobs.start(NewJob(kind, 0, 2), request(kind, b"other")) != first
    assert await count(store, kind) == 2


async def test_expired_keys_go_away_with_use(store: Store, kind: str, postgres: Postgres, database: str) -> None:
    for number in range(6):
        await store.jobs.start(NewJob(kind, 0, 1), request(f"{kind}-{number}"))
    with postgres.connect(database=database) as connection:
        expire = "UPDATE idempotency_keys SET expires_at = now() - interval '1 s' WHERE key LIKE :keys"
        connection.run(expire, keys=f"{kind}%")
        for number in range(6, 12):
            await store.jobs.start(NewJob(kind, 0, 1), request(f"{kind}-{number}"))
        assert connection.run("SELECT count(*) FROM idempotency_keys WHERE expires_at < now()") == [[0]]
