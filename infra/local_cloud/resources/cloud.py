"""What resource handlers build on: the parts of the local cloud, each of which keeps what is declared of it."""

from dataclasses import dataclass, field
from pathlib import Path

from local_cloud.google.services import GoogleServices
from local_cloud.processes.processes import Processes
from local_cloud.report import Report
from local_cloud.serving.endpoints import Endpoints
from local_cloud.state import State


@dataclass(frozen=True)
class Notice:
    """A resource that was recorded and does nothing on one machine. what: if not its type, then what it is."""

    token: str
    name: str
    what: str = ""


@dataclass(frozen=True)
class LocalCloud:
    """The parts of a stack on this machine. program: the folder that relative paths of assets are relative to."""

    program: Path
    state: State
    report: Report
    processes: Processes
    google: GoogleServices
    endpoints: Endpoints
    declared_only: list[Notice] = field(default_factory=list)

    @property
    def project(self) -> str:
        """Return the project's id."""
        return self.google.project

    def note(self, token: str, name: str, what: str = "") -> None:
        """Record that a resource, or a part of it, has no effect on one machine."""
        self.declared_only.append(Notice(token, name, what))

    async def stop(self) -> None:
        """Stop all parts, in the reverse order of their start."""
        await self.google.stop_schedules()
        await self.processes.background.stop()
        await self.endpoints.close()
        await self.google.stop()
        await self.processes.supervisor.stop()
        self.processes.environments.release()
        await self.endpoints.apis.close()
        await self.endpoints.storage.close()
        self.processes.sockets.remove()
