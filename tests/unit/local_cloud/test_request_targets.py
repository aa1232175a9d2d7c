"""What stands in the place of a request's path, on a real listener: a path, a whole URL, or what is neither."""

import asyncio
import json
from pathlib import Path

import pytest
from tests.unit.local_cloud.test_front_end import echo, served


async def raw(port: int, request: bytes) -> tuple[int, bytes, bytes]:
    """The answer's status, head and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    body = await reader.readexactly(int(length.split(b":")[1]))
    writer.close()
    await writer.wait_closed()
    return status, head, body


def answer(folder: Path, request: str) -> tuple[int, bytes, bytes]:
    async def ask() -> tuple[int, bytes, bytes]:
        async with served(folder, echo) as shop:
            port = int(shop.url.rpartition(":")[2])
            return await raw(port, f"{request}\r\nHost: localhost\r\n\r\n".encode())

    return asyncio.run(ask())


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_whole_url_is_for_its_path(tmp_path: Path, scheme: str) -> None:
    status, _, body = answer(tmp_path, f"GET {scheme}://example.test/api/v1/a%2Fb?insight_id=a%20b HTTP/1.1")
    assert status == 200
    assert json.loads(body)["path"] == "/api/v1/a%2Fb?insight_id=a%20b"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("OPTIONS * HTTP/1.1", 400),
        ("CONNECT example.test:443 HTTP/1.1", 405),
    ],
)
def test_what_is_no_path_is_a_problem(tmp_path: Path, line: str, status: int) -> None:
    told, head, body = answer(tmp_path, line)
    assert told == status
    assert b"application/problem+json" in head
    assert json.loads(body)["detail"]
