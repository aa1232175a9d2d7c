"""Group commit: writes that arrive while another is running share one statement, one commit and one cache change.

A write that arrives alone does not wait. Under load a group grows to all that arrived meanwhile, as in a database's own
group commit: the higher the load, the less each write costs. While a group that is stored is still telling the cache of
it, the next one is on its way already.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from utxoiq_persistence import futures
from utxoiq_persistence.errors import DatabaseUnavailable, RuleBroken
from utxoiq_persistence.tracing import spans as tracing

Item = TypeVar("Item")
Result = TypeVar("Result")
# Writes all items or none, and returns a result for each. It calls the function that it gets once the items are stored:
# what is left to do then does not hold the next group back.
Send = Callable[[list[Item], Callable[[], None]], Awaitable[Sequence[Result]]]

# A group that waits for a lock holds the next group back no longer than this, in seconds.
PATIENCE = 0.02


@dataclass(eq=False)
class _Place(Generic[Item, Result]):
    """Holds a waiting item. No other item of its group has one of `keys`; `context` is its caller's, for traces."""

    item: Item
    size: int
    keys: frozenset[Hashable]
    turn: "asyncio.Future[Result]"
    context: Context


class Groups(Generic[Item, Result]):
    """Groups concurrent writes of one kind. An object belongs to one event loop."""

    def __init__(
        self,
        name: str,
        send: Send[Item, Result],
        max_size: int,
        patience: float = PATIENCE,
    ) -> None:
        """Start with no item waiting.

        Args:
            name: What traces call the time that an item waits for its group.
            send: Writes the items of a group.
            max_size: The largest size of a group, unless a single item is larger.
            patience: How long, in seconds, a running group holds the next one back.
        """
        self._name = name
        self._send = send
        self._max_size = max_size
        self._patience = patience
        self._waiting: list[_Place[Item, Result]] = []
        self._size = 0
        # The group that holds back what arrives, and all groups that have been sent.
        self._ahead: Sequence[_Place[Item, Result]] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def add(self, item: Item, size: int = 1, keys: frozenset[Hashable] = frozenset()) -> Result:
        """Write an item with others, and return its own result.

        Raises what `send` raises, but RuleBroken only if the item by itself breaks a rule. An item whose caller is
        cancelled is still written if its group has been sent.

        Args:
            item: What to write.
            size: How much of a group's size the item takes.
            keys: Items that have a key in common never share a group.
        """
        turn: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Place(item, size, keys, turn, copy_context()))
        self._size += size
        if self._ahead is not None and (span := tracing.current()) is not None:
            span.follow(turn, self._name)
        if self._ahead is None:
            self._depart()
        while self._size >= self._max_size:
            self._depart()
        return await turn

    def _depart(self) -> None:
        """Send the items that have waited longest, which hold back those that arrive after them."""
        group = self._next_group()
        if not group:
            return
        self._ahead = group
        let_go = partial(self._let_go, group)
        task = asyncio.create_task(self._write(group, let_go), context=group[0].context)
        self._under_way.add(task)
        task.add_done_callback(partial(self._land, group))
        asyncio.get_running_loop().call_later(self._patience, let_go)

    def _next_group(self) -> list[_Place[Item, Result]]:
        """Remove and return the items that arrived first, up to the first one that does not fit in."""
        keys: set[Hashable] = set()
        size = 0
        group: list[_Place[Item, Result]] = []
        self._waiting = [place for place in self._waiting if not place.turn.cancelled()]
        for place in self._waiting:
            size += place.size
            if group and (size > self._max_size or not keys.isdisjoint(place.keys)):
                break
            keys |= place.keys
            group.append(place)
        del self._waiting[: len(group)]
        self._size = sum(place.size for place in self._waiting)
        return group

    def _land(self, group: Sequence[_Place[Item, Result]], task: "asyncio.Task[None]") -> None:
        """Let the next group go; answer those of one that was cancelled, perhaps before it began."""
        if futures.was_cut_off(task):
            doubt = "the write was cut off; whether the change was made is not known; try again"
            futures.fail((place.turn for place in group), DatabaseUnavailable(doubt, outcome_unknown=True))
        self._under_way.discard(task)
        self._let_go(group)

    def _let_go(self, group: Sequence[_Place[Item, Result]]) -> None:
        """Let the next group go, where it is this one that holds it back."""
        if self._ahead is group:
            self._ahead = None
            self._depart()

    async def _write(self, group: Sequence[_Place[Item, Result]], stored: Callable[[], None]) -> None:
        """Send the group, or one by one where one of it breaks a rule."""
        try:
            results = await self._send([place.item for place in group], stored)
            for place, result in zip(group, results, strict=True):
                futures.answer(place.turn, result)
        except Exception as error:
            if isinstance(error, RuleBroken) and len(group) > 1:
                for place in group:  # nothing was written, and one item must not fail the others
                    await self._write([place], stored)
                return
            futures.fail((place.turn for place in group), error)
