"""A server program as a child process: what it takes to start it, to see it ready, and to end it."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from local_cloud.processes.passable import make_passable

PROBE_SECONDS = 0.01
# What ends before it serves is noticed at once; a busy machine takes its time over what does not.
START_SECONDS = 120.0
# Below those that Linux gives to connections that programs make.
NOT_EPHEMERAL = range(15_000, 32_768)
# Sockets on the ports that were given out last, which keep others from them: a server starts on its port a moment
# later, or again after a crash, and listens beside the socket, which does not.
_held: deque[socket.socket] = deque(maxlen=100)
LAUNCHER = str(Path(__file__).with_name("launch.py"))


class ServerFailed(Exception):
    """A server did not start, or ended; the message has the last lines of its log."""


class Server(ABC):
    """A program that serves until it is stopped.

    start, stop and kill block. Start it on a thread that lasts: the system ends it when that thread ends.
    """

    name: str
    stop_signal: signal.Signals = signal.SIGTERM
    # Whom to become where root starts it.
    user_for_root: str | None = None

    def __init__(self, folder: Path, log: Path | None = None) -> None:
        self.folder = folder
        self.log = log or folder.parent / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        # Called with the id of each process that is started.
        self.spawned: Callable[[int], None] = lambda _: None

    @abstractmethod
    def prepare(self) -> None:
        """Make what the program needs before it starts; do nothing to what is there already."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return the command line of the program."""

    @abstractmethod
    def probe(self) -> bool:
        """Return whether it serves, asked once. Never raises for one that does not."""

    def environment(self) -> Mapping[str, str]:
        """Return the variables that the program is started with."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "TZ": "UTC"}

    def start(self, timeout: float = START_SECONDS) -> Self:
        """Start it, and return when it serves. Raises ServerFailed."""
        self.prepare()
        self.spawn()
        self.wait_until_ready(timeout)
        return self

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the program, and return its process without waiting until it serves."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                launch_command(self.command(), self.stop_signal, self._user()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self.environment(),
                start_new_session=True,
            )
        self.spawned(self.process.pid)
        return self.process

    def wait_until_ready(self, timeout: float = START_SECONDS) -> None:
        """Return when it serves. timeout: seconds. Raises ServerFailed."""
        process = self._running()
        deadline = time.monotonic() + timeout
        while not self.probe():
            if ended_within(process, PROBE_SECONDS):
                raise ServerFailed(f"{self.name} ended with {process.returncode} before it served\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.name} did not serve within {timeout:g} s\n{self.log_tail()}")

    def stop(self, timeout: float = 30.0) -> None:
        """Ask it to end, and make it end if it does not within `timeout` seconds; do nothing if it has ended."""
        process = self.process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self.stop_signal)
            if not ended_within(process, timeout):
                kill_tree(process.pid)
        process.wait()
        end_group(process.pid)
        self.process = None

    def kill(self) -> None:
        """End it as a crash would: it and its children, without a word."""
        process = self._running()
        kill_tree(process.pid)
        process.wait()
        self.process = None

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of its log."""
        return read_tail(self.log, lines)

    def run(self, command: Sequence[str]) -> None:
        """Run one of the server's tools as the server's user. Raises ServerFailed."""
        self.reach(self.folder)
        done = subprocess.run(  # noqa: S603
            launch_command(command, signal.SIGTERM, self._user()),
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ServerFailed(f"{Path(command[0]).name} ended with {done.returncode}\n{done.stdout}")

    def own(self, path: Path) -> None:
        """Give a path to the server's user, if that is another."""
        user = self._user()
        if user is not None:
            shutil.chown(path, user)

    def reach(self, *paths: Path) -> None:
        """Let the server's user, if that is another, pass the folders above some paths. Raises ServerFailed."""
        user = self._user()
        if user is None:
            return
        try:
            for path in paths:
                make_passable(path, user)
        except PermissionError as error:
            raise ServerFailed(f"{self.name}: {error}") from error

    def _user(self) -> str | None:
        return self.user_for_root if os.geteuid() == 0 else None

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            raise ServerFailed(f"{self.name} does not run")
        return self.process

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def launch_command(command: Sequence[str], at_parents_end: signal.Signals, user: str | None = None) -> list[str]:
    """Return a command line whose program gets a signal when this process ends.

    at_parents_end: that signal. user: whom to become; None to stay who one is.
    """
    name = at_parents_end.name.removeprefix("SIG")
    return [sys.executable, "-I", "-S", LAUNCHER, str(os.getpid()), name, user or "", *command]


def ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Return whether a process ends within so many seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill_tree(pid: int) -> None:
    """Send SIGKILL to a process and its descendants, and return when the descendants are gone."""
    try:
        root = psutil.Process(pid)
        root.suspend()  # starts no more children meanwhile
        family = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family[:-1], timeout=10)


def end_group(pid: int) -> None:
    """Send SIGKILL to what a process that has ended left of its group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def read_tail(log: Path, lines: int) -> str:
    """Return the last lines of a file; empty if there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses now, and that meanwhile nobody else is given.

    Neither is it given to a connection to elsewhere.
    """
    while True:
        port = random.choice(NOT_EPHEMERAL)  # noqa: S311 -- two that choose at once are to choose differently
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if sys.platform == "linux":  # others let nobody listen beside a socket that does not
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                _held.append(probe.dup())
            return port
