"""When tags changed last, by the clock of Redis, as this instance heard of it.

A write deletes a tag's entries from Redis, but whoever has its password can put one back, and it is signed. What an
instance knows to have changed since is not believed, whatever Redis holds.
"""

from collections import OrderedDict

# The most changes that are remembered; each takes some 200 bytes.
MAX_CHANGES = 50_000


class Changes:
    """Remembers the last change of each tag."""

    def __init__(self, most: int = MAX_CHANGES) -> None:
        """Remember nothing yet, and at most so many changes."""
        self._most = most
        self._changed: OrderedDict[str, float] = OrderedDict()
        # The time of the latest change that was forgotten for lack of room.
        self._forgotten = 0.0

    def add(self, tag: str, moment: float) -> None:
        """Note that a tag changed. An older message that comes again changes nothing."""
        self._changed[tag] = max(moment, self._changed.get(tag, 0.0))
        self._changed.move_to_end(tag)
        if len(self._changed) > self._most:
            _, forgotten = self._changed.popitem(last=False)
            self._forgotten = max(self._forgotten, forgotten)

    def came_after(self, tag: str, loaded: float, now: float) -> bool:
        """Return whether the tag has changed since a time, as this instance knows.

        A change that is still to come was made up, or noted before the clock was set back, and counts for nothing.
        """
        changed = self._changed.get(tag)
        if changed is not None and changed > now:
            del self._changed[tag]
            return False
        return changed is not None and loaded < changed

    def may_have_come_after(self, loaded: float) -> bool:
        """Return whether any tag may have changed since a time, for all that this instance still knows."""
        return loaded < self._forgotten
