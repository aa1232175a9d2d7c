"""Many metrics in few requests."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import TracebackType
from typing import TYPE_CHECKING
from uuid import uuid4

import attrs
import httpx

from .errors import ApiError
from .generated.api.metrics import record_metric_batch
from .generated.models import NewMetric
from .generated.types import Unset

if TYPE_CHECKING:
    from .client import AsyncPersistenceClient, PersistenceClient

MOST_METRICS = 5_000
MOST_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Batch:
    """Metrics that go in one request. A batch that failed is sent again as it was, with the same Idempotency-Key."""

    metrics: list[NewMetric]
    key: str = field(default_factory=lambda: str(uuid4()))


class MetricBuffer:
    """Cuts metrics into batches that the service takes."""

    def __init__(self) -> None:
        self._open: list[NewMetric] = []
        self._bytes = 2
        self.cut: deque[Batch] = deque()

    def add(self, metric: NewMetric) -> None:
        """Append a metric. One without a timestamp was measured now, not when its batch is sent."""
        if metric.timestamp is None or isinstance(metric.timestamp, Unset):
            metric = attrs.evolve(metric, timestamp=datetime.now(timezone.utc))
        # With escapes and spaces, of which httpx writes none or few: never less than what is sent.
        size = len(json.dumps(metric.to_dict())) + 2
        if self._open and (len(self._open) == MOST_METRICS or self._bytes + size > MOST_BYTES):
            self.close_batch()
        self._open.append(metric)
        self._bytes += size
        if len(self._open) == MOST_METRICS:
            self.close_batch()

    def close_batch(self) -> None:
        """Cut a batch of what is there, if there is anything."""
        if self._open:
            self.cut.append(Batch(self._open))
            self._open, self._bytes = [], 2


class MetricBatches:
    """Records metrics: full batches as they fill, the rest by flush() and at the end of the `with` block.

    A batch that failed stays, and goes first at the next attempt, under its old Idempotency-Key. It may be shared by
    threads.

    Attributes:
        recorded: How many metrics the service has confirmed.
    """

    def __init__(self, client: PersistenceClient) -> None:
        self.recorded = 0
        self._client = client
        self._buffer = MetricBuffer()
        self._lock = threading.Lock()

    def add(self, metric: NewMetric) -> None:
        """Add a metric; it is kept even where sending a full batch fails.

        Raises:
            ApiError: The service did not take a batch.
            httpx.TransportError: The service could not be reached.
        """
        with self._lock:
            self._buffer.add(metric)
            self._send()

    def flush(self) -> None:
        """Send all that is there; it raises what add() raises."""
        with self._lock:
            self._buffer.close_batch()
            self._send()

    def __enter__(self) -> MetricBatches:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Flush, unless the block ended because a batch could not be sent."""
        if not isinstance(error, (ApiError, httpx.TransportError)):
            self.flush()

    def _send(self) -> None:
        while self._buffer.cut:
            batch = self._buffer.cut[0]
            record_metric_batch.sync_detailed(client=self._client, body=batch.metrics, idempotency_key=batch.key)
            self._buffer.cut.popleft()
            self.recorded += len(batch.metrics)


class AsyncMetricBatches:
    """Does what MetricBatches does, for asyncio; tasks may share it."""

    def __init__(self, client: AsyncPersistenceClient) -> None:
        self.recorded = 0
        self._client = client
        self._buffer = MetricBuffer()
        self._lock = asyncio.Lock()

    async def add(self, metric: NewMetric) -> None:
        """Add a metric; it is kept even where sending a full batch fails.

        Raises:
            ApiError: The service did not take a batch.
            httpx.TransportError: The service could not be reached.
        """
        async with self._lock:
            self._buffer.add(metric)
            await self._send()

    async def flush(self) -> None:
        """Send all that is there; it raises what add() raises."""
        async with self._lock:
            self._buffer.close_batch()
            await self._send()

    async def __aenter__(self) -> AsyncMetricBatches:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Flush, unless the block ended because a batch could not be sent."""
        if not isinstance(error, (ApiError, httpx.TransportError)):
            await self.flush()

    async def _send(self) -> None:
        while self._buffer.cut:
            batch = self._buffer.cut[0]
            await record_metric_batch.asyncio_detailed(
                client=self._client, body=batch.metrics, idempotency_key=batch.key
            )
            self._buffer.cut.popleft()
            self.recorded += len(batch.metrics)
