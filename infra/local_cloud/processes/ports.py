"""TCP ports of 127.0.0.1 that stay the same from run to run."""

import socket

from local_cloud.processes.server import free_port
from local_cloud.state import State

SECTION = "ports"


class Ports:
    """Remembers ports by name, so that addresses that people wrote down stay good."""

    def __init__(self, state: State) -> None:
        self._state = state

    def allocate(self, name: str) -> int:
        """Return the port that `name` had in the last run, or a new one if another program has taken it."""
        port = self._state.find(SECTION, name)
        if port is None or not _is_free(port):
            port = free_port()
            self._state.put(SECTION, name, port)
        return int(port)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
