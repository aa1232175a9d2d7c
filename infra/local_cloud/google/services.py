"""Google Cloud as one stack sees it: each service with what the program has declared of it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp
from aiohttp import web

from local_cloud.google.api_callers import ApiCallers
from local_cloud.google.cloud_sql.api import AdminApi
from local_cloud.google.cloud_sql.declared_instances import DeclaredInstances
from local_cloud.google.cloud_sql.exports import Exports
from local_cloud.google.cloud_sql.guard import Guard
from local_cloud.google.iam import Bindings
from local_cloud.google.issuer import Issuers
from local_cloud.google.logging import api as logging_api
from local_cloud.google.logging.buckets import LogBuckets
from local_cloud.google.logging.metrics import LogMetric, LogMetricCollector
from local_cloud.google.logging.sources import LogSources
from local_cloud.google.memorystore import RedisInstance
from local_cloud.google.metrics.cloud_run import CloudRunCollector, MeasuredFunction
from local_cloud.google.metrics.cloud_sql import CloudSqlCollector
from local_cloud.google.metrics.collecting import Collector, keep_collecting
from local_cloud.google.metrics.memorystore import MemorystoreCollector
from local_cloud.google.monitored_resources import redis_resource
from local_cloud.google.monitoring.monitoring import Monitoring
from local_cloud.google.monitoring.rest import MonitoringApi
from local_cloud.google.scheduler.api import JobsApi
from local_cloud.google.scheduler.attempts import AttemptLog
from local_cloud.google.scheduler.scheduler import Scheduler
from local_cloud.google.secret_manager import SecretManager
from local_cloud.google.storage import CloudStorage
from local_cloud.google.traces import Traces
from local_cloud.processes.processes import Processes
from local_cloud.report import Report
from local_cloud.state import State

DEFAULT_REGION = "us-central1"
# As which Cloud Monitoring's checks come; the number is that of resources.invokes.
UPTIME_AGENT = "service-000000000000@gcp-sa-monitoring-notification.iam.gserviceaccount.com"


class GoogleServices:
    """Holds each service. project: its id. pace: how many times faster than Google's the local Monitoring is."""

    def __init__(
        self,
        project: str,
        state: State,
        processes: Processes,
        issuers: Issuers,
        session: aiohttp.ClientSession,
        report: Report,
        pace: float = 1.0,
    ) -> None:
        self.project = project
        self.issuers = issuers
        self.bindings = Bindings()
        self.api_callers = ApiCallers()
        self.secrets = SecretManager(self.bindings)
        exports = Exports(lambda: self.storage.url, self.bindings)
        self.cloud_sql = DeclaredInstances(
            state.folder / "cloudsql", project, report, exports, processes.supervisor.remember
        )
        self.redis: dict[str, RedisInstance] = {}
        self.storage = CloudStorage(
            state.folder / "storage", state.log("storage"), state.keys / "storage.pem", processes, session, report
        )
        attempts = AttemptLog(state.log("scheduler"), project)
        self.scheduler = Scheduler(issuers, session, report.say, attempts.record)
        self.monitoring = Monitoring(
            project,
            state.folder / "incidents.json",
            socket=processes.sockets.path("monitoring"),
            session=session,
            say=report.say,
            pace=pace,
        )
        self.monitoring.uptime.agent_token = lambda audience: issuers.account_token(UPTIME_AGENT, audience, 300)
        self.log_sources = LogSources(project, state.log("scheduler"), state.log("activity"), self.cloud_sql)
        self.log_buckets = LogBuckets()
        self.log_metrics: list[LogMetric] = []
        self._traces = Traces()
        self._state = state
        self._report = report

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes of all REST APIs."""
        return [
            *AdminApi(
                self.project, lambda: self.cloud_sql.service, Guard(self.project, self.api_callers, self.bindings)
            ).routes(),
            *MonitoringApi(self.monitoring).routes(),
            *self._traces.routes(),
            *logging_api.list_routes(self.project, self.log_sources.current, self.log_buckets),
            *JobsApi(self.project, self.scheduler).routes(),
        ]

    def start_collecting(self, processes: Processes, functions: Callable[[], list[MeasuredFunction]]) -> None:
        """Measure what Google's platform measures, in background tasks. functions: those of the moment."""
        collectors: dict[str, Collector] = {
            "Cloud SQL": CloudSqlCollector(lambda: service.servers() if (service := self.cloud_sql.service) else []),
            "Memorystore": MemorystoreCollector(
                lambda: [
                    (redis_resource(self.project, instance.region, instance.name), instance.server)
                    for instance in list(self.redis.values())
                ]
            ),
            "Cloud Run": CloudRunCollector(functions),
            "the logs": LogMetricCollector(self.log_sources.current, self.log_metrics, self._log_files),
        }
        for name, collector in collectors.items():
            processes.background.hold(keep_collecting(name, collector, self.monitoring.store, self._report.say))

    def start_schedules(self) -> None:
        """Fire jobs, evaluate policies, run uptime checks, apply buckets' rules: not before the whole system is up."""
        self.scheduler.start()
        self.monitoring.start()
        self.storage.start_lifecycle()

    async def stop_schedules(self) -> None:
        """Fire, evaluate and check nothing any more."""
        self.scheduler.stop()
        await self.monitoring.stop()

    async def stop(self) -> None:
        """Stop what no supervisor stops."""
        await asyncio.gather(self.storage.stop(), self.cloud_sql.stop())

    def _log_files(self) -> list[Path]:
        return [*self._state.logs.glob("*.log"), *(self._state.folder / "cloudsql").glob("*/*/*.log")]
