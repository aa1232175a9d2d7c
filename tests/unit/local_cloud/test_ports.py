"""A port that was given to somebody is nobody else's until its server listens."""

import socket
import subprocess
import sys

import pytest

from local_cloud.processes import server
from local_cloud.processes.server import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody may listen beside a socket")
# Neither what programs are given here, nor what other tests ask for meanwhile.
FEW = range(10_000, 10_040)


def test_no_two_who_ask_are_given_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is another process, which asks the system whether a port is free."""
    monkeypatch.setattr(server, "NOT_EPHEMERAL", FEW)
    given = [free_port() for _ in range(20)]
    script = "import sys\nfrom local_cloud.processes import server\n"
    script += f"server.NOT_EPHEMERAL = {FEW!r}\nprint(*[server.free_port() for _ in range(15)])\n"
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, check=True
    )
    given += map(int, done.stdout.split())
    assert len(set(given)) == 35


def test_whoever_was_given_a_port_may_listen_there_again_and_again() -> None:
    port = free_port()
    for _ in range(2):
        with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
