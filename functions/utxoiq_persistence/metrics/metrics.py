"""System metrics: recorded in batches, as points of series; read by range and by interval."""

import logging
import os
import struct
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from pg8000.exceptions import DatabaseError

from utxoiq_persistence import times
from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.errors import DatabaseUnavailable, PersistenceError, RuleBroken
from utxoiq_persistence.metrics import folding, pages, sketches, trends
from utxoiq_persistence.metrics.pages import MetricsPage
from utxoiq_persistence.metrics.series import SeriesNumbers
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
# How far back one call makes sketches, and for how many seconds it folds and makes them.
LATELY = timedelta(days=2)
FOLD_BUDGET = 20.0
# The most rows of a group, beyond which a row costs hardly less. docs/decisions/0058-under-load.md has the figures.
MAX_ROWS = 400
# RFC 9562: four bits of a uuid's seventh byte say that it is random, two bits of its ninth how it is to be read.
_VERSIONS = bytes(0x40 | byte & 0x0F for byte in range(256))
_VARIANTS = bytes(0x80 | byte & 0x3F for byte in range(256))
_split_digits = struct.Struct("8s4s4s4s12s").iter_unpack
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
    """Holds metrics, the numbers of their series, their ids, of 16 bytes each, and their times."""

    metrics: list[_StoredMetric]
    series: list[int]
    ids: bytes
    moments: list[datetime]


class Metrics:
    """Records and reads system metrics.

    A replica, if there is one, answers readings of ranges that ended more than PAST ago, since it lags behind.
    """

    def __init__(self, database: Database, cache: Cache, max_series: int, replica: Database | None = None) -> None:
        self._database = database
        self._cache = cache
        self._replica = replica
        self._series = SeriesNumbers(database, max_series)
        self._months_seen = (0, 0)
        self._batches = Groups("record", self._record_all, MAX_ROWS)

    async def record(self, metric: NewMetric, idempotency: Idempotency | None = None) -> Document:
        """Record one metric, stamped with the present if it has no time. Return it as JSON.

        Raises TooManySeries, IdempotencyMismatch, DatabaseUnavailable.
        """
        return Document(await self._record([metric], idempotency, alone=True))

    async def record_batch(self, metrics: Sequence[NewMetric], idempotency: Idempotency | None = None) -> Document:
        """Record all of the metrics or none. Return them as JSON.

        Raises TooManySeries, IdempotencyMismatch, DatabaseUnavailable.
        """
        return Document(await self._record(metrics, idempotency, alone=False))

    async def find(self, query: MetricsQuery) -> Page:
        """Return a page of metrics, newest first.

        Raises RuleBroken if the range ends before it starts, BadCursor, DatabaseUnavailable.
        """
        _check_range(query.start_time, query.end_time)
        if not _is_recent_series(query):
            page = await self._find(query)
            return Page(page.body, cursors.encode(page.place), page.archived)

        async def read() -> Document:
            page = await self._find(query)
            return Document((page.place or "").encode() + b"\n" + page.body)

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
        """Fold what has ended, and make its sketches, so that aggregates need no rows. Return how many were made.

        Sketches of rows that arrive later for hours long past are made by the upkeep of months. Raises
        DatabaseUnavailable.
        """
        deadline = time.monotonic() + FOLD_BUDGET

        def work(session: Session) -> int:
            folded = folding.fold(session, deadline)
            return sketches.fill(session, datetime.now(UTC) - LATELY, folded, deadline)

        return await self._database.work("fold_metrics", work, idempotent=True)

    async def _record(self, metrics: Sequence[NewMetric], idempotency: Idempotency | None, *, alone: bool) -> bytes:
        now = datetime.now(UTC)
        await self._ensure_months(now)
        moments = [metric.timestamp or now for metric in metrics]
        ids = _new_ids(len(metrics))
        stored = [
            _StoredMetric(
                identifier,
                metric.service_name,
                metric.metric_type,
                metric.metric_value,
                metric.unit,
                moment,
                metric.metric_metadata,
            )
            for identifier, moment, metric in zip(_spell_ids(ids), times.spell_all(moments), metrics, strict=True)
        ]
        answer = _ENCODER.encode(stored[0] if alone else stored)
        # For the line of the log; points are their own trace.
        services = {metric.service_name for metric in metrics}
        entry = audit.create_entry(
            "metrics.record", services.pop() if len(services) == 1 else None, metrics=len(metrics)
        )
        batch = _Batch(stored, await self._series.find(metrics, alone=alone), ids, moments)
        if idempotency is not None:
            return await self._record_once(batch, entry, answer, idempotency)
        if not stored:
            return answer
        await self._batches.add(batch, size=len(stored))
        entry.made = True
        return answer

    async def _record_once(self, batch: _Batch, entry: audit.Entry, answer: bytes, idempotency: Idempotency) -> bytes:
        def recorded(_: list[Row]) -> bytes:
            entry.made = True
            return answer

        write = Write(_SQL["record"], _parameters([batch]), recorded)
        async with self._cache.changing(_tags([batch])):
            return await write_once(self._database, write, idempotency)

    async def _record_all(self, batches: Sequence[_Batch], stored: Callable[[], None]) -> list[None]:
        async with self._cache.changing(_tags(batches)):
            await self._database.fetch(_SQL["record"], **_parameters(batches))
            stored()
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

    async def _find(self, query: MetricsQuery) -> MetricsPage:
        if self._replica is not None and query.end_time.timestamp() < time.time() - PAST.total_seconds():
            try:
                return await pages.find(self._replica, query)
            except (DatabaseUnavailable, DatabaseError) as error:  # DatabaseError if its schema is not migrated yet
                _log.warning("the replica does not answer, reading from the primary: %s", error)
        return await pages.find(self._database, query)


