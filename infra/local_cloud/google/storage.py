"""Cloud Storage: one server for all buckets, started by the first that is declared.

All ask at an address before it, which is guarded: the server itself has no guard.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from local_cloud import background
from local_cloud.google.lifecycle import BucketRules
from local_cloud.google.storage_client import StorageClient
from local_cloud.processes.certificate import write_certificate
from local_cloud.processes.processes import Processes
from local_cloud.processes.storage import StorageServer
from local_cloud.processes.supervisor import Tier
from local_cloud.report import Report

LIFECYCLE_SECONDS = 3600.0


class CloudStorage:
    """Runs the storage server.

    certificate: the file of the server's own. port: of the address for all. server: what stands behind that; None while
    it does not run. buckets: the rules of each, in words. rules: those that are applied here.
    """

    def __init__(
        self,
        folder: Path,
        log: Path,
        certificate: Path,
        processes: Processes,
        session: aiohttp.ClientSession,
        report: Report,
    ) -> None:
        self.certificate = certificate
        self.port = processes.ports.allocate("storage")
        self.server: StorageServer | None = None
        self.buckets: dict[str, list[str]] = {}
        self.rules: dict[str, BucketRules] = {}
        self._folder = folder
        self._log = log
        self._processes = processes
        self._session = session
        self._report = report
        self._starting: asyncio.Task[str] | None = None

    @property
    def url(self) -> str | None:
        """Return the address for programs; None while the server does not run."""
        return None if self.server is None else f"http://127.0.0.1:{self.port}"

    async def client(self) -> StorageClient:
        """Return a client once the server serves. Raises ServerFailed."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        return StorageClient(await asyncio.shield(self._starting), self._session)

    def start_lifecycle(self) -> None:
        """Apply the buckets' rules from now on, in a background task: Google does it at its leisure, too."""
        loop = background.start("the lifecycle of buckets", self.apply_rules, LIFECYCLE_SECONDS, say=self._report.say)
        self._processes.background.hold(loop)

    async def apply_rules(self) -> None:
        """Delete the objects that have expired by the rules of their buckets. Raises DeploymentFailed."""
        for bucket, rules in list(self.rules.items()):
            client = await self.client()
            for name in rules.expired(await client.list_objects(bucket), datetime.now(UTC)):
                await client.delete(bucket, name)

    async def stop(self) -> None:
        """Cancel a start that is under way; the supervisor stops a server that runs."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)

    async def _start(self) -> str:
        write_certificate(self.certificate)
        port = self._processes.ports.allocate("storage-server")
        server = StorageServer(
            self._folder, port=port, log=self._log, certificate=self.certificate, public_port=self.port
        )
        url = f"http://127.0.0.1:{self.port}"
        with self._report.step("Cloud Storage", url):
            await self._processes.supervisor.start(server, tier=Tier.SERVER)
        self.server = server
        return url
