"""The one deployer that runs on a state folder, and how others find it."""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from local_cloud.errors import DeploymentFailed
from local_cloud.processes.server import PROBE_SECONDS
from local_cloud.processes.supervisor import find_leftovers, is_running, kill_leftovers
from local_cloud.state import State, write_private

FILE = "deployer.json"
LOCK = "lock"


@dataclass(frozen=True)
class Running:
    """A deployer that runs. token: for its controls."""

    pid: int
    created: float
    base_url: str
    token: str


class AlreadyRunning(Exception):
    """Another deployer holds the state folder."""

    def __init__(self, running: Running) -> None:
        super().__init__(f"it runs already, at {running.base_url}")
        self.running = running


@contextmanager
def hold_state(folder: Path, base_url: str) -> Iterator[Running]:
    """Hold the state folder: the lock goes with the process, however that ends. Raises AlreadyRunning."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            running = find_running(folder)
            if running is None:
                raise DeploymentFailed(f"another process holds {folder / LOCK}; try again in a moment") from None
            raise AlreadyRunning(running) from None
        pid = os.getpid()
        own = Running(pid, psutil.Process(pid).create_time(), base_url, secrets.token_urlsafe(32))
        write_private(folder / FILE, json.dumps(asdict(own)))
        try:
            yield own
        finally:
            (folder / FILE).unlink(missing_ok=True)


def end_deployer(running: Running, seconds: float) -> bool:
    """Ask a deployer to stop, and return whether it did within so many seconds; it is killed where it did not."""
    try:
        process = psutil.Process(running.pid)
        process.terminate()
        process.resume()  # one that was stopped, by Ctrl-Z for example, would not see the request
    except psutil.NoSuchProcess:
        return True
    deadline = time.monotonic() + seconds
    while is_running(running.pid, running.created):
        if time.monotonic() > deadline:
            process.kill()
            return False
        time.sleep(PROBE_SECONDS)
    return True


def await_leftovers(folder: Path, seconds: float, say: Callable[[str], None]) -> list[str]:
    """Wait for the servers of a deployer that was killed, which end by themselves; return which those were.

    What has not ended after so many seconds is killed. The state is read only: the next deployer may be about to start.
    """
    if not folder.exists():
        return []
    state = State(folder)
    left = waited = find_leftovers(state)
    deadline = time.monotonic() + seconds
    if left:
        say(f"waiting for what a killed deployer has left: {', '.join(left)} …")
    while left and time.monotonic() < deadline:
        time.sleep(PROBE_SECONDS)
        left = find_leftovers(state)
    kill_leftovers(state)
    return waited


def find_running(folder: Path) -> Running | None:
    """Return the deployer that runs on a state folder; None if there is none."""
    try:
        running = Running(**json.loads((folder / FILE).read_text()))
    except FileNotFoundError:
        return None
    return running if is_running(running.pid, running.created) else None
