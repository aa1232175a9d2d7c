"""The cache's first level: entries in the process, bounded in bytes, the tags used longest ago given up first."""

import time
from collections import OrderedDict

from utxoiq_persistence.records import Document

# What an entry takes besides its body.
OVERHEAD = 512


class Memory:
    """Entries by tag and field; a tag holds at most max_fields of them. evictions: of entries, for want of room."""

    def __init__(self, max_bytes: int, max_fields: int) -> None:
        self.bytes = 0
        self.evictions = 0
        self._max_bytes = max_bytes
        self._max_fields = max_fields
        self._tags: OrderedDict[str, dict[str, tuple[float, Document]]] = OrderedDict()

    def get(self, tag: str, field: str) -> Document | None:
        """None of what is not held, or no longer good."""
        entries = self._tags.get(tag)
        entry = None if entries is None else entries.get(field)
        if entry is None or entry[0] <= time.time():
            return None
        self._tags.move_to_end(tag)
        return entry[1]

    def keep(self, tag: str, field: str, expires: float, document: Document) -> None:
        """expires: in seconds of time.time()."""
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
        entries = self._tags.pop(tag, {})
        self.bytes -= sum(_size(document) for _, document in entries.values())

    def _evict(self, tag: str) -> None:
        self.evictions += len(self._tags[tag])
        self.drop(tag)

    def clear(self) -> None:
        self._tags.clear()
        self.bytes = 0


def _size(document: Document) -> int:
    return len(document.body) + OVERHEAD
