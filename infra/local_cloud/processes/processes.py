"""What every process of a deployment shares: its supervisor, addresses, virtual environments and background tasks."""

from collections.abc import Callable

from local_cloud.background import BackgroundTasks
from local_cloud.processes.environments import Environments, choose_folder
from local_cloud.processes.ports import Ports
from local_cloud.processes.socket_folders import Sockets
from local_cloud.processes.supervisor import Supervisor
from local_cloud.state import State


class Processes:
    """Holds what runs and keeps running. say: prints a line for the person at the terminal."""

    def __init__(self, state: State, say: Callable[[str], None]) -> None:
        self.ports = Ports(state)
        self.sockets = Sockets(state.folder)
        self.supervisor = Supervisor(state, say)
        self.environments = Environments(choose_folder(state.folder / "venvs"), state.log("packages"), say)
        self.background = BackgroundTasks()
