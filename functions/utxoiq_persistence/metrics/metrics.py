"""System metrics: recorded in batches together with their rollups; read by range and by interval."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from pg8000.exceptions import DatabaseError

from utxoiq_persistence import times
from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.errors import DatabaseUnavailable, PersistenceError, RuleBroken
from utxoiq_persistence.metrics import sketches, trends
from utxoiq_persistence.postgres import arrays, cursors
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Row, Session
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import (
    AggregateQuery,
    Document,
    Idempotency,
    MetricsQuery,
    NewMetric,
    Page,
)
from utxoiq_persistence.writes import audit
from utxoiq_persistence.writes.grouping import Groups
from utxoiq_persistence.writes.idempotency import Write, write_once

_SQL = load("system_metrics")
_PARTITIONS = load("partitions")
RECENT = timedelta(hours=1)
RECENT_SECONDS = 300
# Far longer than the replication lag that alerts. Late rows of such a range show once they are replicated.
PAST = timedelta(hours=1)
AGGREGATE_SECONDS = 3600
# How far back one call makes sketches, and for how many seconds.
LATELY = timedelta(days=2)
SKETCH_BUDGET = 20.0
# Of a page of metrics, as JSON.
MAX_PAGE_BYTES = 16 * 2**20
# The largest group of rows in one commit: beyond this, one long statement costs more than a second commit.
MAX_ROWS = 100
# RFC 9562: the first digit of a uuid's fourth group has two bits that are not random.
_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
_ENCODER = msgspec.json.Encoder()

_log = logging.getLogger(__name__)


class _StoredMetric(Struct):
    """A metric as it is stored and answered. timestamp: in the spelling of answers."""

    id: str
    service_name: str
    metric_type: str
    metric_value: float
    unit: str
    timestamp: str
    metric_metadata: dict[str, object] | None


class _Batch(Struct):
    metrics: list[_StoredMetric]
    entry: audit.Entry


class Metrics:
    """Records and reads system metrics.

    A replica, if there is one, answers readings of ranges that ended more than PAST ago, since it lags behind.
    """

    def __init__(self, database: Database, cache: Cache, replica: Database | None = None) -> None:
        self._database = database
        self._cache = cache
        self._replica = replica
        self._months_seen = (0, 0)
        self._batches = Groups("record", self._record_all, MAX_ROWS)

    async def record(self, metric: NewMetric, idempotency: Idempotency | None = None) -> Document:
        """Record one metric, stamped with the present if it has no time. Return it as JSON.

        Raises IdempotencyMismatch, DatabaseUnavailable.
        """
        return Document(await self._record([metric], idempotency, alone=True))

    async def record_batch(self, metrics: Sequence[NewMetric], idempotency: Idempotency | None = None) -> Document:
        """Record all of the metrics or none. Return them as JSON. Raises IdempotencyMismatch, DatabaseUnavailable."""
        return Document(await self._record(metrics, idempotency, alone=False))

    async def find(self, query: MetricsQuery) -> Page:
        """Return a page of metrics, newest first.

        Raises RuleBroken if the range ends before it starts, BadCursor, DatabaseUnavailable.
        """
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
        """Return the statistics of one series by hour, day or ISO week (UTC), as JSON.

        Raises RuleBroken if the range ends before it starts, or if there is no earlier range to compare it with.
        """
        _check_range(query.start_time, query.end_time)
        trends.check_comparison(query)

        async def read() -> Document:
            return await trends.aggregate(self._database, query)

        moments = f"{query.start_time.timestamp()!r} {query.end_time.timestamp()!r}"
        field = f"{query.interval} {moments} {query.percentiles} {query.compare}"
        tag = _tag(query.service_name, query.metric_type)
        return await self._cache.get("metric_aggregates", tag, field, AGGREGATE_SECONDS, read)

    async def sketch(self) -> int:
        """Make the sketches of what ended lately, so that percentiles need no rows. Return how many were made.

        Rows that arrive later for hours long past are covered by the upkeep of months. Raises DatabaseUnavailable.
        """
        deadline = time.monotonic() + SKETCH_BUDGET
        now = datetime.now(UTC)

        def work(session: Session) -> int:
            return sketches.fill(session, now - LATELY, sketches.start_of_hour(now), deadline)

        return await self._database.work("sketch_metrics", work, idempotent=True)

    async def _record(self, metrics: Sequence[NewMetric], idempotency: Idempotency | None, *, alone: bool) -> bytes:
        now = datetime.now(UTC)
        await self._ensure_months(now)
        stored = [
            _StoredMetric(
                identifier,
                metric.service_name,
                metric.metric_type,
                metric.metric_value,
                metric.unit,
                times.spell(metric.timestamp or now),
                metric.metric_metadata,
            )
            for identifier, metric in zip(_new_ids(len(metrics)), metrics, strict=True)
        ]
        answer = _ENCODER.encode(stored[0] if alone else stored)
        services = {metric.service_name for metric in metrics}
        entry = audit.create_entry(
            "metrics.record", services.pop() if len(services) == 1 else None, metrics=len(metrics)
        )
        if idempotency is not None:
            return await self._record_once(_Batch(stored, entry), answer, idempotency)
        if not stored:
            return answer
        await self._batches.add(_Batch(stored, entry), size=len(stored))
        entry.made = True
        return answer

    async def _record_once(self, batch: _Batch, answer: bytes, idempotency: Idempotency) -> bytes:
        def recorded(_: list[Row]) -> bytes:
            batch.entry.made = True
            return answer

        async with self._cache.changing(_tags([batch])):
            return await write_once(self._database, Write(_SQL["record"], _parameters([batch]), recorded), idempotency)

    async def _record_all(self, batches: Sequence[_Batch]) -> list[None]:
        async with self._cache.changing(_tags(batches)):
            await self._database.fetch(_SQL["record"], **_parameters(batches))
        return [None] * len(batches)

    async def _ensure_months(self, now: datetime) -> None:
        """Create missing partitions, once a month. If that fails, rows go to the default partition."""
        if self._months_seen == (now.year, now.month):
            return
        self._months_seen = now.year, now.month
        try:
            await self._database.fetch(_PARTITIONS["ensure_ahead"], idempotent=True)
        except (PersistenceError, DatabaseError) as error:
            _log.warning("the partitions of the months ahead could not be created: %s", error)

    async def _find(self, query: MetricsQuery) -> tuple[bytes, str | None]:
        if self._replica is not None and query.end_time.timestamp() < time.time() - PAST.total_seconds():
            try:
                return await self._find_in(self._replica, query)
            except (DatabaseUnavailable, DatabaseError) as error:  # DatabaseError if its schema is not migrated yet
                _log.warning("the replica does not answer, reading from the primary: %s", error)
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
            most_bytes=MAX_PAGE_BYTES,
            offset=query.offset,
            **cursors.decode(query.cursor),
        )
        return text.encode(), place


def _new_ids(count: int) -> Iterator[str]:
    """Yield random uuids. uuid4 would take longer than everything else that is done for a metric."""
    digits = os.urandom(16 * count).hex()
    for part in (digits[start : start + 32] for start in range(0, len(digits), 32)):
        yield f"{part[:8]}-{part[8:12]}-4{part[13:16]}-{_VARIANTS[part[16]]}{part[17:20]}-{part[20:]}"


def _parameters(batches: Sequence[_Batch]) -> dict[str, Any]:
    metrics = [metric for batch in batches for metric in batch.metrics]
    return {
        "ids": arrays.encode_texts(metric.id for metric in metrics),
        "service_names": arrays.encode_texts(metric.service_name for metric in metrics),
        "metric_types": arrays.encode_texts(metric.metric_type for metric in metrics),
        "metric_values": arrays.encode_plain([metric.metric_value for metric in metrics]),
        "units": arrays.encode_texts(metric.unit for metric in metrics),
        "timestamps": arrays.encode_plain([metric.timestamp for metric in metrics]),
        "metadata": arrays.encode_texts(
            None if metric.metric_metadata is None else _ENCODER.encode(metric.metric_metadata).decode()
            for metric in metrics
        ),
        **audit.encode_entries([batch.entry for batch in batches]),
    }


def _is_recent_series(query: MetricsQuery) -> bool:
    """Return whether the reading is cached: of a single series, since any write would outdate one of many."""
    one_series = query.service_name is not None and query.metric_type is not None
    return one_series and query.start_time.timestamp() >= time.time() - RECENT.total_seconds()


def _check_range(start: datetime, end: datetime) -> None:
    if end < start:
        raise RuleBroken("end_time is before start_time")


def _tags(batches: Sequence[_Batch]) -> set[str]:
    return {_tag(metric.service_name, metric.metric_type) for batch in batches for metric in batch.metrics}


def _tag(service_name: str, metric_type: str) -> str:
    return f"metrics:{len(service_name)}:{service_name}:{metric_type}"
