"""Asks a collector again and again, and has Cloud Monitoring keep what it finds."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from local_cloud import background
from local_cloud.google.metrics.measurement import Measurement
from local_cloud.google.monitoring.points import Identity, MetricKind, Point, ValueType
from local_cloud.google.monitoring.store import Rejected, TimeSeriesStore

# As Google's platform does it.
PERIOD_SECONDS = 60.0
# So that what starts is soon to be seen.
FIRST_SECONDS = 5.0


class Collector(Protocol):
    """Measures parts of the stack."""

    def collect(self) -> Iterable[Measurement]:
        """Return what is measured now. Blocks.

        A part that is away is left out, as what it would measure is missing in Google's platform too.
        """
        ...


class RefusedMeasurement(Exception):
    """Cloud Monitoring did not take what the platform measured, which is a fault of ours."""


def keep_collecting(
    name: str, collector: Collector, store: TimeSeriesStore, say: Callable[[str], None]
) -> "asyncio.Task[None]":
    """Start to collect until cancelled. Whatever fails is said once, and tried again."""
    since = store.clock()

    async def collect() -> None:
        nonlocal since
        found = await asyncio.to_thread(lambda: list(collector.collect()))
        start, since = since, store.clock()
        _write(store, found, start, since)

    seconds, first = PERIOD_SECONDS / store.pace, FIRST_SECONDS / store.pace
    return background.start(f"measuring {name}", collect, seconds, say=say, first=first)


def _write(store: TimeSeriesStore, found: Iterable[Measurement], since: float, now: float) -> None:
    """Write all that is taken. Raises RefusedMeasurement for the last one that is not."""
    refused = ""
    for measurement in found:
        try:
            store.write(*_point(measurement, since, now))
        except Rejected as rejected:
            refused = f"{measurement.metric}: {rejected}"
    if refused:
        raise RefusedMeasurement(refused)


def _point(measurement: Measurement, since: float, now: float) -> tuple[Identity, MetricKind, ValueType, Point]:
    resource = measurement.resource
    identity = Identity.from_labels(measurement.metric, measurement.labels, resource.type, resource.labels)
    start = now if measurement.kind is MetricKind.GAUGE else since
    return identity, measurement.kind, measurement.value_type, Point(start, now, measurement.value)
