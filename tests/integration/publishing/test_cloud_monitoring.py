"""What reaches Cloud Monitoring by its real client, over the wire."""

import asyncio
import contextlib
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import pytest
from tests.integration.cloud_monitoring import LOCATION, NAMESPACE, PROJECT, Monitoring
from tests.integration.publishing import writer
from tests.integration.publishing.writer import series

from local_cloud.google.monitoring import distributions
from local_cloud.google.monitoring.descriptors import Descriptor
from local_cloud.google.monitoring.points import MetricKind, ValueType
from utxoiq_persistence.errors import NotPublished
from utxoiq_persistence.figures import Histogram
from utxoiq_persistence.publishing import cloud_monitoring
from utxoiq_persistence.publishing.cloud_monitoring import CloudMonitoring
from utxoiq_persistence.publishing.published_metrics import (
    POOL_UTILIZATION,
    PREFIX,
    QUERY_COUNT,
    QUERY_LATENCIES,
    REDIS_UP,
)
from utxoiq_persistence.publishing.time_series import SeriesPoint

pytestmark = pytest.mark.anyio

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def client(monitoring: Monitoring) -> CloudMonitoring:
    return CloudMonitoring(monitoring.settings())


@pytest.fixture
def now() -> float:
    """To the second."""
    return float(int(time.time()))


@pytest.mark.parametrize(
    ("count", "calls"),
    [(0, []), (1, [1]), (200, [200]), (201, [1, 200]), (1000, [200] * 5)],
    ids=["none", "1", "200", "201", "1000"],
)
async def test_as_few_calls_as_there_may_be(
    client: CloudMonitoring, monitoring: Monitoring, now: float, count: int, calls: list[int]
) -> None:
    await client.write(series(count, now - 60), now)
    assert sorted(monitoring.calls.sizes) == calls
    assert len(monitoring.lengths()) == count


async def test_a_series_says_whose_it_is(client: CloudMonitoring, monitoring: Monitoring, now: float) -> None:
    await client.write([SeriesPoint(POOL_UTILIZATION, 12.5, (), "keys", "i7"), SeriesPoint(REDIS_UP, 1)], now)
    own, whole = monitoring.of(POOL_UTILIZATION)[0], monitoring.of(REDIS_UP)[0]
    place = {"project_id": PROJECT, "location": LOCATION, "namespace": NAMESPACE}
    assert own.identity.resource_type == whole.identity.resource_type == "generic_task"
    assert dict(own.identity.resource_labels) == {**place, "job": "keys", "task_id": "i7"}
    assert dict(whole.identity.resource_labels) == {**place, "job": NAMESPACE, "task_id": "fleet"}
    assert (own[0].value, own[0].end, own[0].start) == (12.5, now, now)


async def test_a_counter_counts_from_the_instances_start(
    client: CloudMonitoring, monitoring: Monitoring, now: float
) -> None:
    await client.write(series(2, now - 60), now - 30)
    await client.write(series(2, now - 60), now)
    for found in monitoring.of(QUERY_COUNT):
        assert [(point.start, point.end) for point in (found[0], found[1])] == [(now - 60, now - 30), (now - 60, now)]


async def test_what_began_since_then_waits_for_the_next_time(
    client: CloudMonitoring, monitoring: Monitoring, now: float
) -> None:
    await client.write([*series(1, now), SeriesPoint(REDIS_UP, 1)], now)
    assert [identity.metric_type.rpartition("/")[2] for identity in monitoring.lengths()] == ["up"]


async def test_a_percentile_is_what_it_is_here(client: CloudMonitoring, monitoring: Monitoring, now: float) -> None:
    histogram = Histogram()
    for number in range(1, 10_001):
        histogram.add(number / 20_000)
    await client.write([SeriesPoint(QUERY_LATENCIES, histogram, ("find",), "metrics", "i1", now - 60)], now)
    found = monitoring.value(QUERY_LATENCIES, "find")
    assert found.count == 10_000
    assert found.mean == pytest.approx(250.025)
    assert distributions.estimate_percentile(found, 95) == pytest.approx(475, rel=0.06)


async def test_the_same_twice_is_there_once(client: CloudMonitoring, monitoring: Monitoring, now: float) -> None:
    for _ in range(2):
        await client.write([*series(300, now - 60), SeriesPoint(REDIS_UP, 1)], now)
    assert set(monitoring.lengths().values()) == {1}


