"""A log file, and what makes entries of its records."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local_cloud.google.logging.blocks import Block
from local_cloud.google.logging.entry import Body, Entry, format_time, parse_time
from local_cloud.google.logging.narrowing import Words, may_hold


class LogSource(ABC):
    """A log file. constants: the fields that all its entries have in common, their resource among them."""

    # Whether lines that begin with a tab belong to the one before.
    continued = False
    # Finds a record's time as it is written.
    time: re.Pattern[bytes]

    def __init__(self, path: Path, constants: Body) -> None:
        self.path = path
        self.constants = constants

    @property
    def id(self) -> str:
        """Return what tells the source from others."""
        return self.path.stem

    @abstractmethod
    def body(self, record: bytes) -> Mapping[str, Any] | None:
        """Return a record's own fields, without the constants; None for a record that is no entry."""

    def entries(self, block: Block, words: Words) -> Iterator[Entry]:
        """Yield a block's entries in the order of the file.

        words: groups of which each entry holds at least one word.
        """
        if words and not may_hold(block.data.lower(), words):
            return
        for at, record in self._split_records(block):
            if words and not may_hold(record.lower(), words):
                continue
            body = self.body(record.rstrip(b"\n"))
            if body is not None:
                yield self._make_entry(block, at, len(record), body)

    def time_in(self, data: bytes) -> float | None:
        """Return the first time that a part of the file tells, in epoch seconds; None if it tells none."""
        for found in self.time.finditer(data):
            time = _parse_moment(found[1])
            if time is not None:
                return time
        return None

    def _make_entry(self, block: Block, at: int, length: int, body: Mapping[str, Any]) -> Entry:
        given = body.get("timestamp")
        time = _parse_moment(str(given).encode()) if given is not None else None
        if time is None:
            time = self._find_time(block, at - block.at)
            given = format_time(time)
        told = {"insertId": f"{self.id}-{at:012x}", "severity": "DEFAULT", "receiveTimestamp": given}
        return Entry(time, at, at + length, {**told, **self.constants, **body, "timestamp": given})

    def _find_time(self, block: Block, at: int) -> float:
        """Return the time of a record that tells none: that of the one before it, or else of the one after it."""
        before = [found[1] for found in self.time.finditer(block.data, max(0, at - 2**16), at)]
        time = _parse_moment(before[-1]) if before else self.time_in(block.data[at:])
        return self.path.stat().st_mtime if time is None else time

    def _split_records(self, block: Block) -> Iterator[tuple[int, bytes]]:
        at = 0
        lines = block.data.splitlines(keepends=True) if not self.continued else _join_continued(block.data)
        for line in lines:
            if line.strip():
                yield block.at + at, line
            at += len(line)


def _join_continued(data: bytes) -> list[bytes]:
    records: list[bytes] = []
    for line in data.split(b"\n")[:-1]:
        if line.startswith(b"\t") and records:
            records[-1] += line + b"\n"
        else:
            records.append(line + b"\n")
    return records


def _parse_moment(text: bytes) -> float | None:
    try:
        return parse_time(text.decode())
    except ValueError:
        return None
