"""PostgreSQL as an instance of Cloud SQL: it archives its WAL, can be backed up, and its data can be replaced."""

import os
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local_cloud.google.cloud_sql import manifest
from local_cloud.google.cloud_sql.wal import SUFFIX
from local_cloud.processes.postgres import HBA, SUPERUSER, Postgres
from local_cloud.processes.postgres_wheel import binaries
from local_cloud.processes.server import PROBE_SECONDS, ServerFailed

# Not by the link of a virtual environment: as the server's user runs it, that would be one more way to make passable.
PYTHON = os.path.realpath(sys.executable)
WAL_SCRIPT = str(Path(__file__).with_name("wal.py"))
ARCHIVE_SECONDS = 60.0
RECOVERY_SECONDS = 3600.0


class ManagedPostgres(Postgres):
    """A PostgreSQL server that archives its log and can be recovered.

    wal: the archive's folder. supervised: whether somebody else starts the server again when it ends.
    """

    def __init__(
        self,
        folder: Path,
        *,
        wal: Path,
        supervised: bool = False,
        port: int | None = None,
        password: str,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        super().__init__(folder, port=port, password=password, settings=settings, log=log)
        self.wal = wal.resolve()
        self.supervised = supervised
        self._recovery: Mapping[str, str] = {}
        self._data = threading.Lock()

    def prepare(self) -> None:
        """Make the data and the archive's folder, and let backups in by the socket."""
        with self._data:
            self.owned_folder(self.wal)
            self.reach(Path(PYTHON), Path(WAL_SCRIPT))
            super().prepare()
            self._write("pg_hba.conf", HBA + "local replication all peer map=owner\n")

    def owned_folder(self, path: Path) -> Path:
        """Make a folder, with those above it, give it to the server's user, and return it."""
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.own(path)
        self.reach(path)
        return path

    def serves(self) -> bool:
        """Return whether the server runs and takes connections."""
        return self.process is not None and self.process.poll() is None and self.probe()

    def back_up(self, folder: Path) -> None:
        """Write a base backup into an empty folder, with its manifest of checksums. Raises ServerFailed."""
        self.owned_folder(folder)
        self.run(
            [
                str(binaries() / "pg_basebackup"),
                f"--pgdata={folder}",
                f"--host={self.socket_dir}",
                f"--port={self.port}",
                f"--username={SUPERUSER}",
                "--checkpoint=fast",
                f"--manifest-checksums={manifest.ALGORITHM}",
                "--wal-method=stream",
                "--no-sync",
            ]
        )

    def archive_all(self) -> None:
        """Return when everything that is committed now is in the archive. Raises ServerFailed."""
        connection = self.connect()
        try:
            # A commit of its own, so that whatever moment up to now is asked for, a later commit ends the recovery.
            connection.run("SELECT pg_logical_emit_message(true, 'archive', '')")
            ((name,),) = connection.run("SELECT pg_walfile_name(pg_switch_wal())")
        finally:
            connection.close()
        archived = self.wal / f"{name}{SUFFIX}"
        deadline = time.monotonic() + ARCHIVE_SECONDS
        while not archived.exists():
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} did not archive {name}\n{self.log_tail()}")
            time.sleep(PROBE_SECONDS)

    def recover(
        self, fill: Callable[[Path], None], archive: Path, target: Mapping[str, str], new_archive: Path
    ) -> None:
        """Replace the data by a base backup and what the archive has beyond it, up to the target, and serve again.

        fill: puts the base backup into an empty folder. new_archive: what comes after goes there, apart from the log of
        the replaced data. Raises ServerFailed.
        """
        former = self.folder.with_name(f"{self.folder.name}.replaced")
        self.reach(archive)
        with self._hold_stopped():
            if self.folder.exists():
                self.folder.rename(former)
            fill(self.owned_folder(self.folder))
            self.wal = new_archive.resolve()
            self._recovery = {
                "restore_command": format_restore_command(archive, self.folder),
                "recovery_target_timeline": "current",
                "recovery_target_action": "promote",
                "hot_standby": "off",
                **target,
            }
            self._write("recovery.signal", "")
        self._await_recovery()
        self._recovery = {}
        if former.exists():
            shutil.rmtree(former)

    def remove(self) -> None:
        """Stop the server, and delete its data and its archive."""
        self.stop()
        for path in (self.folder, self.wal):
            if path.exists():
                shutil.rmtree(path)

    @contextmanager
    def _hold_stopped(self) -> Iterator[None]:
        """Stop the server, and keep it from starting within the block."""
        with self._data:
            process = self.process
            if process is not None and process.poll() is None:
                process.send_signal(self.stop_signal)
                process.wait()
            yield

    def _await_recovery(self) -> None:
        if not self.supervised:
            self.start(RECOVERY_SECONDS)
            return
        deadline = time.monotonic() + RECOVERY_SECONDS
        while not self.serves():
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} did not recover\n{self.log_tail()}")
            time.sleep(PROBE_SECONDS)

    def _settings(self) -> dict[str, str]:
        return {
            # A recovery completes the archive first (archive_all), so files need not be closed for their age.
            "archive_timeout": "3600",
            **super()._settings(),
            "archive_mode": "on",
            "archive_command": f"{_format_command('archive')} %p {_quote(os.path.relpath(self.wal, self.folder))}",
            **self._recovery,
        }


def copy_backup(server: Postgres, backup: Path, folder: Path) -> None:
    """Copy a base backup into a folder, as the server's user. Raises ServerFailed."""
    server.reach(backup)
    server.run([shutil.which("cp") or "/bin/cp", "-Rp", f"{backup}{os.sep}.", str(folder)])


def format_restore_command(archive: Path, folder: Path) -> str:
    """Return the restore_command of a server that recovers from an archive. folder: its data.

    The server runs it there, and finds the archive from there, whoever may pass the folders above both.
    """
    return f"{_format_command('restore', os.path.relpath(archive, folder))} %f %p"


def _format_command(verb: str, *folders: str) -> str:
    return " ".join([_quote(PYTHON), "-I", "-S", _quote(WAL_SCRIPT), verb, *map(_quote, folders)])


def _quote(text: object) -> str:
    return shlex.quote(str(text)).replace("%", "%%")
