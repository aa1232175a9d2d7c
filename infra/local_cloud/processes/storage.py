"""Cloud Storage: fake-gcs-server on a folder.

It answers whoever asks, web pages too, and can listen on a port only. With a certificate that no browser trusts, it
speaks to those alone who have been given it.
"""

import http.client
from collections.abc import Sequence
from pathlib import Path

from local_cloud.processes.certificate import trust_only
from local_cloud.processes.server import Server, free_port
from local_cloud.processes.storage_wheel import server_binary


class StorageServer(Server):
    """fake-gcs-server on a folder. Clients find it by STORAGE_EMULATOR_HOST = url.

    certificate: a file as write_certificate makes it, for TLS. public_port: of what stands before it.
    """

    name = "storage"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        log: Path | None = None,
        certificate: Path | None = None,
        public_port: int | None = None,
    ) -> None:
        super().__init__(folder.resolve(), log)
        self.host = "127.0.0.1"
        self.port = port or free_port()
        self._certificate = certificate
        self._public_port = public_port or self.port

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"{self._scheme}://{self.host}:{self.port}"

    @property
    def _scheme(self) -> str:
        return "http" if self._certificate is None else "https"

    def prepare(self) -> None:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def command(self) -> Sequence[str]:
        """Return the server's command line."""
        certificate = self._certificate
        tls = [] if certificate is None else [f"-cert-location={certificate}", f"-private-key-location={certificate}"]
        return [
            str(server_binary()),
            f"-scheme={self._scheme}",
            *tls,
            f"-host={self.host}",
            f"-port={self.port}",
            "-backend=filesystem",
            f"-filesystem-root={self.folder}",
            f"-external-url=http://{self.host}:{self._public_port}",
            f"-public-host={self.host}:{self._public_port}",
            "-log-level=warn",
        ]

    def probe(self) -> bool:
        """Return whether it says that it is healthy."""
        connection = self._connect()
        try:
            connection.request("GET", "/_internal/healthcheck")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self._certificate is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=1)
        context = trust_only(self._certificate)
        return http.client.HTTPSConnection(self.host, self.port, timeout=1, context=context)
