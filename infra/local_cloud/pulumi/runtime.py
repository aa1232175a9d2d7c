"""The Python that runs a project's program and its dynamic resources, found as Pulumi's engine finds it.

The engine looks in two places. The language host takes `virtualenv` from the folder of Pulumi.yaml; the host of dynamic
providers is started in the program's folder, and takes it from there.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cloud.errors import DeploymentFailed

COMMAND = "PULUMI_PYTHON_CMD"
# `auto` looks for the lock file of uv or Poetry; without one, pip's rules hold, which are those below.
TOOLCHAINS = ("auto", "pip")
LOCK_FILES = {"uv.lock": "uv", "poetry.lock": "poetry"}


@dataclass(frozen=True)
class Runtime:
    """virtualenv: as Pulumi.yaml has it; None where the project names none. root: the folder of Pulumi.yaml."""

    root: Path
    program: Path
    virtualenv: str | None = None

    def program_interpreter(self) -> Path:
        """Return the interpreter that runs the program. Raises DeploymentFailed where there is none."""
        return self._interpreter(self.root)

    def dynamic_interpreter(self) -> Path:
        """Return the interpreter that hosts dynamic providers. Raises DeploymentFailed where there is none."""
        return self._interpreter(self.program)

    def _interpreter(self, folder: Path) -> Path:
        if self.virtualenv is None:
            return _on_path()
        environment = folder / self.virtualenv
        interpreter = environment / "bin/python"
        if not interpreter.is_file():
            raise DeploymentFailed(
                f"runtime.options.virtualenv of Pulumi.yaml is {self.virtualenv!r}, "
                f"and {environment} is no virtual environment"
            )
        return interpreter


def from_description(declared: object, root: Path, program: Path) -> Runtime:
    """Return the runtime of Pulumi.yaml. Raises DeploymentFailed, by its name, for what is not honoured here."""
    runtime: Mapping[str, Any] = declared if isinstance(declared, Mapping) else {"name": declared}
    _refuse_unknown("runtime", runtime, ("name", "options"))
    if runtime.get("name") != "python":
        raise DeploymentFailed(f"runtime of Pulumi.yaml is {runtime.get('name')!r}; the local deployer runs python")
    options = runtime.get("options") or {}
    _refuse_unknown("runtime.options", options, ("virtualenv", "toolchain"))
    toolchain = options.get("toolchain", "auto")
    if toolchain not in TOOLCHAINS:
        raise _not_honoured(f"runtime.options.toolchain {toolchain!r}")
    if toolchain == "auto":
        _refuse_lock_files(program)
    return Runtime(root, program, _virtualenv(options))


def _virtualenv(options: Mapping[str, Any]) -> str | None:
    chosen = options.get("virtualenv")
    if chosen is not None and not isinstance(chosen, str):
        raise DeploymentFailed(f"runtime.options.virtualenv of Pulumi.yaml is {chosen!r}: set it to a folder")
    return chosen or None


def _refuse_unknown(path: str, declared: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in declared:
        if name not in known:
            raise _not_honoured(f"{path}.{name}")


def _refuse_lock_files(program: Path) -> None:
    """`auto` follows the first lock file on the way up from the program."""
    for folder in (program, *program.parents):
        for name, toolchain in LOCK_FILES.items():
            if (folder / name).exists():
                raise DeploymentFailed(
                    f"{folder / name} makes {toolchain} the toolchain of Pulumi's engine, which the local deployer "
                    "does not honour: set runtime.options.toolchain of Pulumi.yaml to pip"
                )


def _not_honoured(what: str) -> DeploymentFailed:
    return DeploymentFailed(f"Pulumi.yaml sets {what}, which the local deployer does not honour")


def _on_path() -> Path:
    chosen = os.environ.get(COMMAND)
    for command in (chosen,) if chosen else ("python3", "python"):
        found = shutil.which(command)
        if found:
            return Path(found)
    raise DeploymentFailed(f"there is no {chosen or 'python3'} on the PATH to run the program with")
