"""The local Cloud Monitoring's server of metrics by itself, whose calls fail or wait when a test wants it."""

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]

from local_cloud.google.monitoring.grpc_service import MetricServer
from local_cloud.google.monitoring.points import Identity
from local_cloud.google.monitoring.store import TimeSeries, TimeSeriesStore
from local_cloud.processes.server import free_port
from utxoiq_persistence.publishing.published_metrics import PREFIX, PublishedMetric
from utxoiq_persistence.publishing.settings import PublishSettings

PROJECT = "utxoiq-test"
NAMESPACE = "utxoiq-local"
LOCATION = "us-central1"


class Calls(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """sizes: series of each so far. refusals: of the next ones, None of one that is let through.

    most: so many are let through, later ones wait until they are given up.
    """

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.refusals: deque[grpc.StatusCode | None] = deque()
        self.most: int | None = None

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)

        async def call(request: Any, context: Any) -> Any:
            self.sizes.append(len(request.time_series))
            refusal = self.refusals.popleft() if self.refusals else None
            if refusal is not None:
                await context.abort(refusal, "as the test wants it")
            if self.most is not None and len(self.sizes) > self.most:
                await asyncio.Event().wait()
            return await handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(
            call, request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer
        )


class Monitoring:
    """On a loop of its own. store: what was published."""

    def __init__(self) -> None:
        self.store = TimeSeriesStore(PROJECT)
        self.calls = Calls()
        self._port = free_port()
        self._loop = asyncio.new_event_loop()
        self._server: MetricServer | None = None

    def start(self) -> None:
        self._run(self._start())

    def stop(self) -> None:
        if self._server is not None:
            self._run(self._server.stop())
            self._server = None

    @contextmanager
    def running(self) -> Iterator["Monitoring"]:
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        try:
            self.start()
            yield self
            self.stop()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def settings(self, seconds: float = 60) -> PublishSettings:
        return PublishSettings(PROJECT, NAMESPACE, LOCATION, seconds, f"127.0.0.1:{self._port}")

    @property
    def variables(self) -> Mapping[str, str]:
        """Of a function's environment."""
        return {
            "MONITORING_NAMESPACE": NAMESPACE,
            "MONITORING_LOCATION": LOCATION,
            "CLOUD_MONITORING_ENDPOINT": f"127.0.0.1:{self._port}",
        }

    def of(self, metric: PublishedMetric) -> list[TimeSeries]:
        return [series for series, _ in self.store.select(f'metric.type = "{PREFIX}{metric.name}"', 0, 2**40)]

    def value(self, metric: PublishedMetric, *values: str) -> Any:
        """The newest one of the only series with these values of the metric's labels."""
        labels = tuple(sorted(zip(metric.labels, values, strict=True)))
        (found,) = (series for series in self.of(metric) if series.identity.metric_labels == labels)
        return found[-1].value

    def lengths(self) -> Mapping[Identity, int]:
        """How many points every series has."""
        types = list(self.store.descriptors)
        found = (one for name in types for one, _ in self.store.select(f'metric.type = "{name}"', 0, 2**40))
        return {series.identity: len(series) for series in found}

    async def _start(self) -> None:
        self._server = MetricServer(self.store, f"127.0.0.1:{self._port}", [self.calls])
        await self._server.start()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
