"""The cache's first level: entries in the process, limited in bytes. The least recently used tags are evicted first."""

import time
from collections import OrderedDict

from utxoiq_persistence.records import Document

# The number of bytes that an entry takes besides its body.
OVERHEAD = 512


class Memory:
    """Holds entries by tag and field, at most max_fields of one tag.

    Attributes:
        bytes: The size of all entries.
        evictions: The number of entries that were evicted for lack of room.
    """

    def __init__(self, max_bytes: int, max_fields: int) -> None:
        self.bytes = 0
        self.evictions = 0
        self._max_bytes = max_bytes
        self._max_fields = max_fields
        self._tags: OrderedDict[str, dict[str, tuple[float, Document]]] = OrderedDict()

    def get(self, tag: str, field: str) -> Document | None:
        """Return an entry, or None where it is missing or has expired."""
        entries = self._tags.get(tag)
        entry = None if entries is None else entries.get(field)
        if entry is None or entry[0] <= time.monotonic():
            return None
        self._tags.move_to_end(tag)
        return entry[1]

    def keep(self, tag: str, field: str, expires: float, document: Document) -> None:
        """Keep an entry until `expires`, in seconds of time.monotonic(), and evict others if there is no room."""
        if len(self._tags.get(tag, ())) >= self._max_fields:
            self._evict(tag)
        entries = self._tags.setdefault(tag, {})
        replaced = entries.get(field)
        entries[field] = (expires, document)
        self.bytes += _size(document) - (0 if replaced is None else _size(replaced[1]))
        self._tags.move_to_end(tag)
        while self.bytes > self._max_bytes:
            self._evict(next(iter(self._tags)))

    def drop(self, tag: str) -> None:
        """Drop all entries of a tag."""
        entries = self._tags.pop(tag, {})
        self.bytes -= sum(_size(document) for _, document in entries.values())

    def _evict(self, tag: str) -> None:
        self.evictions += len(self._tags[tag])
        self.drop(tag)

    def clear(self) -> None:
        """Drop all entries."""
        self._tags.clear()
        self.bytes = 0


def _size(document: Document) -> int:
    return len(document.body) + OVERHEAD
