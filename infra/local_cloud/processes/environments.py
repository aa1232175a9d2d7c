"""Virtual environments of the functions: one for each distinct requirements.txt, made once for all stacks of a user."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from uv import find_uv_bin

from local_cloud.errors import DeploymentFailed
from local_cloud.processes.server import read_tail

FOLDER = Path("utxoiq-local", "venvs")
COMPLETE = "complete"
LOCK = ".lock"
# Between two looks at a lock that another deployer holds while it installs.
LOOK_SECONDS = 0.1
# An environment that no stack has taken for so long is removed.
UNUSED_SECONDS = 30 * 24 * 3600.0


def choose_folder(beside: Path) -> Path:
    """Return where environments are kept: in the user's cache, or in `beside` where there is none to write to.

    What was kept in `beside` before is removed where it is not needed any more.
    """
    with suppress(OSError, RuntimeError):  # RuntimeError where the user has no home
        shared = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / FOLDER
        shared.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(shared, os.W_OK):
            shutil.rmtree(beside, ignore_errors=True)
            return shared.resolve()
    beside.mkdir(parents=True, exist_ok=True, mode=0o700)
    return beside


class Environments:
    """Makes virtual environments for functions.

    Deployers share a folder of them. A lock file beside an environment is held alone by whoever makes or removes it,
    and together by those who run functions in it. It goes with the process, however that ends.
    """

    def __init__(self, folder: Path, log: Path, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._log = log
        self._say = say
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._used: dict[str, IO[str]] = {}

    async def ensure(self, requirements: Path) -> Path:
        """Return the folder of an environment with these requirements, which stays while this process lives.

        Raises DeploymentFailed with the installer's words.
        """
        digest = _compute_digest(requirements)
        environment = self._folder / digest
        async with self._locks[digest]:
            if digest not in self._used:
                self._used[digest] = await self._take(environment, requirements)
        return environment

    def release(self) -> None:
        """Let others remove the environments."""
        while self._used:
            self._used.popitem()[1].close()

    async def _take(self, environment: Path, requirements: Path) -> IO[str]:
        """Return the lock of an environment that is complete, held together with others."""
        lock = _open_lock(environment)
        try:
            await _hold_what_fits(environment, lock)
            if _is_complete(environment):
                (environment / COMPLETE).touch()  # says when it was used last
            else:
                await self._make(environment, requirements)
                self._remove_unused()
            fcntl.flock(lock, fcntl.LOCK_SH)
        except BaseException:
            lock.close()
            raise
        return lock

    async def _make(self, environment: Path, requirements: Path) -> None:
        self._say(f"installing {_count_packages(requirements)} packages for the functions into {environment.name} …")
        await self._run("venv", "--clear", "--python", sys.executable, str(environment))
        python = str(environment / "bin" / "python")
        await self._run("pip", "sync", "--require-hashes", "--python", python, str(requirements))
        (environment / COMPLETE).touch()

    def _remove_unused(self) -> None:
        for complete in self._folder.glob(f"*/{COMPLETE}"):
            if _is_unused(complete):
                with _open_lock(complete.parent) as lock:
                    if _try_to_hold(lock, fcntl.LOCK_EX) and _is_unused(complete):
                        complete.unlink()  # first: what is left half-way is then made anew
                        shutil.rmtree(complete.parent)

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


def _open_lock(environment: Path) -> IO[str]:
    return environment.with_suffix(LOCK).open("a")


async def _hold_what_fits(environment: Path, lock: IO[str]) -> None:
    """Return once the lock is held: together with others for an environment that is complete, alone otherwise."""
    while True:
        was_complete = _is_complete(environment)
        if _try_to_hold(lock, fcntl.LOCK_SH if was_complete else fcntl.LOCK_EX):
            # Whoever holds it alone may have found that another one has made it meanwhile, which does no harm.
            if _is_complete(environment) or not was_complete:
                return
            fcntl.flock(lock, fcntl.LOCK_UN)
        await asyncio.sleep(LOOK_SECONDS)


def _try_to_hold(lock: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_complete(environment: Path) -> bool:
    return (environment / COMPLETE).exists()


def _is_unused(complete: Path) -> bool:
    try:
        return time.time() - complete.stat().st_mtime > UNUSED_SECONDS
    except FileNotFoundError:  # another deployer has removed it
        return False


def _compute_digest(requirements: Path) -> str:
    interpreter = (sys.version, sys.base_prefix, os.path.realpath(sys.executable))
    return hashlib.sha256(f"{interpreter}\n".encode() + requirements.read_bytes()).hexdigest()[:16]


def _add_index(environment: "os._Environ[str]") -> dict[str, str]:
    """Add the index that is set for pip, whose variables uv does not read."""
    result = dict(environment)
    if "PIP_INDEX_URL" in result:
        result.setdefault("UV_DEFAULT_INDEX", result["PIP_INDEX_URL"])
    return result


def _count_packages(requirements: Path) -> int:
    return sum("==" in line for line in requirements.read_text().splitlines())