def _new_ids(count: int) -> bytes:
    """Return random uuids of 16 bytes. uuid4 would take longer than everything else that is done for a metric."""
    data = bytearray(os.urandom(16 * count))
    data[6::16] = data[6::16].translate(_VERSIONS)
    data[8::16] = data[8::16].translate(_VARIANTS)
    return bytes(data)


def _spell_ids(ids: bytes) -> list[str]:
    return [(b"%s-%s-%s-%s-%s" % groups).decode() for groups in _split_digits(ids.hex().encode())]


def _parameters(batches: Sequence[_Batch]) -> dict[str, Any]:
    metrics = [metric for batch in batches for metric in batch.metrics]
    return {
        "series": arrays.pack_bigints([series for batch in batches for series in batch.series]),
        "ids": arrays.pack_uuids(b"".join(batch.ids for batch in batches)),
        "metric_values": arrays.pack_floats([metric.metric_value for metric in metrics]),
        "timestamps": arrays.pack_moments([moment for batch in batches for moment in batch.moments]),
        "metadata": _encode_metadata([metric.metric_metadata for metric in metrics]),
    }


def _encode_metadata(metadata: Sequence[dict[str, object] | None]) -> str:
    if not any(one is not None for one in metadata):
        return "{}"
    return arrays.encode_texts([None if one is None else _ENCODER.encode(one).decode() for one in metadata])


def _is_recent_series(query: MetricsQuery) -> bool:
    """Return whether the reading is cached: of a single series, since any write would outdate one of many."""
    one_series = query.service_name is not None and query.metric_type is not None
    return one_series and query.start_time.timestamp() >= time.time() - RECENT.total_seconds()


def _check_range(start: datetime, end: datetime) -> None:
    if end < start:
        raise RuleBroken("end_time is before start_time")


def _tags(batches: Sequence[_Batch]) -> set[str]:
    named = {(metric.service_name, metric.metric_type) for batch in batches for metric in batch.metrics}
    return {_tag(service_name, metric_type) for service_name, metric_type in named}


def _tag(service_name: str, metric_type: str) -> str:
    return f"metrics:{len(service_name)}:{service_name}:{metric_type}"
