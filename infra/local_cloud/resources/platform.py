"""The platform of a deployment: what it answers, and what it measures from then on."""

import asyncio
from pathlib import Path

from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.google.cloud_sql.registry import Resource as Instance
from local_cloud.google.logging import api
from local_cloud.google.logging.metrics import LogMetricCollector
from local_cloud.google.logging.sources import resource_of, sources_of
from local_cloud.google.metrics.cloud_run import CloudRunCollector
from local_cloud.google.metrics.cloud_sql import CloudSqlCollector
from local_cloud.google.metrics.collecting import Collector, keep_collecting
from local_cloud.google.metrics.memorystore import MemorystoreCollector
from local_cloud.google.metrics.traffic import Traffic
from local_cloud.google.monitored_resources import Resource, cache_resource
from local_cloud.google.scheduler.api import JobsApi
from local_cloud.processes.valkey import Valkey
from local_cloud.resources.deployment import Deployment


def start(deployment: Deployment) -> None:
    """Before the Google APIs open, and anything that is measured. The tasks end with the deployment's others."""
    deployment.google_apis.add_routes(api.routes(deployment.project, lambda: sources_of(deployment)))
    deployment.google_apis.add_routes(JobsApi(deployment.project, deployment.scheduler).routes())
    log_metrics = LogMetricCollector(lambda: sources_of(deployment), deployment.log_metrics, _logs(deployment))
    collectors: dict[str, Collector] = {
        "Cloud SQL": CloudSqlCollector(lambda: _servers(deployment)),
        "Memorystore": MemorystoreCollector(lambda: _caches(deployment)),
        "Cloud Run": CloudRunCollector(lambda: _functions(deployment)),
        "the logs": log_metrics,
    }
    store, say = deployment.monitoring.store, deployment.report.say
    for name, collector in collectors.items():
        deployment.background.add(asyncio.create_task(keep_collecting(name, collector, store, say)))


def _servers(deployment: Deployment) -> list[tuple[Instance, ManagedPostgres]]:
    cloud_sql = deployment.cloud_sql_now()
    return cloud_sql.service.servers() if cloud_sql is not None else []


def _caches(deployment: Deployment) -> list[tuple[Resource, Valkey]]:
    return [
        (cache_resource(deployment.project, deployment.locations[f"redis/{name}"], name), valkey)
        for name, valkey in list(deployment.caches.items())
    ]


def _functions(deployment: Deployment) -> list[tuple[Resource, Traffic, bool]]:
    return [
        (resource_of(deployment, name, function), function.front_end.traffic, function.supervised.serves)
        for name, function in list(deployment.functions.items())
    ]


def _logs(deployment: Deployment) -> list[Path]:
    state = deployment.state
    return [*state.logs.glob("*.log"), *(state.folder / "cloudsql").glob("*/*/*.log")]
