"""The same routes by hand: FastAPI on uvicorn (uvloop, httptools), asyncpg, redis.asyncio. No authentication, no log.

It is to be the fastest honest version that a good engineer would write: statements stay prepared, connections are not
reset between requests, bodies are decoded by msgspec past FastAPI's models, answers are encoded by orjson past its
response models, and what the contract lets a cache keep is kept in Redis and dropped after a write. It aggregates rows,
keeps no rollups, and does nothing about fills that race with writes: each of these makes it faster.

Configured by PEER_SOCKET_DIR, PEER_DATABASE and PEER_REDIS_URL. With PEER_COLLECTOR=tuned its garbage collector is set
as ours is; else it is as Python has it.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import asyncpg  # type: ignore[import-untyped]
import msgspec
import orjson
from fastapi import FastAPI, HTTPException, Query, Request, Response
from msgspec import Meta, Struct
from redis.asyncio import Redis

from utxoiq_http import garbage

POOL_SIZE = 10
STATS_SECONDS = 3600
JOB_SECONDS = 300
AGGREGATE_SECONDS = 3600
RECENT_SECONDS = 300

RATE = """
INSERT INTO insight_feedback AS f (id, insight_id, user_id, rating, comment)
VALUES (gen_random_uuid(), $1, $2, $3, $4)
ON CONFLICT (insight_id, user_id) DO UPDATE SET
    rating = excluded.rating, comment = coalesce(excluded.comment, f.comment), updated_at = now()
RETURNING id::text, insight_id, user_id, rating, comment, flag_type, flag_reason, created_at, updated_at
"""
STATS = "SELECT * FROM insight_stats WHERE insight_id = $1"
JOB = """
SELECT id::text, job_type, start_block, end_block, current_block, status, progress_percentage, estimated_completion,
       error_message, started_at, completed_at, created_by, version
FROM backfill_jobs WHERE id = $1
"""
RECORD = """
INSERT INTO system_metrics (id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata)
SELECT * FROM unnest(
    $1::uuid[], $2::varchar[], $3::varchar[], $4::float8[], $5::varchar[], $6::timestamptz[], $7::jsonb[])
"""
METRICS = """
SELECT id::text, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata FROM system_metrics
WHERE service_name = $1 AND metric_type = $2 AND "timestamp" BETWEEN $3 AND $4
ORDER BY "timestamp" DESC, id DESC LIMIT $5 OFFSET $6
"""
AGGREGATE = """
SELECT date_trunc($5, "timestamp", 'UTC') AS "timestamp", avg(metric_value) AS avg_value,
       min(metric_value) AS min_value, max(metric_value) AS max_value, count(*) AS count
