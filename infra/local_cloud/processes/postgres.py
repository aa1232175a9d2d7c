"""PostgreSQL, as the programs of a wheel, on a folder of its own.

Programs of whoever started it come in by a socket, without a password: the socket stands for the Cloud SQL connector
with IAM authentication, and the kernel says whose program it is. People come in by TCP on 127.0.0.1, with a password.
"""

import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pg8000.native
import psutil

from local_cloud.processes.postgres_wheel import binaries
from local_cloud.processes.server import Server, free_port, kill_tree
from local_cloud.processes.socket_folders import choose_socket_folder, choose_temporary_folder, make_socket_folder

SUPERUSER = "postgres"
# The name that programs expect, whatever the port is.
SOCKET = ".s.PGSQL.5432"


HBA = """\
local all all peer map=owner
host  all all 127.0.0.1/32 scram-sha-256
"""


class Postgres(Server):
    """A PostgreSQL server.

    folder: the data. settings: of postgresql.conf, beyond the defaults. port: the kernel's choice if None. socket_dir
    holds .s.PGSQL.5432 whatever the port is.
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # fast: rolls back what runs, then ends cleanly
    user_for_root = "nobody"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        password: str,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        super().__init__(folder.resolve(), log)
        self.host = "127.0.0.1"
        self.port = port or free_port()
        self.user = SUPERUSER
        self.password = password
        self.settings = dict(settings or {})
        self.socket_dir = _choose_socket_dir(self.folder)

    @property
    def initialised(self) -> bool:
        """Return whether there are data."""
        return (self.folder / "PG_VERSION").exists()

    def prepare(self) -> None:
        """Make the data unless they are there, and write the configuration. Raises ServerFailed."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        self.own(self.folder)
        self.reach(self.folder, binaries() / "postgres", self.socket_dir)
        self._end_leftover()
        if not self.initialised:
            self._initialise()
        self._write("pg_hba.conf", HBA)
        self._write("pg_ident.conf", self._idents())
        self._write_settings()
        server = self.folder.stat()
        make_socket_folder(self.socket_dir, server.st_uid, server.st_gid)
        socket = self.socket_dir / SOCKET
        socket.unlink(missing_ok=True)
        if self.port != 5432:
            socket.symlink_to(f".s.PGSQL.{self.port}")

    def command(self) -> Sequence[str]:
        """Return the server's command line."""
        return [str(binaries() / "postgres"), "-D", str(self.folder)]

    def probe(self) -> bool:
        """Return whether it serves, by the last line of postmaster.pid, which the server itself keeps."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return (
            self.process is not None
            and len(lines) >= 8
            and lines[0].strip() == str(self.process.pid)
            and lines[7].strip() == "ready"
        )

    def connect(self, user: str = SUPERUSER, database: str = "postgres") -> pg8000.native.Connection:
        """Return a connection by the socket, which lets in anybody who may enter its folder."""
        return pg8000.native.Connection(
            user,
            database=database,
            unix_sock=str(self.socket_dir / SOCKET),
            ssl_context=False,  # pg8000 makes one otherwise, which takes ten times as long as to connect
        )

    def url(self, database: str = "postgres") -> str:
        """Return how people connect, with the password."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def stop(self, timeout: float = 30.0) -> None:
        """Stop the server and remove its sockets."""
        super().stop(timeout)
        self.clear_sockets()

    def clear_sockets(self) -> None:
        """Remove the sockets: a server that ends cleanly leaves only our link; a crash leaves its sockets too."""
        if not self.socket_dir.exists():
            return
        for left in self.socket_dir.glob(".s.PGSQL.*"):
            left.unlink()
        self.socket_dir.rmdir()

    def _idents(self) -> str:
        """Return who may log in as whom by the socket: the owner as anybody, the server's own tools as superuser."""
        owner, server = (pwd.getpwuid(uid).pw_name for uid in (os.geteuid(), self.folder.stat().st_uid))
        lines = [f'owner "{owner}" all\n', f'owner "{server}" {SUPERUSER}\n']
        return "".join(lines if server != owner else lines[:1])

    def _end_leftover(self) -> None:
        """End a server of an earlier run, and remove its postmaster.pid, which might keep another from starting."""
        pid_file = self.folder / "postmaster.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text().partition("\n")[0])
        try:
            process = psutil.Process(pid)
            if str(self.folder) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                process.send_signal(self.stop_signal)
                process.wait(10)
        except psutil.NoSuchProcess:
            pass
        except psutil.TimeoutExpired:
            kill_tree(pid)
        pid_file.unlink(missing_ok=True)

    def _settings(self) -> dict[str, str]:
        return {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "password_encryption": "scram-sha-256",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "shared_buffers": "128MB",
            **self.settings,
        }

    def _initialise(self) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self.folder.parent, prefix="password-") as file:
            file.write(self.password)
            file.flush()
            self.own(Path(file.name))
            self.run(
                [
                    str(binaries() / "initdb"),
                    f"--pgdata={self.folder}",
                    f"--username={SUPERUSER}",
                    f"--pwfile={file.name}",
                    "--encoding=UTF8",
                    "--locale-provider=builtin",
                    "--locale=C.UTF-8",
                    "--auth=scram-sha-256",
                    "--no-sync",
                ]
            )
        with (self.folder / "postgresql.conf").open("a") as configuration:
            configuration.write("include 'local.conf'\n")

    def _write_settings(self) -> None:
        self._write("local.conf", "".join(f"{name} = {_quote(value)}\n" for name, value in self._settings().items()))

    def _write(self, name: str, content: str, folder: Path | None = None) -> None:
        """Put a file into the data, or into another folder of the server's user.

        It is a new one: to write through a link that was there would give that user the rights of whoever writes here.
        """
        path = (folder or self.folder) / name
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)
            server = self.folder.stat() if folder is None else folder.stat()
            os.fchown(file.fileno(), server.st_uid, server.st_gid)


def list_settings() -> frozenset[str]:
    """Return the names of settings that this build knows, without those of extensions that it lacks."""
    described = subprocess.run(  # noqa: S603
        [binaries() / "postgres", "--describe-config"], capture_output=True, text=True, check=True
    )
    return frozenset(line.partition("\t")[0] for line in described.stdout.splitlines())


def _choose_socket_dir(folder: Path) -> Path:
    """Return where the sockets are: never beside root's data, since the server's user has to pass the folders above."""
    beside = folder.with_name(f"{folder.name}-socket")
    if os.geteuid() == 0:
        return choose_temporary_folder(beside)
    return choose_socket_folder(beside, ".s.PGSQL.65535.lock")


def _quote(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
