"""When tags changed last, by the clock of Redis, as this instance heard of it.

A write deletes a tag's entries from Redis, but whoever has its password can put one back, and it is signed. What an
instance knows to have changed since is not believed, whatever Redis holds.

The time of a message is written by the script that publishes it, which has no key. Who replays a message can put
another time before it. A later one makes entries a miss, and none that is to come outlasts the next look at the clock.
"""

import math
from collections import OrderedDict

# The most changes that are remembered; each takes some 200 bytes.
MAX_CHANGES = 50_000
# An answer of so many seconds before the latest tells that the clock was set back, not that it waited itself.
SET_BACK_SECONDS = 10.0


class Changes:
    """Remembers the last change of each tag."""

    def __init__(self, most: int = MAX_CHANGES) -> None:
        """Remember nothing yet, and at most so many changes."""
        self._most = most
        self._changed: OrderedDict[str, float] = OrderedDict()
        # The time of the latest change that is not remembered: for lack of room, or from another server.
        self._forgotten = 0.0
        # The latest time that Redis has told.
        self._now = 0.0

    def add(self, tag: str, moment: float) -> None:
        """Note that a tag changed. An older message that comes again changes nothing, nor does an infinite time."""
        if not math.isfinite(moment):
            return
        self._changed[tag] = max(moment, self._changed.get(tag, 0.0))
        self._changed.move_to_end(tag)
        if len(self._changed) > self._most:
            _, forgotten = self._changed.popitem(last=False)
            self._forgotten = max(self._forgotten, forgotten)

    def begin_anew(self) -> None:
        """Forget what is by the clock of another server. What was loaded before `pass_time` is called is doubtful."""
        self._changed.clear()
        self._forgotten, self._now = math.inf, 0.0

    def pass_time(self, now: float) -> None:
        """Note what time it is, and take forgotten changes that are still to come for changes of now."""
        self._now = now if now < self._now - SET_BACK_SECONDS else max(now, self._now)
        self._forgotten = min(self._forgotten, self._now)

    def came_after(self, tag: str, loaded: float, now: float) -> bool:
        """Return whether the tag has changed since a time, as this instance knows for certain.

        A change that is still to come was made up, or noted before the clock was set back: it does not count for
        certain. `may_have_come_after` takes it for one of now.
        """
        changed = self._changed.get(tag)
        return changed is not None and loaded < changed <= now

    def may_have_come_after(self, tag: str, loaded: float) -> bool:
        """Return whether the tag may have changed since a time, for all that this instance still knows.

        What is noted for a time that is still to come is noted for now from here on: the change that it stands for was
        no later, nor was an earlier one that it has replaced.
        """
        changed = self._changed.get(tag)
        if changed is None:
            return loaded < self._forgotten
        before, self._changed[tag] = changed, min(changed, self._now)
        return loaded < max(before, self._forgotten)
