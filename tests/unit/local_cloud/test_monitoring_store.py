"""What the local Monitoring takes, and what it refuses as Google does."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.local_cloud.monitored import START, Monitored, chosen, identity

from local_cloud.google.monitoring.descriptors import Descriptor
from local_cloud.google.monitoring.points import Distribution, Identity, MetricKind, Point, ValueType
from local_cloud.google.monitoring.store import KEPT_NUMBERS, Rejected


@pytest.fixture
def monitored(tmp_path: Path) -> Monitored:
    return Monitored(tmp_path)


def test_points_come_in_order_and_not_too_often(monitored: Monitored) -> None:
    monitored.gauge("sales", 1)
    with pytest.raises(Rejected, match="in order"):
        monitored.gauge("sales", 2)
    monitored.clock.now += 4
    with pytest.raises(Rejected, match="more frequently"):
        monitored.gauge("sales", 2)
    monitored.clock.now += 1
    monitored.gauge("sales", 2)
    ((_, points),) = monitored.store.select(chosen("sales"), START - 1, START + 60)
    assert [point.value for point in points] == [1, 2]


def test_a_pace_lets_points_come_more_often(tmp_path: Path) -> None:
    monitored = Monitored(tmp_path, pace=50)
    monitored.gauge("sales", 1)
    monitored.clock.now += 0.11
    monitored.gauge("sales", 2)


def test_a_counter_starts_anew_only_after_its_last_point(monitored: Monitored) -> None:
    monitored.clock.now += 60
    monitored.cumulative("sales", 7)
    monitored.clock.now += 60
    with pytest.raises(Rejected, match="older start time"):
        monitored.cumulative("sales", 1, since=START + 30)
    monitored.cumulative("sales", 1, since=START + 90)
    with pytest.raises(Rejected, match="before the end time"):
        monitored.cumulative("returns", 1, since=monitored.clock.now)


def test_a_resource_has_all_its_labels_and_no_others(monitored: Monitored) -> None:
    good = identity("sales")
    point = Point(START, START, 1.0)
    incomplete = replace(good, resource_labels=(("job", "till"), ("location", "here")))
    with pytest.raises(Rejected, match=r"incomplete. Missing labels: \(namespace task_id\)"):
        monitored.store.write(incomplete, MetricKind.GAUGE, ValueType.DOUBLE, point)
    more = replace(good, resource_labels=(*good.resource_labels, ("shelf", "3")))
    with pytest.raises(Rejected, match="shelf"):
        monitored.store.write(more, MetricKind.GAUGE, ValueType.DOUBLE, point)
    with pytest.raises(Rejected, match="Unrecognized monitored resource type: 'shop'"):
        monitored.store.write(replace(good, resource_type="shop"), MetricKind.GAUGE, ValueType.DOUBLE, point)
    host = Identity.from_labels("custom.googleapis.com/sales", {}, "uptime_url", {"host": "shop"})
    with pytest.raises(Rejected, match="cannot be used with custom metrics"):
        monitored.store.write(host, MetricKind.GAUGE, ValueType.DOUBLE, point)


def test_a_metric_keeps_its_kind_and_type(monitored: Monitored) -> None:
    monitored.gauge("sales", 1)
    monitored.clock.now += 60
    with pytest.raises(Rejected, match="must be GAUGE DOUBLE, but is CUMULATIVE INT64"):
        monitored.cumulative("sales", 1, job="other")
    with pytest.raises(Rejected, match="is GAUGE DOUBLE, and cannot become"):
        monitored.store.describe(Descriptor(identity("sales").metric_type, MetricKind.GAUGE, ValueType.INT64))
    with pytest.raises(Rejected, match="must be GAUGE or CUMULATIVE"):
        monitored.store.describe(Descriptor("custom.googleapis.com/x", MetricKind.DELTA, ValueType.INT64))
    other = Identity.from_labels("compute.googleapis.com/x", {}, "global", {})
    with pytest.raises(Rejected, match="Unknown metric"):
        monitored.store.write(other, MetricKind.GAUGE, ValueType.INT64, Point(START, START, 1))


@pytest.mark.parametrize(
    ("distribution", "why"),
    [
        (Distribution(3, 1.0, (1.0, 2.0), (1, 1, 0)), "sum of bucket counts"),
        (Distribution(2, 1.0, (1.0, 2.0), (1, 1)), "2 bounds make 3 buckets"),
        (Distribution(2, 1.0, (2.0, 1.0), (1, 1, 0)), "must increase"),
    ],
    ids=["count", "buckets", "order"],
)
def test_a_distribution_adds_up(monitored: Monitored, distribution: Distribution, why: str) -> None:
    monitored.clock.now += 60
    with pytest.raises(Rejected, match=why):
        monitored.cumulative("durations", distribution)


@pytest.mark.parametrize(("away", "why"), [(301, "future"), (-25 * 3600 - 1, "past")], ids=["future", "past"])
def test_a_point_is_of_about_now(monitored: Monitored, away: float, why: str) -> None:
    end = START + away
    with pytest.raises(Rejected, match=why):
        monitored.store.write(identity("sales"), MetricKind.GAUGE, ValueType.DOUBLE, Point(end, end, 1.0))


def test_memory_is_bounded(monitored: Monitored) -> None:
    for _ in range(2 * KEPT_NUMBERS + 1):
        monitored.gauge("sales", 1)
        monitored.clock.now += 5
    ((_, points),) = monitored.store.select(chosen("sales"), 0, monitored.clock.now)
    assert len(points) == KEPT_NUMBERS
