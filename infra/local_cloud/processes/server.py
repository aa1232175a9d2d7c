"""A server program as a child process: what it takes to start it, to see it ready, and to end it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

PROBE_SECONDS = 0.01
LAUNCHER = str(Path(__file__).with_name("launch.py"))


class ServerFailed(Exception):
    """A server did not start, or ended; the message has the last lines of its log."""


class Server(ABC):
    """start, stop and kill block. Start it on a thread that lasts: the system ends it when that thread ends."""

    name: str
    stop_signal: signal.Signals = signal.SIGTERM
    # Whom to become where root starts it.
    user_for_root: str | None = None

    def __init__(self, folder: Path, log: Path | None = None) -> None:
        self.folder = folder
        self.log = log or folder.parent / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Makes what the program needs before it starts; does nothing to what is there already."""

    @abstractmethod
    def command(self) -> Sequence[str]: ...

    @abstractmethod
    def probe(self) -> bool:
        """Whether it serves, asked once. Never raises for one that does not."""

    def environment(self) -> Mapping[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "TZ": "UTC"}

    def start(self, timeout: float = 30.0) -> Self:
        """Returns when it serves. Raises ServerFailed."""
        self.prepare()
        self.spawn()
        self.wait_until_ready(timeout)
        return self

    def spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                launched(self.command(), self.stop_signal, self._user()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self.environment(),
                start_new_session=True,
            )
        return self.process

    def wait_until_ready(self, timeout: float = 30.0) -> None:
        process = self._running()
        deadline = time.monotonic() + timeout
        while not self.probe():
            if ended_within(process, PROBE_SECONDS):
                raise ServerFailed(f"{self.name} ended with {process.returncode} before it served\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.name} did not serve within {timeout:g} s\n{self.log_tail()}")

    def stop(self, timeout: float = 30.0) -> None:
        """Asks it to end, and makes it end where it does not. Nothing to do where it has ended."""
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
        """Ends it as a crash would: it and its children, without a word."""
        process = self._running()
        kill_tree(process.pid)
        process.wait()
        self.process = None

    def log_tail(self, lines: int = 15) -> str:
        return tail(self.log, lines)

    def run(self, command: Sequence[str]) -> None:
        """One of the server's tools, as the server's user. Raises ServerFailed."""
        done = subprocess.run(  # noqa: S603
            launched(command, signal.SIGTERM, self._user()),
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
        """Gives a path to the server's user, where that is another."""
        user = self._user()
        if user is not None:
            shutil.chown(path, user)

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


def launched(command: Sequence[str], at_parents_end: signal.Signals, user: str | None = None) -> list[str]:
    """The command line that runs another, and lets it outlive this process by no more than that signal takes."""
    name = at_parents_end.name.removeprefix("SIG")
    return [sys.executable, "-I", "-S", LAUNCHER, str(os.getpid()), name, user or "", *command]


def ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill_tree(pid: int) -> None:
    """SIGKILL to a process and its descendants; returns when the descendants are gone."""
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
    """SIGKILL to what a process that has ended left of its group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def tail(log: Path, lines: int) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
