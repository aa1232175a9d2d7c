"""The frames of rows of one size, as COPY … TO STDOUT (FORMAT binary) sends them.

Rows without nulls whose columns have a size of their own are all of one size, and so are found many at once.
"""

import struct

from pg8000.exceptions import InterfaceError

# Before each row, in the protocol: the message's code, and its length, which counts itself.
FRAME_BYTES = 5
# Before the columns of a row: how many there are. Before each column: its length.
ROW_HEADER_BYTES = 2
COLUMN_HEADER_BYTES = 4
# What PostgreSQL sends in place of a row, after the last one.
ENDING = b"\xff\xff"
_SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
_FLAGS_BYTES = 4
_frame = struct.Struct("!ci").pack
_int32 = struct.Struct("!i").unpack_from


def count_frames(block: bytes, start: int, row_bytes: int) -> int:
    """Return how many whole rows of that size follow each other in the block from `start` on.

    A frame begins where the one before it ends, so looking at the same place of each frame is as good as looking at
    them in turn, up to the first one that is no row of that size.
    """
    width = FRAME_BYTES + row_bytes
    count = (len(block) - start) // width
    for place, expected in enumerate(_header(row_bytes)):
        found = block[start + place : start + count * width : width]
        count = len(found) - len(found.lstrip(bytes((expected,))))
    return count


def strip_header(row: bytes) -> bytes:
    """Return the row without what PostgreSQL sends before the first one."""
    if not row.startswith(_SIGNATURE):
        return row
    after_flags = len(_SIGNATURE) + _FLAGS_BYTES
    (extension,) = _int32(row, after_flags)
    return row[after_flags + 4 + extension :]


def frame_row(row: bytes, row_bytes: int) -> bytes:
    """Return the frame of a row. Raises InterfaceError if it is of another size."""
    if len(row) != row_bytes:
        raise InterfaceError(f"a row has {len(row)} bytes, not {row_bytes}")
    return _header(row_bytes) + row


def _header(row_bytes: int) -> bytes:
    return _frame(b"d", FRAME_BYTES - 1 + row_bytes)
