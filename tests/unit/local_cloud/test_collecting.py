"""What collectors find gets into Cloud Monitoring, round after round, whatever fails between."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

import pytest

from local_cloud.google.machine_types import GIB, MachineType, find_machine_type
from local_cloud.google.metrics.cloud_run import CloudRunCollector, MeasuredFunction
from local_cloud.google.metrics.collecting import Collector, keep_collecting
from local_cloud.google.metrics.measurement import Measurement, delta, gauge
from local_cloud.google.metrics.traffic import BOUNDS, Traffic
from local_cloud.google.monitored_resources import function_resource, redis_resource
from local_cloud.google.monitoring.points import Distribution
from local_cloud.google.monitoring.store import TimeSeriesStore

CACHE = redis_resource("shop", "us-central1", "cache")
FUNCTION = function_resource("shop", "us-central1", "shop-feedback", "shop-feedback-1")
EVICTED = "redis.googleapis.com/stats/evicted_keys"
UPTIME = "redis.googleapis.com/server/uptime"
# A round takes no time to wait for.
PACE = 6000.0


class Rounds(Collector):
    """Fails in the second round; tells when some have passed."""

    def __init__(self) -> None:
        self.count = 0
        self.passed = threading.Event()

    def collect(self) -> Iterator[Measurement]:
        self.count += 1
        if self.count == 6:
            self.passed.set()
        if self.count == 2:
            raise OSError("it is away")
        yield delta(EVICTED, CACHE, self.count, role="primary")
        yield gauge("redis.googleapis.com/unknown", CACHE, 1)
        yield gauge(UPTIME, CACHE, self.count, role="primary")


def test_rounds_follow_each_other_and_faults_are_said_once() -> None:
    said: list[str] = []
    store = TimeSeriesStore("shop", pace=PACE)
    collector = Rounds()

    async def scenario() -> None:
        task = keep_collecting("the cache", collector, store, said.append)
        assert await asyncio.to_thread(collector.passed.wait, 30)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    ((_, points),) = store.select(f'metric.type="{EVICTED}"', 0, store.clock() + 1)
    assert [point.value for point in points][:3] == [1, 3, 4]
    # No moment is left out between two deltas, nor counted twice.
    assert all(one.end == other.start for one, other in pairwise(points))
    assert len(store.select(f'metric.type="{UPTIME}"', 0, store.clock() + 1)[0][1]) == len(points)
    assert ["away" in line for line in said] == [False, True, False]
    assert "Unknown metric" in said[0]


def test_requests_are_published_by_status_with_zeros_after_the_first() -> None:
    traffic = Traffic()
    collector = CloudRunCollector(lambda: [MeasuredFunction(FUNCTION, traffic, True)])
    for seconds in (0.002, 0.004, 90.0):
        traffic.add(200, seconds)
    traffic.add(503, 7200.0)
    found = list(collector.collect())
    counts = {one.labels["response_code"]: one.value for one in found if one.metric.endswith("request_count")}
    assert counts == {"200": 3, "503": 1}
    latencies = {one.labels["response_code_class"]: one.value for one in found if one.metric.endswith("latencies")}
    assert latencies.keys() == {"2xx", "5xx"}
    distribution = latencies["2xx"]
    assert isinstance(distribution, Distribution)
    assert distribution.mean == pytest.approx(90_006 / 3)
    assert sum(distribution.counts) == 3
    slow = latencies["5xx"]
    assert isinstance(slow, Distribution)
    assert slow.counts[-1] == 1
    instances = {one.labels["state"]: one.value for one in found if one.metric.endswith("instance_count")}
    assert instances == {"active": 1, "idle": 0}
    again = {one.labels.get("response_code"): one.value for one in collector.collect()}
    assert (again["200"], again["503"]) == (0, 0)


def test_a_function_that_is_down_has_no_instance() -> None:
    collector = CloudRunCollector(lambda: [MeasuredFunction(FUNCTION, Traffic(), False)])
    assert [one.value for one in collector.collect()] == [0, 0]


def test_every_latency_has_its_bucket() -> None:
    traffic = Traffic()
    for index, bound in enumerate(BOUNDS):
        traffic.add(200, bound / 1000 * (1 - 1e-6))
        assert traffic.take()[200].counts[index] == 1


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        ("db-custom-2-7680", MachineType(2, int(7.5 * GIB))),
        ("db-f1-micro", MachineType(1, int(0.6 * GIB))),
        ("db-n1-standard-4", MachineType(4, 15 * GIB)),
        ("db-perf-optimized-N-8", MachineType(8, 64 * GIB)),
        ("db-custom-2", None),
        ("", None),
    ],
)
def test_tiers_are_as_large_as_googles(name: str, tier: MachineType | None) -> None:
    assert find_machine_type(name) == tier
