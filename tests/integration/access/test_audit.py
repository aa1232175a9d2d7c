"""Every change leaves a trace in its own transaction: who, what, when, from where, in which request."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from tests.integration.access.conftest import Rows

from utxoiq_persistence.errors import IdempotencyMismatch, JobEnded
from utxoiq_persistence.records import (
    AuditQuery,
    Comment,
    Flag,
    Idempotency,
    JobProgress,
    KeyRotation,
    NewApiKey,
    NewJob,
    NewMetric,
    Rating,
)
from utxoiq_persistence.store import Store
from utxoiq_persistence.writes import audit
from utxoiq_persistence.writes.audit import Origin

pytestmark = pytest.mark.anyio

METRIC = NewMetric("api", "latency", 1.0, "ms")
ORIGIN = {"actor": "user:ada", "key_id": None, "address": "203.0.113.7", "request_id": "request-1"}


async def found(store: Store, query: AuditQuery) -> Any:
    return json.loads((await store.audit.find(query)).body)


async def new_job(store: Store) -> UUID:
    return UUID(json.loads((await store.jobs.start(NewJob("utxo_set", 0, 10))).body)["id"])


async def test_every_change_is_there_with_its_origin(store: Store, rows: Rows) -> None:
    origin = Origin("user:ada", address="203.0.113.7", request_id="request-1")
    audit.set_origin(origin)
    await store.jobs.progress(await new_job(store), JobProgress(5, 50.0))
    await store.feedback.rate(Rating("insight-1", 5, "nobody's business"), "ada")
    await store.feedback.comment(Comment("insight-1", "nobody's business"), "ada")
    await store.feedback.flag(Flag("insight-1", "spam", "nobody's business"), "ada")
    key = json.loads((await store.api_keys.create(NewApiKey("k", "o", frozenset({"admin"})))).row.body)
    successor = json.loads((await store.api_keys.rotate(key["id"], KeyRotation())).row.body)
    await store.api_keys.revoke(successor["id"])
    await store.audit.append("retention.run", "backfill_jobs", archived=3)

    entries = await found(store, AuditQuery())
    actions = [entry["action"] for entry in reversed(entries)]
    assert actions == [
        "job.start",
        "job.progress",
        "feedback.rate",
        "feedback.comment",
        "feedback.flag",
        "key.create",
        "key.rotate",
        "key.revoke",
        "retention.run",
    ]
    assert all({name: entry[name] for name in ORIGIN} == ORIGIN for entry in entries)
    assert all(abs((datetime.now(UTC) - datetime.fromisoformat(entry["at"])).total_seconds()) < 60 for entry in entries)
    assert [entry.action for entry in origin.entries if entry.made] == actions
    ((text,),) = rows("SELECT json_agg(a)::text FROM audit_log a")
    assert "business" not in text


async def test_what_a_function_does_of_its_own_accord_carries_its_name(store: Store) -> None:
    await new_job(store)
    (entry,) = await found(store, AuditQuery())
    assert entry["actor"].startswith("function:")
    assert entry["request_id"] is None


async def test_what_was_refused_leaves_no_trace(store: Store, rows: Rows) -> None:
    origin = Origin("user:ada")
    audit.set_origin(origin)
    job = await new_job(store)
    await store.jobs.progress(job, JobProgress(10, 100.0, status="completed"))
    with pytest.raises(JobEnded):
        await store.jobs.progress(job, JobProgress(10, 100.0))
    assert rows("SELECT action FROM audit_log ORDER BY at") == [["job.start"], ["job.progress"]]
    assert [entry.made for entry in origin.entries] == [True, True, False]


async def test_a_change_that_is_rolled_back_takes_its_trace_along(store: Store, rows: Rows) -> None:
    rows("ALTER TABLE idempotency_keys ADD CHECK (answer IS NULL)")
    with pytest.raises(Exception, match="refused a value"):
        await store.metrics.record(METRIC, Idempotency("caller", "key", b"hash"))
    assert rows("SELECT * FROM audit_log") == []
    assert rows("SELECT * FROM system_metrics") == []


async def test_a_request_that_comes_twice_leaves_one_trace(store: Store, rows: Rows) -> None:
    for _ in range(2):
        await store.jobs.start(NewJob("utxo_set", 0, 10), Idempotency("caller", "key", b"hash"))
    with pytest.raises(IdempotencyMismatch):
        await store.jobs.start(NewJob("utxo_set", 0, 10), Idempotency("caller", "key", b"another"))
    assert rows("SELECT action FROM audit_log") == [["job.start"]]


async def test_metrics_are_their_own_trace_and_are_told_of_in_the_requests_line(store: Store, rows: Rows) -> None:
    origin = Origin("service:a")
    audit.set_origin(origin)
    await store.metrics.record(METRIC)
    await store.metrics.record_batch([METRIC], Idempotency("caller", "key", b"hash"))
    assert rows("SELECT * FROM audit_log") == []
    assert [(entry.action, entry.made, entry.details) for entry in origin.entries] == [
        ("metrics.record", True, {"metrics": 1})
    ] * 2


async def test_writes_that_go_out_together_are_told_of_one_by_one(store: Store, rows: Rows) -> None:
    async def rate(n: int) -> None:
        audit.set_origin(Origin(f"user:{n}", key_id=f"key-{n}", address=f"192.0.2.{n}", request_id=f"request-{n}"))
        await store.feedback.rate(Rating("shared", n % 5 + 1), f"{n}")

    async def record(n: int) -> None:
        audit.set_origin(Origin(f"service:{n}", request_id=f"request-{n}"))
        await store.metrics.record(METRIC)

    await asyncio.gather(*(rate(n) for n in range(40)), *(record(n) for n in range(40, 80)))
    told = rows(
        """SELECT actor, key_id, address, request_id, action FROM audit_log
        ORDER BY replace(request_id, 'request-', '')::int"""
    )
    assert told == [[f"user:{n}", f"key-{n}", f"192.0.2.{n}", f"request-{n}", "feedback.rate"] for n in range(40)]
    ratings = rows("SELECT user_id, rating FROM insight_feedback ORDER BY user_id::int")
    assert ratings == [[f"{n}", n % 5 + 1] for n in range(40)]
    assert rows("SELECT rating_1, rating_5 FROM insight_stats") == [[8, 8]]
    assert rows("SELECT count(*) FROM metric_points") == [[40]]
    assert all(store.database.queries[name].durations.count < 40 for name in ("rate", "record"))


async def test_the_log_is_filtered_and_paged(store: Store) -> None:
    audit.set_origin(Origin("user:ada", request_id="request-1"))
    for n in range(5):
        await store.feedback.rate(Rating(f"insight-{n % 2}", 5), "ada")
    first = await store.audit.find(AuditQuery(limit=3))
    second = await store.audit.find(AuditQuery(limit=3, cursor=first.next_cursor))
    ids = [entry["id"] for page in (first, second) for entry in json.loads(page.body)]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == 5
    assert second.next_cursor is None
    assert len(await found(store, AuditQuery(subject="insight-1", actor="user:ada", action="feedback.rate"))) == 2
    assert await found(store, AuditQuery(request_id="another")) == []
    assert await found(store, AuditQuery(start_time=datetime.now(UTC))) == []
