"""A Cloud SQL instance as its connector sees it: the Admin API's part of it, and TLS in front of PostgreSQL."""

import asyncio
import json
import random
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import google.auth.credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local_cloud.processes.postgres import SOCKET, Postgres

PORT = 3307
PEM = serialization.Encoding.PEM


def loopback() -> str:
    """An address of this machine that no other test uses: the connector's port is always the same."""
    return f"127.{random.randint(2, 250)}.{random.randint(1, 250)}.{random.randint(2, 250)}"  # noqa: S311


class Credentials(google.auth.credentials.Credentials):
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refresh(None)

    def refresh(self, request: object) -> None:
        self.token = "token"
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)


class CloudSql:
    """Attributes: address: where connections are led. lifetime: of the next certificates. calls: of the Admin API."""

    def __init__(self, postgres: Postgres, folder: Path) -> None:
        self.address = loopback()
        self.lifetime = timedelta(hours=1)
        self.calls: list[str] = []
        self.is_away = False
        self._postgres = postgres
        self._folder = folder
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = self._sign(self._key.public_key(), timedelta(days=1), "Cloud SQL")
        self._api = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._api.server_port}"

    @contextmanager
    def serving(self) -> Iterator["CloudSql"]:
        thread = threading.Thread(target=self._api.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._api.shutdown()
            self._api.server_close()
            thread.join()

    @contextmanager
    def listening(self, address: str) -> Iterator[None]:
        """Take TLS off at this address, of clients that have a certificate of this instance."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        file = self._folder / f"{address}.pem"
        private = self._key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(private + self.certificate.encode())
        context.load_cert_chain(file)
        context.load_verify_locations(cadata=self.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        starting = asyncio.start_server(self._forward, address, PORT, ssl=context)
        server = asyncio.run_coroutine_threadsafe(starting, loop).result()
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(_end(server), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(self._postgres.socket_dir / SOCKET))
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    def _sign(self, key: rsa.RSAPublicKey, lifetime: timedelta, name: str) -> str:
        """Return a certificate of this authority, or its own."""
        own = key == self._key.public_key()
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name("Cloud SQL"))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + lifetime)
            .add_extension(x509.BasicConstraints(ca=own, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        return certificate.public_bytes(PEM).decode()

    def _answer(self, path: str, body: bytes) -> dict[str, object]:
        if path.endswith("/connectSettings"):
            return {
                "region": "region",
                "databaseVersion": "POSTGRES_18",
                "ipAddresses": [{"type": "PRIVATE", "ipAddress": self.address}],
                "serverCaCert": {"cert": self.certificate},
            }
        key = serialization.load_pem_public_key(json.loads(body)["public_key"].encode())
        assert isinstance(key, rsa.RSAPublicKey)
        return {"ephemeralCert": {"cert": self._sign(key, self.lifetime, "a client")}}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        instance = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                instance.calls.append(self.path.rpartition("/")[2])
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(403 if instance.is_away else 200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(instance._answer(self.path, body)).encode())

            do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        return Handler


async def _end(server: asyncio.Server) -> None:
    """Close the server, and what is connected to it."""
    server.close()
    connected = asyncio.all_tasks() - {asyncio.current_task()}
    for task in connected:
        task.cancel()
    await asyncio.wait(connected or {asyncio.create_task(asyncio.sleep(0))})


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
