"""Arrays in PostgreSQL's binary format are what they were, on the event loop and in a thread."""

import struct
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest

from utxoiq_persistence.config import Settings
from utxoiq_persistence.postgres import arrays
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.postgres.statements import Statement

pytestmark = pytest.mark.anyio

NAMES = ("bigints", "floats", "moments", "uuids", "missing", "texts")
ECHO = Statement(
    "echo",
    "SELECT * FROM unnest($1::bigint[], $2::float8[], $3::timestamptz[], $4::uuid[], $5::text[], $6::text[])",
    lambda parameters: tuple(parameters[name] for name in NAMES),
)
EAST = timezone(timedelta(hours=5, minutes=45))
BIGINTS = [0, -1, 2**63 - 1, -(2**63), 255]
FLOATS = [0.1, -0.0, sys.float_info.max, sys.float_info.min, 5e-324]
MOMENTS = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(2000, 1, 1, tzinfo=UTC),
    datetime(2026, 11, 25, 8, 30, 0, 7, EAST),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC),
]
UUIDS = [UUID(int=0), UUID(int=2**128 - 1), *(uuid4() for _ in range(3))]
TEXTS = ["", "NULL", "{,}", 'q"\\', "₿"]


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Database]:
    """Of one connection: a thread prepares a statement and runs it first, from then on it runs on the event loop."""
    pool = Database(replace(settings.database, pool_size=1, pool_overflow=0), connector(settings.database))
    yield pool
    await pool.close()


async def test_what_is_packed_arrives_beside_literals_and_nulls(pool: Database) -> None:
    for _ in range(3):
        rows = await pool.fetch(
            ECHO,
            idempotent=True,
            bigints=arrays.pack_bigints(BIGINTS),
            floats=arrays.pack_floats(FLOATS),
            moments=arrays.pack_moments(MOMENTS),
            uuids=arrays.pack_uuids(b"".join(identifier.bytes for identifier in UUIDS)),
            missing=None,
            texts=arrays.encode_texts(TEXTS),
        )
        columns = [list(column) for column in zip(*rows, strict=True)]
        assert columns == [BIGINTS, FLOATS, MOMENTS, UUIDS, [None] * 5, TEXTS]
        # -0.0 == 0.0
        assert struct.pack("!5d", *columns[1]) == struct.pack("!5d", *FLOATS)


async def test_packed_arrays_may_be_empty(pool: Database) -> None:
    for _ in range(3):
        rows = await pool.fetch(
            ECHO,
            idempotent=True,
            bigints=arrays.pack_bigints([]),
            floats=arrays.pack_floats([]),
            moments=arrays.pack_moments([]),
            uuids=arrays.pack_uuids(b""),
            missing="{}",
            texts="{}",
        )
        assert rows == []
