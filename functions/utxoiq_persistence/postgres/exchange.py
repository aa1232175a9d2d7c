"""A prepared statement's exchange with the server on the event loop: sent without blocking, answered when data come.

Handing a statement to a thread and its rows back costs several times what the exchange itself does, most of it in
waiting for the interpreter's lock (docs/decisions/0004-driver-and-threads.md). What blocks for longer goes to a thread
all the same: connecting, preparing, transactions, COPY.
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
# All rows of the portal, then the end of the transaction.
_EXECUTE_AND_SYNC = b"E\x00\x00\x00\x09\x00\x00\x00\x00\x00" + b"S\x00\x00\x00\x04"
_header = struct.Struct("!ci").unpack_from
_int32 = struct.Struct("!i").pack
_int16 = struct.Struct("!H").pack
_NULL = _int32(-1)


def execution(name: bytes, values: Sequence[str | None]) -> bytes:
    """Bind, Execute and Sync in one message: pg8000 asks for an answer to each, which takes the server three writes."""
    parts = [b"\x00", name, b"\x00\x00", _int16(len(values))]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            data = value.encode()
            parts += (_int32(len(data)), data)
    parts.append(b"\x00\x00")
    bind = b"".join(parts)
    return b"B" + _int32(len(bind) + 4) + bind + _EXECUTE_AND_SYNC


def messages(received: Any) -> Iterator[tuple[bytes, Any, int]]:
    """Those that are whole: their codes and bodies, and where each ends."""
    start, size = 0, len(received)
    while size - start >= HEADER_SIZE:
        code, length = _header(received, start)
        end = start + 1 + length
        if end > size:
            return
        yield code, received[start + HEADER_SIZE : end], end
        start = end


class Exchange:
    """A connection's traffic while it is on the loop: one statement at a time, given up after `silence` seconds."""

    def __init__(self, connection: CoreConnection, silence: float, lost: Callable[[], None]) -> None:
        """lost: called where the link is lost, also while nothing is asked."""
        self._connection = connection
        self._socket = connection._usock
        self._descriptor = self._socket.fileno()
        self._pending: Callable[[], int] = getattr(self._socket, "pending", lambda: 0)  # held back by TLS
        self._silence = silence
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._unsent = memoryview(b"")
        self._context: Context | None = None
        self._done: Done | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._socket.settimeout(0)
        self._loop.add_reader(self._descriptor, self._readable)

    def leave(self) -> None:
        """Gives the socket back, blocking again."""
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        self._socket.settimeout(self._silence)

    def start(self, message: bytes, context: Context, done: Done) -> None:
        """done gets the context when the server is ready for the next statement, or why the link is lost."""
        self._context, self._done = context, done
        self._timer = self._loop.call_later(self._silence, self._give_up, "the server went silent")
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
            self._loop.add_writer(self._descriptor, self._writable)

    def _writable(self) -> None:
        self._loop.remove_writer(self._descriptor)
        self._send()

    def _readable(self) -> None:
        try:
            data = self._socket.recv(RECEIVE_BYTES)
            while held := self._pending():
                data += self._socket.recv(held)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError as error:
            self._give_up(str(error))
            return
        # An idle connection has nothing to say: one that does is being closed by the server.
        if not data or self._context is None:
            self._give_up("network error")
            return
        try:
            self._take(data, self._context)
        except Exception as error:  # what pg8000 makes nothing of: where the next message begins is not known any more
            self._give_up(repr(error))

    def _take(self, data: bytes, context: Context) -> None:
        """Whole messages go to pg8000; the part of one at the end waits for the rest."""
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
        self._received = bytearray(received[taken:])
        if ready:
            self._finish(context, None)

    def _give_up(self, reason: str) -> None:
        try:
            self.leave()
            self._lost()
        finally:
            if self._context is not None:
                self._finish(None, InterfaceError(reason))

    def _finish(self, context: Context | None, error: Exception | None) -> None:
        done, self._done, self._context = self._done, None, None
        if self._timer is not None:
            self._timer.cancel()
        if done is not None:
            done(context, error)
