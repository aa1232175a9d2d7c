"""A closed-loop load generator in a process of its own: each connection sends its next request when it has its answer.

Requests come in encoded and answers are read no further than their length, so that it costs little beside what it
measures: against a server that does nothing it reaches what wrk reaches, which would have to be installed first.
"""

import gc
import itertools
import select
import socket
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

BUFFER = 256 * 1024
CONNECTIONS = 32
STALL_SECONDS = 30.0


class Load(Struct):
    """requests: bytes as they go over the wire, sent in turn. The first warm_up seconds are not counted."""

    port: int
    requests: list[bytes]
    seconds: float
    warm_up: float = 0.5
    connections: int = CONNECTIONS


class Figures(Struct):
    """Of one run. Times in milliseconds. answers: all, warm-up too. failures: other than 2xx; failure: the first."""

    rate: float
    p50: float
    p99: float
    answers: int
    failures: int
    failure: str


class LoadFailed(Exception):
    """The generator ended without figures."""


def request(method: str, path: str, headers: Sequence[tuple[str, str]] = (), body: bytes | None = None) -> bytes:
    """As a client of a load balancer sends it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def run(load: Load) -> Figures:
    """Raises LoadFailed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.load"],
        input=msgspec.msgpack.encode(load),
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        raise LoadFailed(f"the load generator ended with {done.returncode}")
    return msgspec.msgpack.decode(done.stdout, type=Figures)


class _Connection:
    """left: bytes of the present answer still to come."""

    __slots__ = ("left", "sent", "socket")

    def __init__(self, port: int) -> None:
        # Blocking: it is read only when there is something.
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.left = 0
        self.sent = 0.0

    def send(self, data: bytes) -> None:
        self.sent = time.perf_counter()
        self.socket.sendall(data)


class _Run:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._requests: Iterator[bytes] = itertools.cycle(load.requests)
        self._buffer = bytearray(BUFFER)
        self._latencies = array("d")
        self._answers = 0
        self._failures = 0
        self._failure = ""

    def figures(self) -> Figures:
        poll = select.poll()
        connections = {}
        for _ in range(self._load.connections):
            connection = _Connection(self._load.port)
            connections[connection.socket.fileno()] = connection
            poll.register(connection.socket, select.POLLIN)
            connection.send(next(self._requests))
        counted_from = time.perf_counter() + self._load.warm_up
        end = counted_from + self._load.seconds
        now = 0.0
        while now < end:
            ready = poll.poll(STALL_SECONDS * 1000)
            if not ready:
                raise LoadFailed(f"the server said nothing for {STALL_SECONDS:g} s")
            for descriptor, _ in ready:
                connection = connections[descriptor]
                if not self._receive(connection):
                    continue
                now = time.perf_counter()
                self._answers += 1
                if now >= counted_from:
                    self._latencies.append(now - connection.sent)
                connection.send(next(self._requests))
        return self._summary(now - counted_from)

    def _receive(self, connection: _Connection) -> bool:
        """Whether the answer is whole."""
        size = connection.socket.recv_into(self._buffer)
        if not size:
            raise LoadFailed("the server closed a connection")
        if not connection.left:
            connection.left = self._length(size)
        connection.left -= size
        return not connection.left

    def _length(self, size: int) -> int:
        """Of the answer that starts in the buffer, head and all."""
        head = self._buffer.find(b"\r\n\r\n", 0, size)
        field = self._buffer.find(b"content-length: ", 0, head)
        if field < 0:
            raise LoadFailed(f"an answer without a length: {bytes(self._buffer[:200])!r}")
        if self._buffer[9:10] != b"2":
            self._failures += 1
            self._failure = self._failure or self._buffer[:size].decode(errors="replace")
        value = field + 16
        return head + 4 + int(self._buffer[value : self._buffer.find(b"\r", value)])

    def _summary(self, seconds: float) -> Figures:
        ordered = sorted(self._latencies)
        count = len(ordered)
        return Figures(
            rate=count / seconds,
            p50=1000 * ordered[count // 2],
            p99=1000 * ordered[count * 99 // 100],
            answers=self._answers,
            failures=self._failures,
            failure=self._failure,
        )


def main() -> None:
    load = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Load)
    gc.disable()
    sys.stdout.buffer.write(msgspec.msgpack.encode(_Run(load).figures()))


if __name__ == "__main__":
    main()