FROM system_metrics
WHERE service_name = $1 AND metric_type = $2 AND "timestamp" BETWEEN $3 AND $4
GROUP BY 1 ORDER BY 1
"""

Name = Annotated[str, Meta(min_length=1, max_length=100)]
ShortName = Annotated[str, Meta(min_length=1, max_length=50)]
NameParameter = Annotated[str, Query(min_length=1, max_length=100)]
ShortNameParameter = Annotated[str, Query(min_length=1, max_length=50)]


class Rating(Struct):
    insight_id: Name
    user_id: Name
    rating: Annotated[int, Meta(ge=1, le=5)]
    comment: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None


class NewMetric(Struct):
    service_name: Name
    metric_type: ShortName
    metric_value: float
    unit: Annotated[str, Meta(max_length=20)]
    metric_metadata: dict[str, Any] | None = None
    timestamp: Annotated[datetime, Meta(tz=True)] | None = None


_ratings = msgspec.json.Decoder(Rating)
_batches = msgspec.json.Decoder(Annotated[list[NewMetric], Meta(min_length=1, max_length=5000)])


@asynccontextmanager
async def _connections(app: FastAPI) -> AsyncIterator[None]:
    app.state.redis = Redis.from_url(os.environ["PEER_REDIS_URL"])
    if os.environ.get("PEER_COLLECTOR") == "tuned":
        garbage.freeze_loaded_objects()
    async with asyncpg.create_pool(
        host=os.environ["PEER_SOCKET_DIR"],
        user="postgres",
        database=os.environ["PEER_DATABASE"],
        min_size=POOL_SIZE,
        max_size=POOL_SIZE,
        reset=_leave_as_it_is,
        server_settings={"timezone": "UTC"},
    ) as app.state.pool:
        yield
    await app.state.redis.aclose()


async def _leave_as_it_is(connection: "asyncpg.Connection") -> None:
    """Nothing here changes a connection, so the round trip that resets it would be for nothing."""


app = FastAPI(lifespan=_connections)


@app.post("/api/v1/feedback/rate")
async def rate(request: Request) -> Response:
    try:
        new = _ratings.decode(await request.body())
    except msgspec.DecodeError as error:
        raise HTTPException(422, str(error)) from None
    row = await app.state.pool.fetchrow(RATE, new.insight_id, new.user_id, new.rating, new.comment)
    await app.state.redis.delete(f"stats:{new.insight_id}")
    return _answer(dict(row))


@app.get("/api/v1/feedback/stats")
async def stats(insight_id: NameParameter) -> Response:
    key = f"stats:{insight_id}"
    body = await app.state.redis.get(key)
    if body is None:
        row = await app.state.pool.fetchrow(STATS, insight_id)
        body = orjson.dumps(_stats(insight_id, {} if row is None else row))
        await app.state.redis.set(key, body, ex=STATS_SECONDS)
    return _json(body)


@app.get("/api/v1/monitoring/backfill/{job_id}")
async def job(job_id: UUID) -> Response:
    key = f"job:{job_id}"
    body = await app.state.redis.get(key)
    if body is None:
        row = await app.state.pool.fetchrow(JOB, job_id)
        if row is None:
            raise HTTPException(404, f"there is no backfill job {job_id}")
        body = orjson.dumps(dict(row))
        await app.state.redis.set(key, body, ex=JOB_SECONDS)
    return _json(body)


@app.post("/api/v1/monitoring/metrics/batch")
async def record(request: Request) -> Response:
    try:
        metrics = _batches.decode(await request.body())
    except msgspec.DecodeError as error:
        raise HTTPException(422, str(error)) from None
    now = datetime.now(UTC)
    rows = [
        {
            "id": uuid4(),
            "service_name": metric.service_name,
            "metric_type": metric.metric_type,
            "metric_value": metric.metric_value,
            "unit": metric.unit,
            "timestamp": metric.timestamp or now,
            "metric_metadata": metric.metric_metadata,
        }
        for metric in metrics
    ]
    columns: list[list[Any]] = [list(column) for column in zip(*(row.values() for row in rows), strict=True)]
    columns[6] = [None if value is None else orjson.dumps(value).decode() for value in columns[6]]
    await app.state.pool.execute(RECORD, *columns)
    await app.state.redis.delete(*{_series(metric.service_name, metric.metric_type) for metric in metrics})
    return _answer(rows, 201)


@app.get("/api/v1/monitoring/metrics")
async def metrics(
    service_name: NameParameter,
    metric_type: ShortNameParameter,
    start_time: datetime,
    end_time: datetime,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    async def read() -> bytes:
        rows = await app.state.pool.fetch(METRICS, service_name, metric_type, start_time, end_time, limit, offset)
        return orjson.dumps([_metric(row) for row in rows])

    if start_time < datetime.now(UTC) - timedelta(hours=1):
        return _json(await read())
    field = f"{start_time} {end_time} {limit} {offset}"
    return _json(await _cached(_series(service_name, metric_type), field, RECENT_SECONDS, read))


@app.get("/api/v1/monitoring/metrics/aggregate")
async def aggregate(
    service_name: NameParameter,
    metric_type: ShortNameParameter,
    start_time: datetime,
    end_time: datetime,
    interval: Literal["hour", "day", "week"],
) -> Response:
    async def read() -> bytes:
        rows = await app.state.pool.fetch(AGGREGATE, service_name, metric_type, start_time, end_time, interval)
        return orjson.dumps(
            {
                "service_name": service_name,
                "metric_type": metric_type,
                "interval": interval,
                "start_time": start_time,
                "end_time": end_time,
                "data": [dict(row) for row in rows],
            }
        )

    field = f"{interval} {start_time} {end_time}"
    return _json(await _cached(_series(service_name, metric_type), field, AGGREGATE_SECONDS, read))


async def _cached(key: str, field: str, seconds: int, read: Any) -> bytes:
    held: bytes | None = await app.state.redis.hget(key, field)
    if held is not None:
        return held
    body: bytes = await read()
    async with app.state.redis.pipeline(transaction=False) as pipeline:
        await pipeline.hset(key, field, body).expire(key, seconds).execute()
    return body


def _series(service_name: str, metric_type: str) -> str:
    return f"series:{service_name}:{metric_type}"


def _stats(insight_id: str, row: Any) -> dict[str, Any]:
    ratings = {str(rating): row.get(f"rating_{rating}", 0) for rating in range(1, 6)}
    flags = {kind: row.get(f"flags_{kind}", 0) for kind in ("inaccurate", "misleading", "spam")}
    total = sum(ratings.values())
    return {
        "insight_id": insight_id,
        "total_ratings": total,
        "average_rating": sum(int(rating) * count for rating, count in ratings.items()) / total if total else 0.0,
        "rating_distribution": ratings,
        "total_comments": row.get("comments", 0),
        "total_flags": sum(flags.values()),
        "flag_types": {kind: count for kind, count in flags.items() if count},
    }


def _metric(row: Any) -> dict[str, Any]:
    metric = dict(row)
    if metric["metric_metadata"] is not None:
        metric["metric_metadata"] = orjson.Fragment(metric["metric_metadata"])
    return metric


def _answer(value: Any, status: int = 200) -> Response:
    return _json(orjson.dumps(value), status)


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
