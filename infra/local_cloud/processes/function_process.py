"""A function's process: functions-framework on its unpacked source, as the buildpack starts it.

It listens on a unix socket, so that nobody gets to it but through its front end, which checks who calls.
"""

import asyncio
import http.client
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from local_cloud import background
from local_cloud.processes.server import Server, kill_tree
from local_cloud.processes.supervisor import Supervised

PROBE_TIMEOUT = 5.0
WATCH_SECONDS = 1.0
# A process that answers nothing is looked at so seldom: it grows slowly, if at all.
UNUSED_WATCH_SECONDS = 60.0
HEALTH_PATH = "/health"
# Cloud Run's; the server puts it behind what it takes for a host, and so at the end of the socket's name.
PORT = "8080"
# Of the machine's own environment, what any process needs and no function could miss.
INHERITED = ("PATH", "HOME", "LANG", "TZ")
# Set by the platform; Google refuses a function that declares one of them.
RESERVED = frozenset(
    {"FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE", "K_SERVICE", "K_REVISION", "K_CONFIGURATION", "PORT"}
)


class FunctionProcess(Server):
    """Runs a function.

    listens: the path of its socket, without the port. declared: the environment that the program declares, secrets
    included. platform: what is added.
    """

    def __init__(
        self,
        name: str,
        source: Path,
        *,
        listens: Path,
        environment: Path,
        target: str,
        declared: Mapping[str, str],
        platform: Mapping[str, str],
        log: Path,
    ) -> None:
        self.name = name
        super().__init__(source, log)
        self._program = str(environment / "bin" / "functions-framework")
        self._target = target
        self._declared = declared
        self._platform = platform
        self._listens = listens

    @property
    def socket(self) -> Path:
        """Return the socket that the process listens on."""
        return self._listens.with_name(f"{self._listens.name}:{PORT}")

    @property
    def revision(self) -> str:
        """Return the name of this version of the function."""
        return f"{self.name}-{self.folder.name[:12]}"

    def prepare(self) -> None:
        """Do nothing: the server makes its socket, and removes one that was left behind."""

    def command(self) -> Sequence[str]:
        """Return the command line of functions-framework."""
        return [self._program]

    def environment(self) -> Mapping[str, str]:
        """Return the variables that Cloud Run gives a function."""
        return {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            **self._declared,
            **self._platform,
            "FUNCTION_TARGET": self._target,
            "FUNCTION_SIGNATURE_TYPE": "http",
            "K_SERVICE": self.name,
            "K_CONFIGURATION": self.name,
            "K_REVISION": self.revision,
            "HOST": f"unix:{self._listens}",
            "PORT": PORT,
        }

    def probe(self) -> bool:
        """Return whether it listens, and does not say itself that it is unwell."""
        connection = _UnixConnection(self.socket)
        try:
            connection.request("GET", HEALTH_PATH)
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PROBE_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def may_have_grown(since: float, unused: float) -> bool:
    """Return whether a process may take more than at the last look. Both in seconds: since that, and since its use."""
    return unused <= since or since >= UNUSED_WATCH_SECONDS


def limit_memory(
    supervised: Supervised, limit: int, unused_for: Callable[[], float], say: Callable[[str], None]
) -> "asyncio.Task[None]":
    """Start to end a process that takes more than `limit` bytes, as Cloud Run does; the supervisor starts it again.

    unused_for: returns the seconds since its last request, 0 during one. A look takes milliseconds, so none is taken
    of a process that nobody has used since the last one.
    """
    looked = float("-inf")

    async def check() -> None:
        nonlocal looked
        pid, now = supervised.pid, time.monotonic()
        since = now - looked
        if pid is None or not supervised.serves or not may_have_grown(since, unused_for()):
            return
        looked = now
        used = await asyncio.to_thread(measure_memory, pid)
        if used > limit:
            say(f"{supervised.name} takes {used / 2**20:.0f} MiB, more than its {limit / 2**20:.0f} MiB: ended")
            await asyncio.to_thread(kill_tree, pid)

    name = f"watching the memory of {supervised.name}"
    return background.start(name, check, WATCH_SECONDS, say=say, first=WATCH_SECONDS)


def measure_memory(pid: int) -> int:
    """Return the bytes that a process and its descendants take; pages that they share count once."""
    total = 0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for member in family:
        try:
            memory = member.memory_full_info()
            total += getattr(memory, "pss", memory.uss)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total
