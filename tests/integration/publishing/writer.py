"""Writes some series to Cloud Monitoring, in a process that may be killed: endpoint, how many, as of when."""

import asyncio
import sys

from tests.integration.cloud_monitoring import LOCATION, NAMESPACE, PROJECT

from utxoiq_persistence.publishing.cloud_monitoring import CloudMonitoring
from utxoiq_persistence.publishing.published_metrics import QUERY_COUNT
from utxoiq_persistence.publishing.settings import PublishSettings
from utxoiq_persistence.publishing.time_series import SeriesPoint


def series(count: int, started: float) -> list[SeriesPoint]:
    return [
        SeriesPoint(QUERY_COUNT, number, (f"result {number}",), "metrics", "i1", started) for number in range(count)
    ]


if __name__ == "__main__":
    endpoint, size, at = sys.argv[1:]
    settings = PublishSettings(PROJECT, NAMESPACE, LOCATION, 60, endpoint)
    asyncio.run(CloudMonitoring(settings).write(series(int(size), float(at) - 60), float(at)))
