"""Finds entries in many files, in the order of their times, a page at a time."""

import base64
import binascii
import hashlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from local_cloud.google.filters.tree import Node
from local_cloud.google.logging.blocks import Block, backward, forward, record_start
from local_cloud.google.logging.entry import Entry
from local_cloud.google.logging.language import parse
from local_cloud.google.logging.matching import Predicate, compile_filter
from local_cloud.google.logging.narrowing import decide, find_span, find_words
from local_cloud.google.logging.source import LogSource

# A search that takes longer answers what it has, and a token to go on with; as Cloud Logging does.
SEARCH_SECONDS = 5.0
# Within a file, entries are out of order by no more.
DISORDER_SECONDS = 60.0
SEEK_BYTES = 2**20


class BadToken(Exception):
    """A page token that is of another list."""


@dataclass(frozen=True)
class Page:
    """Entries in their order. token: of the next page; empty if there is none."""

    entries: list[Entry]
    token: str


def search(
    sources: Sequence[LogSource],
    text: str,
    *,
    newest_first: bool,
    size: int,
    token: str = "",
    seconds: float = SEARCH_SECONDS,
) -> Page:
    """Return a page of the entries that fit a filter. seconds: after which it answers what it has. Blocks.

    Raises BadFilter, BadToken.
    """
    node = parse(text)
    fits = compile_filter(node)
    deadline = time.monotonic() + seconds
    digest = hashlib.sha256(f"{newest_first}{text}".encode()).hexdigest()[:16]
    positions = _decode_token(token, digest) if token else None
    readers = []
    for source in sources:
        if (positions is not None and source.id not in positions) or not source.path.exists():
            continue
        if decide(node, source.constants) is not False:
            place = positions[source.id] if positions is not None else None
            readers.append(_Reader(source, node, fits, newest_first=newest_first, place=place, deadline=deadline))
    found = _merge(readers, size, newest_first=newest_first)
    left = {reader.source.id: [reader.start, reader.end] for reader in readers if not reader.exhausted}
    return Page(found, _encode_token(digest, left) if left else "")


class _Reader:
    """Reads one source. start, end: what of the file is still to be searched, the pending entry included."""

    def __init__(
        self,
        source: LogSource,
        node: Node,
        fits: Predicate,
        *,
        newest_first: bool,
        place: tuple[int, int] | None,
        deadline: float,
    ) -> None:
        self.source = source
        self.pending: Entry | None = None
        self.exhausted = False
        self._fits = fits
        self._words = find_words(node, source.constants)
        self._newest_first = newest_first
        self._deadline = deadline
        low, high = find_span(node)
        self._low, self._high = low - DISORDER_SECONDS, high + DISORDER_SECONDS
        self.start, self.end = place or self._find_bounds()
        self._entries = self._search()

    def advance(self) -> bool:
        """Return whether the next entry is pending, or known not to be; False if the time is up."""
        entry = next(self._entries, None)
        if entry is None and not self.exhausted:
            return False
        self.pending = entry
        return True

    def take(self) -> Entry:
        entry = self.pending
        if entry is None:
            raise ValueError("nothing is pending")
        if self._newest_first:
            self.end = entry.at
        else:
            self.start = entry.end
        return entry

    def _search(self) -> Iterator[Entry]:
        source = self.source
        read = backward if self._newest_first else forward
        for block in read(source.path, self.start, self.end, continued=source.continued):
            yield from self._search_block(block)
            if self._newest_first:
                self.end = block.at
            else:
                self.start = block.end
            if self._is_beyond(block):
                break
            if time.monotonic() > self._deadline:
                return
        self.exhausted = True

    def _search_block(self, block: Block) -> list[Entry]:
        found = [entry for entry in self.source.entries(block, self._words) if self._fits(entry)]
        return found[::-1] if self._newest_first else found

    def _is_beyond(self, block: Block) -> bool:
        told = self.source.time_in(block.data)
        return told is not None and (told < self._low if self._newest_first else told > self._high)

    def _find_bounds(self) -> tuple[int, int]:
        size = self.source.path.stat().st_size
        start = self._seek(self._low, size, after=False)
        return start, self._seek(self._high, size, after=True)

    def _seek(self, moment: float, size: int, *, after: bool) -> int:
        """Return where what is not before a moment begins, or what is not after it ends, or nearly."""
        if math.isinf(moment):
            return 0 if moment < 0 else size
        low, high = 0, size
        while high - low > SEEK_BYTES:
            middle = record_start(self.source.path, (low + high) // 2, high, continued=self.source.continued)
            if middle >= high:
                break
            if self._is_before(middle, moment):
                low = middle
            else:
                high = middle
        return high if after else low

    def _is_before(self, at: int, moment: float) -> bool:
        block = next(forward(self.source.path, at, at + SEEK_BYTES, continued=self.source.continued), None)
        told = self.source.time_in(block.data) if block is not None else None
        return told is not None and told < moment


def _merge(readers: Sequence[_Reader], size: int, *, newest_first: bool) -> list[Entry]:
    if not all(reader.advance() for reader in readers):
        return []
    found: list[Entry] = []
    while len(found) < size:
        waiting = [reader for reader in readers if reader.pending is not None]
        if not waiting:
            break
        choose = max if newest_first else min
        chosen = choose(waiting, key=_sort_key)
        found.append(chosen.take())
        if not chosen.advance():
            break
    return found


def _sort_key(reader: _Reader) -> tuple[float, str]:
    entry = reader.pending
    return (entry.time, str(entry.body["insertId"])) if entry is not None else (0.0, "")


def _encode_token(digest: str, left: dict[str, list[int]]) -> str:
    return base64.urlsafe_b64encode(json.dumps([digest, left]).encode()).decode()


def _decode_token(token: str, digest: str) -> dict[str, tuple[int, int]]:
    try:
        made_for, left = json.loads(base64.urlsafe_b64decode(token))
        positions = {str(name): (int(start), int(end)) for name, (start, end) in left.items()}
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise BadToken("page_token is invalid") from None
    if any(not 0 <= start <= end for start, end in positions.values()):
        raise BadToken("page_token is invalid")
    if made_for != digest:
        raise BadToken("page_token is of another request: filter and orderBy must stay the same")
    return positions
