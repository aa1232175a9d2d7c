"""Asks a collector again and again, and has Cloud Monitoring keep what it finds."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

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


async def keep_collecting(name: str, collector: Collector, store: TimeSeriesStore, say: Callable[[str], None]) -> None:
    """Collect until cancelled. Whatever fails is said once, and tried again."""
    said = ""
    since = store.clock()
    seconds = FIRST_SECONDS
    while True:
        await asyncio.sleep(seconds / store.pace)
        seconds = PERIOD_SECONDS
        try:
            found = await asyncio.to_thread(lambda: list(collector.collect()))
            now = store.clock()
            trouble = _write(store, found, since, now)
            since = now
        except Exception as error:  # the next round may succeed
            trouble = repr(error)
        if trouble and trouble != said:
            say(f"what the platform measures of {name} is missing: {trouble}")
        said = trouble


def _write(store: TimeSeriesStore, found: Iterable[Measurement], since: float, now: float) -> str:
    """Write measurements, and return what was refused, which is a fault of ours; empty if nothing was."""
    refused = ""
    for measurement in found:
        try:
            store.write(*_point(measurement, since, now))
        except Rejected as rejected:
            refused = f"{measurement.metric}: {rejected}"
    return refused


def _point(measurement: Measurement, since: float, now: float) -> tuple[Identity, MetricKind, ValueType, Point]:
    resource = measurement.resource
    identity = Identity.from_labels(measurement.metric, measurement.labels, resource.type, resource.labels)
    start = now if measurement.kind is MetricKind.GAUGE else since
    return identity, measurement.kind, measurement.value_type, Point(start, now, measurement.value)