async def test_two_who_publish_at_once_publish_once(monitoring: Monitoring, now: float) -> None:
    one, other = (CloudMonitoring(monitoring.settings()) for _ in range(2))
    await asyncio.gather(one.write(series(900, now - 60), now), other.write(series(900, now - 60), now))
    assert len(monitoring.lengths()) == 900
    assert set(monitoring.lengths().values()) == {1}


async def test_one_who_is_late_does_no_harm(client: CloudMonitoring, monitoring: Monitoring, now: float) -> None:
    await client.write(series(1, now - 90), now)
    await client.write(series(1, now - 90), now - 60)
    assert set(monitoring.lengths().values()) == {1}


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INTERNAL], ids=str
)
async def test_a_call_that_fails_is_made_good_by_the_next_try(
    client: CloudMonitoring, monitoring: Monitoring, now: float, code: grpc.StatusCode
) -> None:
    monitoring.calls.refusals += [None, code]
    with pytest.raises(NotPublished, match="as the test wants it"):
        await client.write(series(500, now - 60), now)
    assert 300 <= len(monitoring.lengths()) <= 400
    await client.write(series(500, now - 60), now)
    assert len(monitoring.lengths()) == 500
    assert set(monitoring.lengths().values()) == {1}


async def test_one_who_is_killed_between_calls_is_made_good_by_the_next(monitoring: Monitoring, now: float) -> None:
    monitoring.calls.most = 2
    words = [str(monitoring.settings().endpoint), "1000", str(now)]
    path = f"{REPOSITORY}:{REPOSITORY}/functions:{REPOSITORY}/infra"
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-m", writer.__name__, *words, cwd=REPOSITORY, env={"PYTHONPATH": path}
    )
    async with asyncio.timeout(60):
        # Nothing here hears of what is in another process.
        while len(monitoring.calls.sizes) < 5 or len(monitoring.lengths()) < 400:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    victim.kill()
    await victim.wait()
    monitoring.calls.most = None
    await CloudMonitoring(monitoring.settings()).write(series(1000, now - 60), now)
    assert len(monitoring.lengths()) == 1000
    assert set(monitoring.lengths().values()) == {1}


async def test_what_the_api_refuses_is_told_and_keeps_nothing_else_from_being_written(
    client: CloudMonitoring, monitoring: Monitoring, now: float
) -> None:
    other = Descriptor(PREFIX + REDIS_UP.name, MetricKind.CUMULATIVE, ValueType.INT64)
    monitoring.store.describe(other)
    wrong = SeriesPoint(REDIS_UP, 1)
    with pytest.raises(NotPublished, match="must be CUMULATIVE"):
        await client.write([*series(3, now - 60), wrong], now)
    assert len(monitoring.lengths()) == 3
    with pytest.raises(NotPublished, match="must be CUMULATIVE"):
        await client.write([*series(3, now - 60), wrong], now)


async def test_a_project_that_is_not_ours_is_told(monitoring: Monitoring, now: float) -> None:
    client = CloudMonitoring(replace(monitoring.settings(), project="another"))
    with pytest.raises(NotPublished, match="Permission denied on projects/another"):
        await client.write(series(1, now - 60), now)


async def test_a_service_that_has_come_back_is_written_to_again(
    client: CloudMonitoring, monitoring: Monitoring, now: float
) -> None:
    await client.write(series(1, now - 60), now - 30)
    monitoring.stop()
    with pytest.raises(NotPublished, match=r"Failed to connect|closed"):
        await client.write(series(1, now - 60), now)
    monitoring.start()
    async with asyncio.timeout(30):
        while set(monitoring.lengths().values()) != {2}:
            with contextlib.suppress(NotPublished):  # for a second at most
                await client.write(series(1, now - 60), now)
    assert set(monitoring.lengths().values()) == {2}


async def test_a_service_that_does_not_answer_is_given_up(
    client: CloudMonitoring, monitoring: Monitoring, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_monitoring, "DEADLINE_SECONDS", 0.5)
    monitoring.calls.most = 0
    with pytest.raises(NotPublished, match="Deadline"):
        await client.write(series(1, now - 60), now)


async def test_that_there_are_no_credentials_is_told(
    monitoring: Monitoring, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
    client = CloudMonitoring(replace(monitoring.settings(), endpoint=None))
    with pytest.raises(NotPublished, match="/nowhere was not found"):
        await client.write(series(1, now - 60), now)


def test_the_library_is_not_imported_before_it_is_needed() -> None:
    imported = "import sys, utxoiq_persistence.publishing.fleet_publishing as _"
    code = f"{imported}; print([n for n in sys.modules if n.startswith('grpc')])"
    path = {"PYTHONPATH": str(REPOSITORY / "functions")}
    done = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
