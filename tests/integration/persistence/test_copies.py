"""Rows that COPY sends in PostgreSQL's binary format, taken without a step for each of them."""

import re
from collections.abc import Iterator

import pytest
from pg8000.exceptions import DatabaseError, InterfaceError

from utxoiq_persistence.config import Settings
from utxoiq_persistence.postgres import session as sessions
from utxoiq_persistence.postgres.binary_copy import FRAME_BYTES, count_frames
from utxoiq_persistence.postgres.session import Session, connector
from utxoiq_persistence.postgres.statements import Statement

ONE = Statement("one", "SELECT 1", lambda _: ())
# A count of columns, and a length and eight bytes for each of two.
ROW_BYTES = 2 + 2 * (4 + 8)


@pytest.fixture
def session(settings: Settings) -> Iterator[Session]:
    session = connector(settings.database)()
    yield session
    session.close()


def copy(rows: int, second: str = "1::bigint") -> str:
    return f"COPY (SELECT i::bigint, {second} FROM generate_series(1, {rows}) AS i) TO STDOUT (FORMAT binary)"  # noqa: S608


def numbers(frames: bytes) -> list[int]:
    """Return the first column."""
    width = FRAME_BYTES + ROW_BYTES
    start = FRAME_BYTES + 2 + 4
    return [int.from_bytes(frames[at + start : at + start + 8], "big") for at in range(0, len(frames), width)]


@pytest.mark.parametrize("block", [64, 1000, 2**18])
@pytest.mark.parametrize("rows", [0, 1, 2, 3000])
def test_every_row_comes_once_and_in_order(
    session: Session, rows: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "COPY_BLOCK", block)
    assert numbers(session.copy_out_frames(copy(rows), ROW_BYTES)) == list(range(1, rows + 1))
    assert session.run(ONE) == [[1]]


def test_what_the_server_says_between_rows_is_no_row(session: Session) -> None:
    """A notice may come at any place, and bytes of it may look like a row's."""
    session.execute("""
        CREATE FUNCTION pg_temp.noticed(number bigint) RETURNS bigint LANGUAGE plpgsql AS $$
        BEGIN
            IF number % 7 = 0 THEN RAISE WARNING '%', repeat('d', number::integer); END IF;
            RETURN number;
        END $$""")
    frames = session.copy_out_frames(copy(500, "pg_temp.noticed(i)"), ROW_BYTES)
    assert numbers(frames) == list(range(1, 501))


def test_an_error_after_some_rows_is_raised_and_leaves_the_session_in_order(session: Session) -> None:
    with pytest.raises(DatabaseError, match="division by zero"):
        session.copy_out_frames(copy(5000, "(1 / (4000 - i))::bigint"), ROW_BYTES)
    assert not session.broken
    assert session.run(ONE) == [[1]]


@pytest.mark.parametrize("second", ["nullif(i, 40)::bigint", "CASE i WHEN 40 THEN repeat('x', 8) ELSE '' END"])
def test_a_row_of_another_size_is_refused(session: Session, second: str) -> None:
    with pytest.raises(InterfaceError, match=re.compile(rf"a row has \d+ bytes, not {ROW_BYTES}")):
        session.copy_out_frames(copy(100, second), ROW_BYTES)
    assert session.broken


def test_frames_are_counted_up_to_the_first_other_message() -> None:
    row = b"d" + (4 + ROW_BYTES).to_bytes(4, "big") + b"\x00\x02" + bytes(ROW_BYTES - 2)
    for other in (b"N" + row[1:], b"d\x00\x00\x00\x06\xff\xff", b"d" + (5 + ROW_BYTES).to_bytes(4, "big") + bytes(40)):
        assert count_frames(row * 3 + other + row * 2, 0, ROW_BYTES) == 3
    assert count_frames(row * 3 + row[:-1], len(row), ROW_BYTES) == 2
    assert count_frames(b"", 0, ROW_BYTES) == 0
