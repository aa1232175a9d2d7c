"""Arrays for PostgreSQL, built many times faster than pg8000 builds them for a batch of metrics.

Those of numbers, times and uuids go in the binary format, which has half of the bytes and is read many times faster;
others are literals.
"""

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from utxoiq_persistence.postgres.exchange import Binary

# An array of one dimension without nulls: the number of dimensions, no nulls, the type of its elements, how many there
# are, and the number of the first. Before each element stands its size.
_header = struct.Struct("!iiIii").pack
_SIZE_BYTES = 4
# The types of elements, by the numbers that pg_type has for them in every database.
_BIGINT, _FLOAT8, _TIMESTAMPTZ, _UUID = 20, 701, 1184, 2950
# A timestamptz is the number of microseconds since then.
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def pack_bigints(values: Sequence[int]) -> Binary:
    """Return an array of bigint."""
    return _pack(_BIGINT, 8, struct.pack(f"!{len(values)}q", *values))


def pack_floats(values: Sequence[float]) -> Binary:
    """Return an array of float8."""
    return _pack(_FLOAT8, 8, struct.pack(f"!{len(values)}d", *values))


def pack_moments(values: Sequence[datetime]) -> Binary:
    """Return an array of timestamptz."""
    microseconds = [(value - _EPOCH) // _MICROSECOND for value in values]
    return _pack(_TIMESTAMPTZ, 8, struct.pack(f"!{len(values)}q", *microseconds))


def pack_uuids(data: bytes) -> Binary:
    """Return an array of uuid, of which the data hold 16 bytes each."""
    return _pack(_UUID, 16, data)


def _pack(element_type: int, size: int, data: bytes) -> Binary:
    """Return an array of elements of one size, which the data hold one after the other."""
    count = len(data) // size
    stride = _SIZE_BYTES + size
    elements = bytearray(stride * count)
    elements[_SIZE_BYTES - 1 :: stride] = bytes([size]) * count
    for place in range(size):
        elements[_SIZE_BYTES + place :: stride] = data[place::size]
    return Binary(_header(1, 0, element_type, count, 1) + elements)


def encode_texts(values: Iterable[str | None]) -> str:
    """Return the array literal of any texts, each of them quoted; None becomes NULL."""
    return "{" + ",".join(["NULL" if value is None else _quote(value) for value in values]) + "}"


def _quote(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
