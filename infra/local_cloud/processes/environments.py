"""Virtual environments of the functions: one for each distinct requirements.txt, made once."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from uv import find_uv_bin

from local_cloud.errors import DeploymentFailed
from local_cloud.processes.server import read_tail

COMPLETE = "complete"


class Environments:
    """Makes virtual environments for functions."""

    def __init__(self, folder: Path, log: Path, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._log = log
        self._say = say
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ensure(self, requirements: Path) -> Path:
        """Return the folder of an environment with these requirements.

        Raises DeploymentFailed with the installer's words.
        """
        digest = _compute_digest(requirements)
        environment = self._folder / digest
        async with self._locks[digest]:
            if not (environment / COMPLETE).exists():
                self._say(
                    f"installing {_count_packages(requirements)} packages for the functions into {environment.name} …"
                )
                await self._run("venv", "--clear", "--python", sys.executable, str(environment))
                python = str(environment / "bin" / "python")
                await self._run("pip", "sync", "--require-hashes", "--python", python, str(requirements))
                (environment / COMPLETE).touch()
        return environment

    async def _run(self, *arguments: str) -> None:
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                find_uv_bin(),
                *arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_add_index(os.environ),
            )
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
        if code != 0:
            raise DeploymentFailed(f"uv {' '.join(arguments[:2])} ended with {code}\n{read_tail(self._log, 15)}")


def _compute_digest(requirements: Path) -> str:
    return hashlib.sha256(f"{sys.version_info[:2]}\n".encode() + requirements.read_bytes()).hexdigest()[:16]


def _add_index(environment: "os._Environ[str]") -> dict[str, str]:
    """Add the index that is set for pip, whose variables uv does not read."""
    result = dict(environment)
    if "PIP_INDEX_URL" in result:
        result.setdefault("UV_DEFAULT_INDEX", result["PIP_INDEX_URL"])
    return result


def _count_packages(requirements: Path) -> int:
    return sum("==" in line for line in requirements.read_text().splitlines())
