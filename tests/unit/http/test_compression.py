"""Which responses are compressed, and that they say so."""

import asyncio
import zlib

import pytest

from utxoiq_http import answer, compression
from utxoiq_http.answer import Answer, Header
from utxoiq_http.compression import MAX_HEADER, MAX_INLINE_BYTES, MIN_BYTES

LARGE = b"[" + b"12345," * MIN_BYTES + b"0]"


def encoded(body: bytes, accepted: bytes | None, *extra: Header) -> Answer:
    reply = answer.from_json(200, body, *extra)
    asyncio.run(compression.encode(reply, {} if accepted is None else {b"accept-encoding": accepted}))
    return reply


@pytest.mark.parametrize("length", [MIN_BYTES, MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1])
def test_a_large_response_is_compressed_and_has_its_length(length: int) -> None:
    reply = encoded(b"1" * length, b"gzip, deflate, br")
    headers = dict(reply.raw_headers)
    assert headers[b"content-encoding"] == b"gzip"
    assert [value for name, value in reply.raw_headers if name == b"content-length"] == [b"%d" % len(reply.body)]
    assert headers[b"vary"] == b"accept-encoding"
    assert headers[b"content-type"] == b"application/json"
    assert zlib.decompress(reply.body, 31) == b"1" * length


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        (None, False),
        (b"", False),
        (b"identity", False),
        (b"br", False),
        (b"gzip;q=0", False),
        (b"*;q=0", False),
        (b"gzip;q=0, *", False),
        (b"gzip;q=0.000", False),
        (b"gzip;q=2", False),
        (b"gzip;level=1", False),
        (b"gzipped", False),
        (b"gzip" + b" " * MAX_HEADER, False),
        (b"gzip", True),
        (b"GZip", True),
        (b"x-gzip", True),
        (b"*", True),
        (b"br;q=1.0, gzip ; q=0.5", True),
        (b",, gzip", True),
    ],
    ids=str,
)
def test_a_client_gets_what_it_accepts(accepted: bytes | None, compressed: bool) -> None:
    reply = encoded(LARGE, accepted)
    headers = dict(reply.raw_headers)
    assert (b"content-encoding" in headers) == compressed
    assert headers[b"vary"] == b"accept-encoding"  # caches hold either apart from the other
    assert headers[b"content-length"] == b"%d" % len(reply.body)


def test_a_small_response_stays_as_it_is() -> None:
    reply = encoded(b"1" * (MIN_BYTES - 1), b"gzip")
    assert {b"content-encoding", b"vary"}.isdisjoint(dict(reply.raw_headers))


def test_an_entity_tag_names_the_very_bytes() -> None:
    reply = encoded(LARGE, b"gzip", (b"etag", b'"1"'))
    assert reply.body == LARGE
    assert b"content-encoding" not in dict(reply.raw_headers)
