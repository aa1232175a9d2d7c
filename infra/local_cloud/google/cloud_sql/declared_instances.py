"""The Cloud SQL instances and databases that the program declares; the first starts the service behind the API."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from local_cloud.google.cloud_sql.exports import Exports
from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.google.cloud_sql.service import CloudSqlService
from local_cloud.google.cloud_sql.standby import Standby
from local_cloud.report import Report


class DeclaredInstances:
    """Knows what is declared of Cloud SQL.

    servers: by instance. databases: pairs of instance and database, in the order of their declaration. remember: called
    with the name and the process of each server that nobody declares.
    """

    def __init__(
        self, folder: Path, project: str, report: Report, exports: Exports, remember: Callable[[str, int], None]
    ) -> None:
        self.servers: dict[str, ManagedPostgres] = {}
        self.databases: list[tuple[str, str]] = []
        self._folder = folder
        self._project = project
        self._report = report
        self._remember = remember
        self._exports = exports
        self._starting: asyncio.Task[CloudSqlService] | None = None
        self._started: CloudSqlService | None = None

    @property
    def service(self) -> CloudSqlService | None:
        """Return the service; None while it does not run."""
        return self._started

    @property
    def primaries(self) -> list[ManagedPostgres]:
        """Return the servers of instances that are no read replicas."""
        return [server for server in self.servers.values() if not isinstance(server, Standby)]

    async def start(self) -> CloudSqlService:
        """Return the service once the instances of an earlier run are up again. Raises ServerFailed."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def stop(self) -> None:
        """Stop the service and the servers that it made; the supervisor stops those that the program declares."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._started is not None:
            await asyncio.to_thread(self._started.stop)

    async def _start(self) -> CloudSqlService:
        service = CloudSqlService(self._folder, self._project, exports=self._exports, remember=self._remember)
        with self._report.step("Cloud SQL Admin API"):
            await asyncio.to_thread(service.start)
        self._started = service
        return service
