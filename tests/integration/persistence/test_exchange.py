"""Statements on the event loop: over TLS as through the Cloud SQL connector, in pieces, with a server that is lost."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pg8000.dbapi import Connection
from pg8000.native import Connection as Native
from tests.integration.standstill import frozen

from local_cloud.processes.postgres import SOCKET, Postgres
from utxoiq_persistence.config import Settings
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres import presence
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Session, connector
from utxoiq_persistence.postgres.statements import Statement

pytestmark = pytest.mark.anyio

BACKEND = Statement("backend", "SELECT pg_backend_pid()", lambda _: ())
ECHO = Statement("echo", "SELECT $1::text", lambda parameters: (parameters["text"],))
SLEEP = Statement("sleep", "SELECT pg_sleep($1::float8)", lambda parameters: (parameters["seconds"],))
# Longer than a socket's buffer, in both directions.
LONG = "₿" * 3_000_000


@pytest.fixture
def patient_with_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is long takes long on a busy machine, where a new connection may, too: the server is not silent for that."""
    monkeypatch.setattr(presence, "PATIENCE_SECONDS", 60.0)


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Database]:
    """Of one connection."""
    pool = Database(replace(settings.database, pool_size=1, pool_overflow=0), connector(settings.database))
    yield pool
    await pool.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def tls_port(postgres: Postgres, certificate: Path) -> Iterator[int]:
    """Where TLS is taken off before PostgreSQL, as Cloud SQL's server-side proxy does it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(postgres.socket_dir / SOCKET))
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    server = loop.run_until_complete(asyncio.start_server(forward, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()


def _wait_until_asleep(connection: Native, pid: int) -> None:
    while connection.run("SELECT wait_event FROM pg_stat_activity WHERE pid = :pid", pid=pid) != [["PgSleep"]]:
        time.sleep(0.01)


@pytest.mark.usefixtures("patient_with_postgres")
async def test_long_parameters_and_rows_pass_whole(pool: Database) -> None:
    for _ in range(3):
        assert await pool.fetch(ECHO, text=LONG) == [[LONG]]


@pytest.mark.usefixtures("patient_with_postgres")
async def test_the_same_goes_over_tls(settings: Settings, tls_port: int, certificate: Path) -> None:
    def connect() -> Session:
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False
        raw = socket.create_connection(("127.0.0.1", tls_port))
        wrapped = context.wrap_socket(raw)
        connection = Connection(settings.database.user, database=settings.database.name, sock=wrapped)
        return Session(connection, 120)

    pool = Database(replace(settings.database, pool_size=1, pool_overflow=0), connect)
    for text in ("", "short", LONG, "short", LONG):
        assert await pool.fetch(ECHO, text=text) == [[text]]
    await pool.close()


async def test_work_in_a_thread_and_on_the_loop_take_turns_on_one_connection(pool: Database) -> None:
    pids = set()
    for _ in range(5):
        ((pid,),) = await pool.fetch(BACKEND)
        pids.add(pid)
        pids.add(await pool.work("thread", lambda session: session.run(BACKEND)[0][0]))
    assert len(pids) == 1


async def test_a_connection_that_dies_in_a_statement_leaves_its_fate_open(pool: Database, postgres: Postgres) -> None:
    await pool.fetch(SLEEP, seconds=0)
    ((pid,),) = await pool.fetch(BACKEND)
    sleeping = asyncio.create_task(pool.fetch(SLEEP, seconds=30))
    with postgres.connect() as connection:
        await asyncio.to_thread(_wait_until_asleep, connection, pid)
        connection.run("SELECT pg_terminate_backend(:pid)", pid=pid)
    with pytest.raises(DatabaseUnavailable) as caught:
        await sleeping
    assert caught.value.outcome_unknown
    assert await pool.fetch(ECHO, text="again") == [["again"]]


async def test_a_server_that_goes_silent_is_given_up(settings: Settings) -> None:
    pool = Database(replace(settings.database, pool_size=1, pool_overflow=0), connector(settings.database))
    await pool.fetch(ECHO, text="")
    ((pid,),) = await pool.fetch(BACKEND)
    await pool.fetch(BACKEND)
    # Of what is frozen now, and of no other.
    pool._idle[0]._silence, pool._idle[0]._longest = 0.3, 0.1
    with frozen(pid), pytest.raises(DatabaseUnavailable) as caught:
        await pool.fetch(ECHO, text="anybody there?")
    assert caught.value.outcome_unknown
    await pool.close()


async def test_closing_waits_for_statements_that_run(pool: Database) -> None:
    await pool.fetch(SLEEP, seconds=0)
    sleeping = asyncio.create_task(pool.fetch(SLEEP, seconds=0.3))
    await asyncio.sleep(0.05)
    await pool.close()
    assert sleeping.done()
    assert await sleeping == [[""]]
    with pytest.raises(DatabaseUnavailable, match="shutting down"):
        await pool.fetch(ECHO, text="late")
