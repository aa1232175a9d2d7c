"""Cloud Storage: fake-gcs-server on a folder."""

import http.client
from collections.abc import Sequence
from pathlib import Path

from local_cloud.processes.server import Server, free_port
from local_cloud.processes.storage_wheel import server_binary


class StorageServer(Server):
    """fake-gcs-server on a folder. Clients find it by STORAGE_EMULATOR_HOST = url."""

    name = "storage"

    def __init__(self, folder: Path, *, port: int | None = None, log: Path | None = None) -> None:
        super().__init__(folder.resolve(), log)
        self.host = "127.0.0.1"
        self.port = port or free_port()

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://{self.host}:{self.port}"

    def prepare(self) -> None:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def command(self) -> Sequence[str]:
        """Return the server's command line."""
        return [
            str(server_binary()),
            "-scheme=http",
            f"-host={self.host}",
            f"-port={self.port}",
            "-backend=filesystem",
            f"-filesystem-root={self.folder}",
            f"-external-url={self.url}",
            f"-public-host={self.host}:{self.port}",
            "-log-level=warn",
        ]

    def probe(self) -> bool:
        """Return whether it says that it is healthy."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=1)
        try:
            connection.request("GET", "/_internal/healthcheck")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
