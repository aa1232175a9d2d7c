"""What an issuer does instead of answering with its keys."""

import socket
import struct
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

IssuerFault = Callable[[BaseHTTPRequestHandler], None]


def reset(request: BaseHTTPRequestHandler) -> None:
    """It resets the connection."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


def unavailable(request: BaseHTTPRequestHandler) -> None:
    """It is away."""
    request.send_response(503)
    request.end_headers()


def saying(body: bytes, length: int | None = None) -> IssuerFault:
    """Return the fault of an issuer that answers with this body, and may promise another length."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(body) if length is None else length))
        request.end_headers()
        request.wfile.write(body)

    return answer


ODD_SETS = [b"", b"[]", b"null", b'{"keys": 5}', b'{"keys": {"a": 1}}', b"[" * 100_000, b"\xff", b"<html>", b"{}"]
incomplete = saying(b'{"keys": [', length=500)
too_long = saying(b" " * (2**20 + 1))
odd = [saying(body) for body in ODD_SETS]
FAULTS = [reset, unavailable, incomplete, *odd, too_long]
