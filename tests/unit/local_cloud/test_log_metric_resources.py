"""A log-based metric that the program declares counts here, or says why it cannot."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from local_cloud.errors import DeploymentFailed
from local_cloud.google.monitoring.store import TimeSeriesStore
from local_cloud.pulumi.declaration import Declaration
from local_cloud.resources import logging as _handlers  # noqa: F401 - registers them
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import find_handler

TOKEN = "gcp:logging/metric:Metric"
COUNTER = {"metricKind": "DELTA", "valueType": "INT64", "unit": "1"}


def declare(cloud: Any, **inputs: object) -> str:
    declaration = Declaration(TOKEN, "shop-refusals", "urn", inputs, frozenset())

    async def make() -> str:
        return (await find_handler(declaration)(cast(LocalCloud, cloud), declaration)).id

    return asyncio.run(make())


@pytest.fixture
def cloud() -> Any:
    return SimpleNamespace(
        project="shop",
        google=SimpleNamespace(log_metrics=[], monitoring=SimpleNamespace(store=TimeSeriesStore("shop"))),
    )


def test_it_is_counted_and_described(cloud: Any) -> None:
    extractors = {"status": "EXTRACT(httpRequest.status)"}
    name = "shop-refusals"
    assert declare(cloud, filter="httpRequest.status=403", metricDescriptor=COUNTER, labelExtractors=extractors) == name
    (counted,) = cloud.google.log_metrics
    assert counted.type == f"logging.googleapis.com/user/{name}"
    described = cloud.google.monitoring.store.descriptor(counted.type)
    assert (described.kind, described.value_type, set(described.labels)) == ("DELTA", "INT64", {"status"})


def test_one_that_is_disabled_counts_nothing(cloud: Any) -> None:
    declare(cloud, filter="severity>=ERROR", disabled=True)
    assert cloud.google.log_metrics == []


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"filter": "severity>=FATAL"}, "no severity 'FATAL'"),
        ({"filter": "resource.typ=x"}, "no field 'resource.typ'"),
        ({"filter": "severity=ERROR", "labelExtractors": {"a": "status"}}, "EXTRACT"),
        ({"filter": "severity=ERROR", "metricDescriptor": {**COUNTER, "valueType": "DISTRIBUTION"}}, "counts entries"),
    ],
)
def test_what_cannot_count_fails_by_name(cloud: Any, inputs: dict[str, object], named: str) -> None:
    with pytest.raises(DeploymentFailed) as failed:
        declare(cloud, **inputs)
    assert "shop-refusals" in str(failed.value)
    assert named in str(failed.value)
