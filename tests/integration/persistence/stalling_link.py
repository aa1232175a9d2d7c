"""A link to PostgreSQL's socket that can stall: what was sent before stays in it, and is delivered when it wakes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from local_cloud.processes.postgres import SOCKET


class StallingLink:
    """Connections that are opened while the link is stalled pass: only those that were open hold what is sent.

    Attributes:
        held: Is set when a stalled connection holds something.
    """

    def __init__(self, server: Path) -> None:
        self.held = asyncio.Event()
        self._server = server
        self._gates: dict[asyncio.StreamWriter, asyncio.Event] = {}
        self._answering: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._stalled: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def listening(self, folder: Path) -> AsyncIterator[None]:
        server = await asyncio.start_unix_server(self._accept, folder / SOCKET)
        try:
            yield
        finally:
            self.wake()
            server.close()
            for client in list(self._gates):
                client.close()
            await server.wait_closed()

    def turn(self, server: Path) -> None:
        """Lead new connections to another server, by the folder of its socket."""
        self._server = server

    def stall(self) -> None:
        for client, gate in self._gates.items():
            gate.clear()
            self._stalled.add(client)

    def cut(self) -> None:
        """Close the clients' side of what is stalled; what it holds stays in the link."""
        for client in self._stalled:
            client.close()

    def wake(self) -> None:
        for gate in self._gates.values():
            gate.set()

    async def delivered(self) -> None:
        """Wait until the server has dealt with all that was held, and has closed those connections."""
        await asyncio.wait([self._answering[client] for client in self._stalled])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gate = self._gates[writer] = asyncio.Event()
        gate.set()
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(str(self._server / SOCKET))
        except OSError:
            writer.close()
            del self._gates[writer]
            return
        self._answering[writer] = asyncio.create_task(self._answers(server_reader, writer))
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2**16):
                if not gate.is_set():
                    self.held.set()
                await gate.wait()
                server_writer.write(data)
                await server_writer.drain()
        await gate.wait()
        server_writer.close()
        del self._gates[writer]

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass answers on; what the client does not want any more is read all the same."""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2**16):
                if not writer.is_closing():
                    writer.write(data)
        writer.close()
