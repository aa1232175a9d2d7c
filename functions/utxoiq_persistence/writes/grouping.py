"""Writes that come while others are on their way go out together: a statement, a commit and a change of cache for all.

A write that comes alone waits for nobody. Under load a group grows to what came meanwhile, as a database's own group
commit does: the busier, the less each of them costs.
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

# One that waits for a lock holds the next one back no longer than this, seconds.
PATIENCE = 0.02


@dataclass(eq=False)
class _Place(Generic[Item, Result]):
    """keys: what no other of its group may have. context: of whoever waits, for the traces and logs of its group."""

    item: Item
    size: int
    keys: frozenset[Hashable]
    turn: "asyncio.Future[Result]"
    context: Context


class Groups(Generic[Item, Result]):
    """Used on one event loop."""

    def __init__(
        self,
        name: str,
        send: Callable[[list[Item]], Awaitable[Sequence[Result]]],
        max_size: int,
        patience: float = PATIENCE,
    ) -> None:
        """send: writes all or none, and tells the result of each. max_size: of a group, unless one item is larger.

        name: what traces call the wait of an item that goes out in another's group.
        """
        self._name = name
        self._send = send
        self._max_size = max_size
        self._patience = patience
        self._waiting: list[_Place[Item, Result]] = []
        self._size = 0
        # The one that holds back whoever comes, and all that are on their way.
        self._ahead: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def add(self, item: Item, size: int = 1, keys: frozenset[Hashable] = frozenset()) -> Result:
        """The item's own result, or what `send` raises: RuleBroken only if the item by itself breaks a rule.

        keys: items that share one never share a group.
        An item that is cancelled is written nevertheless once it is on its way.
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
        """Those that have waited longest set out, and hold back whoever comes after them."""
        group = self._next_group()
        if not group:
            return
        task = asyncio.create_task(self._write(group), context=group[0].context)
        self._ahead = task
        self._under_way.add(task)
        task.add_done_callback(partial(self._land, group))
        asyncio.get_running_loop().call_later(self._patience, self._let_go, task)

    def _next_group(self) -> list[_Place[Item, Result]]:
        """Those that came first, until one does not fit in."""
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
        self._let_go(task)

    def _let_go(self, task: "asyncio.Task[None]") -> None:
        if self._ahead is task:
            self._ahead = None
            self._depart()

    async def _write(self, group: Sequence[_Place[Item, Result]]) -> None:
        """Send the group, or one by one where one of it breaks a rule."""
        try:
            results = await self._send([place.item for place in group])
            for place, result in zip(group, results, strict=True):
                futures.answer(place.turn, result)
        except Exception as error:
            if isinstance(error, RuleBroken) and len(group) > 1:
                for place in group:  # nothing was written: the others are not to suffer from the one that broke it
                    await self._write([place])
                return
            futures.fail((place.turn for place in group), error)
