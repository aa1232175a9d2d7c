"""Runs a prepared statement on the event loop: sends it without blocking, and answers when the data have come.

Handing a statement to a thread and its rows back costs several times what the exchange itself does, most of it in
waiting for the interpreter's lock (docs/decisions/0004-driver-and-threads.md). What blocks for longer still goes to a
thread: connecting, preparing, transactions, COPY.
"""

import asyncio
import ssl
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pg8000.core import READY_FOR_QUERY, Context, CoreConnection
from pg8000.exceptions import InterfaceError

Done = Callable[[Context | None, Exception | None], None]

RECEIVE_BYTES = 2**18
HEADER_SIZE = 5
# Execute asks for all rows of the portal; Sync ends the transaction.
EXECUTE = b"E\x00\x00\x00\x09\x00\x00\x00\x00\x00"
SYNC = b"S\x00\x00\x00\x04"
# How long an answer takes before somebody asks whether the server is there at all, in seconds.
SUSPICION_SECONDS = 3.0
_header = struct.Struct("!ci").unpack_from
_int32 = struct.Struct("!i").pack
_int16 = struct.Struct("!H").pack
_NULL = _int32(-1)
_TEXT, _BINARY = _int16(0), _int16(1)


class Binary(bytes):
    """Holds a parameter in PostgreSQL's binary format."""


def binding(name: bytes, values: Sequence[str | Binary | None]) -> bytes:
    """Return the message Bind. With EXECUTE, and SYNC at the end of all, it runs a statement.

    pg8000 asks for an answer to each of the three, which costs the server three writes.

    Args:
        name: The prepared statement's name.
        values: The parameters, each in PostgreSQL's text format or its binary one; None is NULL.
    """
    count = _int16(len(values))
    formats = [_BINARY if isinstance(value, Binary) else _TEXT for value in values]
    parts = [b"\x00", name, *((count, *formats) if _BINARY in formats else (_TEXT,)), count]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            data = value if isinstance(value, Binary) else value.encode()
            parts += (_int32(len(data)), data)
    parts.append(b"\x00\x00")
    bind = b"".join(parts)
    return b"B" + _int32(len(bind) + 4) + bind


def messages(received: Any) -> Iterator[tuple[bytes, Any, int]]:
    """Yield each complete message: its code, its body, and the offset at which it ends."""
    start, size = 0, len(received)
    while size - start >= HEADER_SIZE:
        code, length = _header(received, start)
        end = start + 1 + length
        if end > size:
            return
        yield code, received[start + HEADER_SIZE : end], end
        start = end


class Exchange:
    """Runs one statement at a time on a connection of the event loop."""

    def __init__(self, connection: CoreConnection, silence: float, lost: Callable[[], None]) -> None:
        """Take the connection's socket over.

        Args:
            connection: The connection, whose socket becomes non-blocking.
            silence: The timeout that the socket gets back when the connection leaves the event loop, in seconds.
            lost: Is called when the connection is lost, even while no statement runs.
        """
        self._connection = connection
        self._socket = connection._usock
        self._descriptor = self._socket.fileno()
        self._pending: Callable[[], int] = getattr(self._socket, "pending", lambda: 0)  # what TLS holds back
        self._silence = silence
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._unsent = memoryview(b"")
        self._context: Context | None = None
        self._done: Done | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._socket.settimeout(0)
        self._loop.add_reader(self._descriptor, self._receive)

    def leave(self) -> None:
        """Give the socket back, which is blocking again."""
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        self._socket.settimeout(self._silence)

    def start(self, message: bytes, context: Context, done: Done, patience: float, suspect: Callable[[], None]) -> None:
        """Send a statement.

        Args:
            message: The statement, with all that belongs to it.
            context: Where pg8000 collects the rows.
            done: Is called with the context when the server is ready for the next statement, or with an
                InterfaceError when the connection is lost.
            patience: The number of seconds without an answer after which the connection counts as lost.
            suspect: Is called where the answer takes longer than SUSPICION_SECONDS.
        """
        self._context, self._done = context, done
        if patience <= SUSPICION_SECONDS:
            self._timer = self._loop.call_later(patience, self._fall_silent)
        else:
            self._timer = self._loop.call_later(
                SUSPICION_SECONDS, self._grow_suspicious, patience - SUSPICION_SECONDS, suspect
            )
        self._unsent = memoryview(message)
        self._send()

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            pass
        except OSError as error:
            self._give_up(str(error))
            return
        if self._unsent:
            self._loop.add_writer(self._descriptor, self._resume_sending)

    def _resume_sending(self) -> None:
        self._loop.remove_writer(self._descriptor)
        self._send()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(RECEIVE_BYTES)
            while held := self._pending():
                data += self._socket.recv(held)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError as error:
            self._give_up(str(error))
            return
        # The server sends nothing to an idle connection, except when it closes it.
        if not data or self._context is None:
            self._give_up("network error")
            return
        try:
            self._handle(data, self._context)
        except Exception as error:  # pg8000 cannot read this message, so the start of the next one is not known
            self._give_up(repr(error))

    def _handle(self, data: bytes, context: Context) -> None:
        """Hand complete messages to pg8000, and keep the part of a message at the end until its rest comes."""
        received: Any = data
        if self._received:
            self._received += data
            received = self._received
        taken = 0
        ready = False
        for code, body, end in messages(received):
            self._connection.message_types[code](bytes(body), context)
            ready = ready or code == READY_FOR_QUERY
            taken = end
        if taken:
            self._received = bytearray(received[taken:])
        elif not self._received:
            self._received = bytearray(data)
        if ready:
            self._finish(context, None)

    def _grow_suspicious(self, patience: float, suspect: Callable[[], None]) -> None:
        self._timer = self._loop.call_later(patience, self._fall_silent)
        suspect()

    def _fall_silent(self) -> None:
        self._give_up("the server went silent", TimeoutError())

    def _give_up(self, reason: str, cause: Exception | None = None) -> None:
        try:
            self.leave()
            self._lost()
        finally:
            if self._context is not None:
                error = InterfaceError(reason)
                error.__cause__ = cause
                self._finish(None, error)

    def _finish(self, context: Context | None, error: Exception | None) -> None:
        done, self._done, self._context = self._done, None, None
        if self._timer is not None:
            self._timer.cancel()
        if done is not None:
            done(context, error)
