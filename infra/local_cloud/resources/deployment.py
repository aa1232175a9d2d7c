"""What a deployment has brought up so far, and what resource handlers build on."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from local_cloud.google.cloud_sql.server import CloudSqlServer
from local_cloud.google.iam import Bindings
from local_cloud.google.issuer import Issuers
from local_cloud.google.logging.metrics import LogMetric
from local_cloud.google.monitoring.monitoring import Monitoring
from local_cloud.google.monitoring.rest import MonitoringApi
from local_cloud.google.scheduler.attempts import AttemptLog
from local_cloud.google.scheduler.scheduler import Scheduler
from local_cloud.google.storage_client import StorageClient
from local_cloud.google.traces import Traces
from local_cloud.processes.environments import Environments
from local_cloud.processes.function_process import FunctionProcess
from local_cloud.processes.postgres import Postgres
from local_cloud.processes.server import free_port
from local_cloud.processes.storage import Storage
from local_cloud.processes.supervisor import Supervised, Supervisor
from local_cloud.processes.valkey import Valkey
from local_cloud.report import Report
from local_cloud.serving.front_end import FrontEnd
from local_cloud.serving.google_apis import GoogleApis
from local_cloud.state import State

SERVERS, REPLICAS, FUNCTIONS = 0, 1, 2
REGION = "us-central1"


@dataclass(frozen=True)
class Declaration:
    """A resource as the program registers it: inputs are plain values, secrets among them."""

    token: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    secret: frozenset[str]

    @property
    def resource_name(self) -> str:
        """The name that Google would know it by."""
        return str(self.inputs.get("name") or self.name)


@dataclass(frozen=True)
class Made:
    """What a handler answers. outputs: those that the inputs do not tell; secret: the names of secrets among them."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    secret: frozenset[str] = frozenset()


@dataclass
class Function:
    front_end: FrontEnd
    process: FunctionProcess
    supervised: Supervised
    service_account: str


@dataclass(frozen=True)
class Notice:
    """A resource that was recorded, and does nothing on one machine."""

    token: str
    name: str
    what: str = ""


class Deployment:
    def __init__(
        self,
        *,
        project: str,
        stack: str,
        base_url: str,
        program: Path,
        state: State,
        supervisor: Supervisor,
        issuers: Issuers,
        session: aiohttp.ClientSession,
        report: Report,
        pace: float = 1.0,
    ) -> None:
        self.project = project
        self.stack = stack
        self.base_url = base_url
        self.program = program
        self.state = state
        self.supervisor = supervisor
        self.issuers = issuers
        self.session = session
        self.report = report
        self.bindings = Bindings()
        self.environments = Environments(state.environments, state.log("packages"), report.say)
        self.scheduler = Scheduler(issuers, session, report.say, AttemptLog(state.log("scheduler"), project).record)
        self.databases: dict[str, Postgres] = {}
        self.database_names: list[tuple[str, str]] = []
        self.caches: dict[str, Valkey] = {}
        self.buckets: dict[str, list[str]] = {}
        self.secrets: dict[tuple[str, str], str] = {}
        self.functions: dict[str, Function] = {}
        self.monitoring = Monitoring(
            project,
            state.folder / "incidents.json",
            port=self.port("monitoring"),
            session=session,
            say=report.say,
            pace=pace,
        )
        self.google_apis = GoogleApis(self.port("google-apis"))
        self.google_apis.add_routes(MonitoringApi(self.monitoring).routes())
        self.google_apis.add_routes(Traces().routes())
        # Of functions and caches, as `function/name` and `redis/name`.
        self.locations: dict[str, str] = {}
        self.log_metrics: list[LogMetric] = []
        self.declared: list[Notice] = []
        self.background: set[asyncio.Task[None]] = set()
        self._storage: asyncio.Task[Storage] | None = None
        self._cloud_sql: asyncio.Task[CloudSqlServer] | None = None

    async def storage(self) -> StorageClient:
        """Started by the first who asks."""
        if self._storage is None:
            self._storage = asyncio.create_task(self._start_storage())
        server = await asyncio.shield(self._storage)
        return StorageClient(server.url, self.session)

    def storage_url(self) -> str | None:
        return self._storage.result().url if self._storage is not None and self._storage.done() else None

    async def cloud_sql(self) -> CloudSqlServer:
        """Started by the first who asks."""
        if self._cloud_sql is None:
            self._cloud_sql = asyncio.create_task(self._start_cloud_sql())
        return await asyncio.shield(self._cloud_sql)

    def cloud_sql_now(self) -> CloudSqlServer | None:
        return self._cloud_sql.result() if self._cloud_sql is not None and self._cloud_sql.done() else None

    def port(self, name: str) -> int:
        """The one of the last run: addresses that people wrote down stay good while nobody else took them."""
        port = self.state.find("ports", name)
        if port is None or not _is_free(port):
            port = free_port()
            self.state.put("ports", name, port)
        return int(port)

    async def stop(self) -> None:
        """Everything, in the reverse order of its start."""
        self.scheduler.stop()
        await self.monitoring.stop()
        tasks = [*self.background, *([self._storage] if self._storage is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(function.front_end.close() for function in self.functions.values()))
        cloud_sql = self.cloud_sql_now()
        if cloud_sql is not None:
            await asyncio.to_thread(cloud_sql.stop)
        await self.supervisor.stop()
        await self.google_apis.close()

    async def _start_cloud_sql(self) -> CloudSqlServer:
        server = CloudSqlServer(self.state.folder / "cloudsql", self.project, self.port("cloudsql"))
        with self.report.step("Cloud SQL Admin API", server.url):
            await asyncio.to_thread(server.start)
        return server

    async def _start_storage(self) -> Storage:
        folder = self.state.folder / "storage"
        storage = Storage(folder, port=self.port("storage"), log=self.state.log("storage"))
        with self.report.step("Cloud Storage", storage.url):
            await self.supervisor.start(storage, tier=SERVERS)
        return storage


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
