"""Folders of unix sockets: short enough for the address of a socket, and for one user alone.

Nothing comes in by them from a browser, whatever page is open in it, nor from another user of the machine.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from local_cloud.processes.server import ServerFailed

# sun_path, less the final NUL.
MAX_SOCKET_PATH = 107
# Of a function's name, and what its server adds to it.
LONGEST_NAME = "x" * 70


def choose_socket_folder(beside: Path, longest: str) -> Path:
    """Return a folder beside the data, or if that is too long, one for temporary files. longest: name of a socket."""
    return beside if len(str(beside / longest)) <= MAX_SOCKET_PATH else choose_temporary_folder(beside)


def choose_temporary_folder(beside: Path) -> Path:
    """Return a folder for temporary files, always the same for the same data."""
    digest = hashlib.sha256(str(beside).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"utxoiq-{digest}"


def make_socket_folder(folder: Path, uid: int, gid: int) -> None:
    """Make a folder for one user, unless it is there. Raises ServerFailed for one that is somebody else's."""
    folder.mkdir(exist_ok=True, mode=0o700)
    try:
        # What is there itself, and not where a link leads: other users may put things beside it.
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise ServerFailed(f"{folder} is no folder; remove it") from error
    try:
        if os.fstat(opened).st_uid not in (os.geteuid(), uid):
            raise ServerFailed(f"{folder} belongs to somebody else; remove it")
        os.fchmod(opened, 0o700)
        os.fchown(opened, uid, gid)
    finally:
        os.close(opened)


class Sockets:
    """The sockets of what runs as the deployer's own user."""

    def __init__(self, state: Path) -> None:
        self._folder = choose_socket_folder(state / "sockets", LONGEST_NAME)

    def path(self, name: str) -> Path:
        """Return where a part listens, always the same. Raises ServerFailed if its folder is somebody else's."""
        make_socket_folder(self._folder, os.geteuid(), os.getegid())
        return self._folder / name

    def remove(self) -> None:
        """Remove what is left of them."""
        shutil.rmtree(self._folder, ignore_errors=True)
