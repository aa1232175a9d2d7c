"""Rows on their way from one database to another: a block at a time, so that memory is bounded."""

from collections.abc import Callable

# A block is handed on as soon as it has either.
ROWS = 10_000
BYTES = 8 * 2**20


class Blocks:
    """Takes the rows of a COPY, one a call, and hands them on in blocks: the stream of `COPY … TO STDOUT`."""

    def __init__(self, hand_on: Callable[[bytes, int], None]) -> None:
        self._hand_on = hand_on
        self._rows: list[bytes] = []
        self._size = 0

    def write(self, row: bytes) -> None:
        """Take a row, in COPY's text format."""
        self._rows.append(bytes(row))
        self._size += len(row)
        if len(self._rows) >= ROWS or self._size >= BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand on what there is."""
        if self._rows:
            rows, self._rows, self._size = self._rows, [], 0
            self._hand_on(b"".join(rows), len(rows))


def read_key(block: bytes, columns: int) -> list[str] | None:
    """Return the first columns of a block's last row; None where one of them is null."""
    last = block.rstrip(b"\n").rpartition(b"\n")[2]
    values = last.decode().split("\t")[:columns]
    return None if "\\N" in values else values
