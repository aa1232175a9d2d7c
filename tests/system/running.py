"""A local stack as a person has it: by the command line, on a state folder and a port of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import yaml

from local_cloud.processes.server import free_port

T = TypeVar("T")
REPOSITORY = Path(__file__).resolve().parents[2]
# Ends what hangs: beside four busy processes a stack took 100 s to start on a machine of two cores.
START_SECONDS = 600.0
PAUSE = 0.05
# Of the deployer's environment, and so of no function's.
MARKER = "OF_THE_DEPLOYER"


class LocalStack:
    """options: of the command `up`, besides its port."""

    def __init__(self, folder: Path, project: Path = REPOSITORY, options: Sequence[str] = ()) -> None:
        self.state = folder / "state"
        self.project = project
        self.options = options
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._output = folder / "output.txt"
        self._process: subprocess.Popen[bytes] | None = None
        # Each client makes what it takes to speak TLS, which takes longer than a request.
        self._controls = httpx.Client(base_url=f"{self.base_url}/_local/control/", timeout=START_SECONDS)

    @property
    def output(self) -> str:
        return self._output.read_text() if self._output.exists() else ""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def description(self) -> dict[str, Any]:
        """stack.json."""
        content: dict[str, Any] = json.loads((self.state / "stack.json").read_text())
        return content

    @property
    def is_up(self) -> bool:
        """Whether its deployer runs, if only to start or to end."""
        return self._process is not None and self._process.poll() is None

    def begin(self) -> None:
        (self.state / "stack.json").unlink(missing_ok=True)  # of one that was killed
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                self._command("up", "--port", str(self.port), *self.options),
                stdout=output,
                stderr=output,
                env=_environment(),
            )

    def start(self) -> "LocalStack":
        self.begin()
        self.await_started()
        return self

    def await_started(self) -> None:
        until(lambda: (self.state / "stack.json").exists() or self.process.poll() is not None, START_SECONDS)
        assert self.process.poll() is None, self.output

    def await_end(self) -> int:
        return self.process.wait(START_SECONDS)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self._command(*arguments),
            capture_output=True,
            text=True,
            env=_environment(),
            timeout=START_SECONDS,
            check=False,
        )

    def begin_run(self, *arguments: str) -> "subprocess.Popen[str]":
        """As `run`, without waiting for its end."""
        return subprocess.Popen(
            self._command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
        )

    def command(self, *arguments: str) -> dict[str, Any]:
        """What one of `python -m commands` returns."""
        done = subprocess.run(
            [sys.executable, "-m", "commands", *arguments, "--json", "--stack-file", str(self.state / "stack.json")],
            capture_output=True,
            text=True,
            env=_environment(),
            timeout=START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        content: dict[str, Any] = json.loads(done.stdout)
        return content

    def down(self) -> None:
        done = self.run("down")
        assert done.returncode == 0, done.stderr
        self.await_end()

    def end(self) -> None:
        """Whatever state a test left it in."""
        if self.is_up:
            self.process.send_signal(signal.SIGTERM)
            self.await_end()
        self._controls.close()

    def status(self) -> dict[str, Any]:
        return self.control("GET", "status")

    def control(self, method: str, command: str) -> dict[str, Any]:
        """One of the deployer's controls."""
        running = json.loads((self.state / "deployer.json").read_text())
        answer = self._controls.request(method, command, headers={"Authorization": f"Bearer {running['token']}"})
        content: dict[str, Any] = answer.raise_for_status().json()
        return content

    def process_of(self, name: str) -> psutil.Process:
        """One that rests is woken. Raises NoSuchProcess where it is down: psutil takes no id for this process's own."""
        pid: int | None = self.control("POST", f"processes/{name}/wake")["pid"]
        if pid is None:
            raise psutil.NoSuchProcess(-1, name)
        return psutil.Process(pid)

    def await_up(self, name: str, restarts: int) -> None:
        def is_up() -> bool:
            process = self.status()["processes"][name]
            return bool(process["health"] == "up" and process["restarts"] >= restarts)

        until(is_up, START_SECONDS)

    def family(self) -> list[psutil.Process]:
        """The deployer and all that it started."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def _command(self, *arguments: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "local_cloud",
            "--state",
            str(self.state),
            "--project",
            str(self.project),
            *arguments,
        ]


def configured_project(folder: Path, changes: Mapping[str, object]) -> Path:
    """The repository's, with some of the local stack's configuration changed."""
    project = folder / "project"
    project.mkdir()
    for name in ("infra", "docs"):
        (project / name).symlink_to(REPOSITORY / name)
    (project / ".venv").symlink_to(sys.prefix)
    shutil.copy(REPOSITORY / "Pulumi.yaml", project)
    stack = yaml.safe_load((REPOSITORY / "Pulumi.local.yaml").read_text())
    stack["config"] |= {f"utxoiq-persistence:{key}": value for key, value in changes.items()}
    (project / "Pulumi.local.yaml").write_text(yaml.safe_dump(stack))
    return project


def until(look: Callable[[], T], seconds: float, pause: float = PAUSE) -> T:
    """What it sees, once that is something. pause: between two looks."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(pause)
    return found


def listening_ports(processes: list[psutil.Process]) -> set[int]:
    return {port for process in processes for port in _listening_ports(process)}


def _listening_ports(process: psutil.Process) -> set[int]:
    """None of one that has ended meanwhile, as workers of PostgreSQL do."""
    try:
        connections = process.net_connections(kind="tcp4")
    except psutil.NoSuchProcess:
        return set()
    return {connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN}


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _environment() -> Mapping[str, str]:
    roots = os.pathsep.join(str(REPOSITORY / root) for root in ("infra", "functions"))
    return {**os.environ, "PYTHONPATH": roots, "PYTHONUNBUFFERED": "1", MARKER: "1"}
