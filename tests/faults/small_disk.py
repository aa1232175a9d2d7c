"""A disk of memory that can be filled, where this user may mount one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Room for a primary, its standby, and what they log.
BYTES = 768 * 2**20
FILLING = "filling"


@contextmanager
def mounted(folder: Path) -> Iterator[bool]:
    """Mount a small disk on a new folder; yield whether that was allowed."""
    folder.mkdir()
    allowed = os.geteuid() == 0 and not _run("mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", str(folder))
    try:
        yield allowed
    finally:
        if allowed and _run("umount", "--lazy", str(folder)):
            raise OSError(f"{folder} cannot be unmounted")


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / FILLING).open("wb") as file:
        state = os.statvfs(folder)
        os.posix_fallocate(file.fileno(), 0, state.f_bavail * state.f_frsize)


def free(folder: Path) -> None:
    """Take away what fills it."""
    (folder / FILLING).unlink()


def _run(*command: str) -> int:
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode
