"""A connection pooler in front of the database is refused by name, whichever way it shows."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from local_cloud.processes.postgres import SOCKET, Postgres
from utxoiq_persistence.config import Settings
from utxoiq_persistence.errors import ConfigurationError, DatabaseUnavailable
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.postgres.statements import Statement

pytestmark = pytest.mark.anyio

ONE = Statement("one", "SELECT 1", lambda _: ())
KEY_DATA = b"K\x00\x00\x00\x0c"
REFUSAL = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: array_nulls\0\0"

Pass = Callable[[bytes], bytes]


def own_key(answer: bytes) -> bytes:
    """PgBouncer gives its clients keys of its own, since their transactions move between the server's processes."""
    before, found, after = answer.partition(KEY_DATA)
    return before + found + b"\x7f\x00\x00\x01" + after[4:] if found else answer


def refusal(_: bytes) -> bytes:
    """PgBouncer knows few settings, and ends a connection that asks for another."""
    return b"E" + (len(REFUSAL) + 4).to_bytes(4, "big") + REFUSAL


@asynccontextmanager
async def pooler(folder: Path, server: Path, passed: Pass) -> AsyncIterator[None]:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(server / SOCKET))

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, change: Pass) -> None:
            while data := await source.read(2**16):
                sink.write(change(data))
            sink.close()

        await asyncio.gather(copy(reader, inner_writer, lambda data: data), copy(inner_reader, writer, passed))

    listener = await asyncio.start_unix_server(accept, folder / SOCKET)
    try:
        yield
    finally:
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize("passed", [own_key, refusal])
async def test_a_pooler_is_refused_by_name(
    settings: Settings, postgres: Postgres, tmp_path: Path, passed: Pass
) -> None:
    behind = replace(settings.database, socket_dir=str(tmp_path))
    async with pooler(tmp_path, postgres.socket_dir, passed):
        database = Database(behind, connector(behind))
        with pytest.raises(DatabaseUnavailable, match="a connection pooler is in front of the database"):
            await database.fetch(ONE)
        with pytest.raises(ConfigurationError, match="managed connection pooling"):
            await asyncio.to_thread(schema.upgrade, behind, {})
        await database.close()
