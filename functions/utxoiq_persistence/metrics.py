"""System metrics: recorded in batches, with their rollups in the same statement; read by range and by interval."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import Struct
from pg8000.exceptions import DatabaseError

from utxoiq_persistence import arrays, audit, cursors, sketches, trends
from utxoiq_persistence.cache import Cache
from utxoiq_persistence.database import Database
from utxoiq_persistence.errors import DatabaseUnavailable, PersistenceError, RuleBroken
from utxoiq_persistence.idempotency import Write, once
from utxoiq_persistence.records import (
    AggregateQuery,
    Document,
    Idempotency,
    MetricsQuery,
    NewMetric,
    Page,
)
from utxoiq_persistence.session import Row, Session
from utxoiq_persistence.statements import load

_SQL = load("system_metrics")
_PARTITIONS = load("partitions")
RECENT = timedelta(hours=1)
RECENT_SECONDS = 300
# Far beyond the lag at which an operator is called. What is recorded later for such a range shows when it is replayed.
PAST = timedelta(hours=1)
AGGREGATE_SECONDS = 3600
# How far back, and for how many seconds, one call makes sketches.
LATELY = timedelta(days=2)
SKETCH_BUDGET = 20.0
_ENCODER = msgspec.json.Encoder()

_log = logging.getLogger(__name__)


class _Metric(Struct):
    """A metric as it is stored and answered."""

    id: UUID
    service_name: str
    metric_type: str
    metric_value: float
    unit: str
    timestamp: datetime
    metric_metadata: dict[str, object] | None


class Metrics:
    """replica: lags behind the database, and takes readings of ranges that ended PAST ago off it."""

    def __init__(self, database: Database, cache: Cache, replica: Database | None = None) -> None:
        self._database = database
        self._cache = cache
        self._replica = replica
        self._months_seen = (0, 0)

    async def record(self, metric: NewMetric, idempotency: Idempotency | None = None) -> Document:
        """One metric, stamped with the present where it has no time. Raises IdempotencyMismatch."""
        return Document(await self._record([metric], idempotency, alone=True))

    async def record_batch(self, metrics: Sequence[NewMetric], idempotency: Idempotency | None = None) -> Document:
        """All of them or none. Raises IdempotencyMismatch."""
        return Document(await self._record(metrics, idempotency, alone=False))

    async def find(self, query: MetricsQuery) -> Page:
        """Newest first. Raises RuleBroken where the range ends before it starts, and BadCursor."""
        _check_range(query.start_time, query.end_time)
        if not _is_recent_series(query):
            body, place = await self._find(query)
            return Page(body, cursors.encode(place))

        async def read() -> Document:
            body, place = await self._find(query)
            return Document((place or "").encode() + b"\n" + body)

        tag = _tag(query.service_name or "", query.metric_type or "")
        held = await self._cache.get("metrics", tag, _ENCODER.encode(query).decode(), RECENT_SECONDS, read)
        next_place, _, rows = held.body.partition(b"\n")
        return Page(rows, cursors.encode(next_place.decode() or None))

    async def aggregate(self, query: AggregateQuery) -> Document:
        """By hour, day or ISO week (UTC).

        Raises RuleBroken where the range ends before it starts, or there is no time to compare it with.
        """
        _check_range(query.start_time, query.end_time)
        trends.check(query)

        async def read() -> Document:
            return await trends.aggregate(self._database, query)

        moments = f"{query.start_time.timestamp()!r} {query.end_time.timestamp()!r}"
        field = f"{query.interval} {moments} {query.percentiles} {query.compare}"
        tag = _tag(query.service_name, query.metric_type)
        return await self._cache.get("metric_aggregates", tag, field, AGGREGATE_SECONDS, read)

    async def sketch(self) -> int:
        """Makes the sketches of what has ended lately, so that percentiles need no rows of it; how many.

        What comes later for hours that ended long ago is seen to by the upkeep of months.
        """
        deadline = time.monotonic() + SKETCH_BUDGET
        now = datetime.now(UTC)

        def work(session: Session) -> int:
            return sketches.fill(session, now - LATELY, sketches.present_hour(now), deadline)

        return await self._database.work("sketch_metrics", work, idempotent=True)

    async def _record(self, metrics: Sequence[NewMetric], idempotency: Idempotency | None, *, alone: bool) -> bytes:
        now = datetime.now(UTC)
        await self._see_to_months(now)
        stored = [
            _Metric(
                identifier,
                metric.service_name,
                metric.metric_type,
                metric.metric_value,
                metric.unit,
                now if metric.timestamp is None else metric.timestamp.astimezone(UTC),
                metric.metric_metadata,
            )
            for identifier, metric in zip(_new_ids(len(metrics)), metrics, strict=True)
        ]
        answer = _ENCODER.encode(stored[0] if alone else stored)
        columns = _columns(stored)
        services = {metric.service_name for metric in metrics}
        entry = audit.entry("metrics.record", services.pop() if len(services) == 1 else None, metrics=len(metrics))

        def recorded(_: list[Row]) -> bytes:
            entry.made = True
            return answer

        tags = {_tag(metric.service_name, metric.metric_type) for metric in metrics}
        async with self._cache.changing(tags):
            write = Write(_SQL["record"], {**columns, **entry.parameters}, recorded)
            return await once(self._database, write, idempotency)

    async def _see_to_months(self, now: datetime) -> None:
        """Once in a month, makes partitions that are missing; where that fails, rows go to the default one."""
        if self._months_seen == (now.year, now.month):
            return
        self._months_seen = now.year, now.month
        try:
            await self._database.fetch(_PARTITIONS["ensure_ahead"], idempotent=True)
        except (PersistenceError, DatabaseError) as error:
            _log.warning("the months ahead are not seen to: %s", error)

    async def _find(self, query: MetricsQuery) -> tuple[bytes, str | None]:
        if self._replica is not None and query.end_time.timestamp() < time.time() - PAST.total_seconds():
            try:
                return await self._find_in(self._replica, query)
            except (DatabaseUnavailable, DatabaseError) as error:  # the latter where it is behind the schema
                _log.warning("the replica does not answer, the database does in its place: %s", error)
        return await self._find_in(self._database, query)

    async def _find_in(self, database: Database, query: MetricsQuery) -> tuple[bytes, str | None]:
        ((text, place),) = await database.fetch(
            _SQL["find_metrics"],
            idempotent=True,
            service_name=query.service_name,
            metric_type=query.metric_type,
            start_time=query.start_time,
            end_time=query.end_time,
            limit=query.limit,
            offset=query.offset,
            **cursors.decode(query.cursor),
        )
        return text.encode(), place


def _new_ids(count: int) -> Iterator[UUID]:
    """Random ones, as of uuid4, which asks the system for each."""
    entropy = os.urandom(16 * count)
    return (UUID(bytes=entropy[start : start + 16], version=4) for start in range(0, len(entropy), 16))


def _columns(metrics: Sequence[_Metric]) -> dict[str, str]:
    return {
        "ids": arrays.of_plain(metric.id for metric in metrics),
        "service_names": arrays.of_texts(metric.service_name for metric in metrics),
        "metric_types": arrays.of_texts(metric.metric_type for metric in metrics),
        "metric_values": arrays.of_plain(metric.metric_value for metric in metrics),
        "units": arrays.of_texts(metric.unit for metric in metrics),
        "timestamps": arrays.of_texts(metric.timestamp.isoformat() for metric in metrics),
        "metadata": arrays.of_texts(
            None if metric.metric_metadata is None else _ENCODER.encode(metric.metric_metadata).decode()
            for metric in metrics
        ),
    }


def _is_recent_series(query: MetricsQuery) -> bool:
    """Only readings of one series are kept: one over many is overtaken by every write."""
    one_series = query.service_name is not None and query.metric_type is not None
    return one_series and query.start_time.timestamp() >= time.time() - RECENT.total_seconds()


def _check_range(start: datetime, end: datetime) -> None:
    if end < start:
        raise RuleBroken("end_time is before start_time")


def _tag(service_name: str, metric_type: str) -> str:
    return f"metrics:{len(service_name)}:{service_name}:{metric_type}"
