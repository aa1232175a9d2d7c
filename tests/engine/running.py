"""The Pulumi CLI on a copy of the project, with a state, plugins and a home of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.infra.deployment import REPOSITORY

PULUMI = shutil.which("pulumi")
PARTS = ("functions", "sql", "migrations", "docs")
SECONDS = 300


@dataclass
class Ended:
    """What a command wrote, and its exit code."""

    code: int
    text: str

    def succeeded(self) -> str:
        """Return what it wrote. Fails the test where it did not succeed."""
        assert self.code == 0, self.text
        return self.text


@dataclass
class Cli:
    """folder: for everything. environment: on top of this process's own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.project = self.folder / "project"
        self.requests = self.folder / "requests.jsonl"
        binaries = self.folder / "bin"
        for path in (self.project, binaries, self.folder / "state", self.folder / "home"):
            path.mkdir()
        for name in PARTS:
            (self.project / name).symlink_to(REPOSITORY / name)
        shutil.copytree(
            REPOSITORY / "infra", self.project / "infra", symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
        (self.project / ".venv").symlink_to(sys.prefix)
        for file in REPOSITORY.glob("Pulumi*.yaml"):
            shutil.copy(file, self.project)
        _plugins(binaries)
        self.environment |= {
            "PATH": os.pathsep.join([str(binaries), os.environ["PATH"]]),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "only for tests",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_SKIP_CHECKPOINTS": "true",
            "PULUMI_EXPERIMENTAL": "true",
            "STAND_IN_LOG": str(self.requests),
        }

    def run(self, *arguments: str, folder: Path | None = None) -> Ended:
        """`pulumi` with those arguments, in the project's folder or another."""
        return self._ended(
            [str(PULUMI), "--non-interactive", "--color", "never", *arguments], folder or self.project, {}
        )

    def _ended(self, command: list[str], folder: Path, more: Mapping[str, str]) -> Ended:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "PYTHONPATH"))}
        ended = subprocess.run(
            command,
            cwd=folder,
            env={**inherited, **self.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout)

    def deploying(self, *arguments: str) -> Ended:
        """`make preview` and `make deploy`, without the questions to Google."""
        command = [sys.executable, "-m", "commands", *arguments, "--project", str(self.project), "--offline"]
        return self._ended(command, self.project, {"PYTHONPATH": str(REPOSITORY / "infra")})

    def init(self, stack: str) -> None:
        """A stack, with the configuration of its file where the repository has one, of production's otherwise."""
        if not (self.project / f"Pulumi.{stack}.yaml").exists():
            shutil.copy(self.project / "Pulumi.prod.yaml", self.project / f"Pulumi.{stack}.yaml")
        self.run("stack", "init", stack).succeeded()

    def resources(self) -> list[dict[str, Any]]:
        """The current stack's, from its state."""
        found: list[dict[str, Any]] = json.loads(self.run("stack", "export").succeeded())["deployment"].get(
            "resources", []
        )
        return found

    def requested(self, what: str) -> list[Mapping[str, Any]]:
        """The requests to the providers that stand in for Google, of one kind: create, update, delete, invoke."""
        if not self.requests.exists():
            return []
        return [one for one in map(json.loads, self.requests.read_text().splitlines()) if one["what"] == what]


def operations(preview: str) -> dict[str, int]:
    """How many resources a preview in JSON would make, change, replace or leave."""
    summary: dict[str, int] = json.loads(preview[preview.index("{\n") :])["changeSummary"]
    return summary


def _plugins(folder: Path) -> None:
    """Those that are not installed: an own `pulumi-language-python` comes with the CLI's packages."""
    for name in ("gcp", "random"):
        arguments = f"-m tests.engine.stand_ins.provider {version(f'pulumi-{name}')}"
        _script(folder / f"pulumi-resource-{name}", arguments)
    if shutil.which("pulumi-language-python") is None:
        _script(folder / "pulumi-language-python", "-m tests.engine.stand_ins.language_host")


def _script(path: Path, arguments: str) -> None:
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "infra")])
    path.write_text(f'#!/bin/sh\nexport PYTHONPATH="{paths}"\nexec "{sys.executable}" {arguments} "$@"\n')
    path.chmod(0o755)
