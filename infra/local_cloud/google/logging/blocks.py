"""Parts of a log file, cut between records: from the start on, or from the end back. No file is read as a whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

FIRST = 64 * 2**10
LARGEST = 2**20


class Block(NamedTuple):
    """Whole records of a file. at: where they begin in it."""

    at: int
    data: bytes

    @property
    def end(self) -> int:
        """Return where the block ends in its file."""
        return self.at + len(self.data)


def forward(path: Path, start: int, end: int, *, continued: bool) -> Iterator[Block]:
    """Yield blocks from the start on.

    start: of a record. A last record without its end is left out. continued: whether lines that begin with a tab belong
    to the one before.
    """
    if start >= end:
        return
    size = FIRST
    with path.open("rb") as file:
        while start < end:
            data = _read(file, start, min(size, end - start))
            cut = _last_end(data, continued, whole=start + len(data) >= end)
            if not data or (cut == 0 and start + len(data) >= end):
                return
            if cut:
                yield Block(start, data[:cut])
                start += cut
            size = min(size * 2, LARGEST) if cut else size * 2


def backward(path: Path, start: int, end: int, *, continued: bool) -> Iterator[Block]:
    """Yield blocks from the end back. end: of a record, or of the file."""
    if start >= end:
        return
    size = FIRST
    with path.open("rb") as file:
        end = _whole_end(file, start, end)
        while start < end:
            begin = max(start, end - size)
            data = _read(file, begin, end - begin)
            if not data:
                return
            cut = 0 if begin == start else _first_start(data, continued)
            if cut < len(data):
                yield Block(begin + cut, data[cut:])
                end = begin + cut
            size = min(size * 2, LARGEST) if cut < len(data) else size * 2


def record_start(path: Path, at: int, end: int, *, continued: bool) -> int:
    """Return where the first record begins after `at`; `end` if none does."""
    if at <= 0:
        return 0
    size = FIRST
    with path.open("rb") as file:
        while True:
            data = _read(file, at, min(size, end - at))
            cut = _first_start(data, continued)
            if cut < len(data) or not data or at + len(data) >= end:
                return min(at + cut, end)
            size *= 2


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


def _whole_end(file: BinaryIO, start: int, end: int) -> int:
    """Return the end without a last line that is still being written."""
    while start < end:
        begin = max(start, end - FIRST)
        found = _read(file, begin, end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return start


def _last_end(data: bytes, continued: bool, *, whole: bool) -> int:
    """Return where the last record ends. Whether a last line goes on is known only where more is there, or nothing."""
    found = data.rfind(b"\n")
    if not continued:
        return found + 1
    if whole and found >= 0:
        return found + 1
    found = data.rfind(b"\n", 0, len(data) - 1)
    while found >= 0 and data[found + 1 : found + 2] == b"\t":
        found = data.rfind(b"\n", 0, found)
    return found + 1


def _first_start(data: bytes, continued: bool) -> int:
    """Return where the first record begins after the first character; the length if none does."""
    found = data.find(b"\n")
    while found >= 0 and continued and (found + 1 == len(data) or data[found + 1 : found + 2] == b"\t"):
        found = data.find(b"\n", found + 1)
    return len(data) if found < 0 else found + 1
