"""Writes that come together go out together, each with its own result."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from utxoiq_persistence.errors import DatabaseUnavailable, RuleBroken
from utxoiq_persistence.writes.grouping import Groups

pytestmark = pytest.mark.anyio

Check = Callable[[list[str]], None]


class Sender:
    """What a group of writes goes to. A group that holds a letter of `held` waits until that is let go.

    One that holds a letter of `telling` is stored at once, and waits afterwards.
    """

    def __init__(self, check: Check | None = None, held: str = "", telling: str = "") -> None:
        self.groups: list[str] = []
        self.written: list[str] = []
        self.sent = asyncio.Event()
        self.let_go = {letter: asyncio.Event() for letter in held + telling}
        self._telling = telling
        self._check = check

    async def __call__(self, items: list[str], stored: Callable[[], None]) -> list[str]:
        self.groups.append("".join(items))
        self.sent.set()
        if not set(items).isdisjoint(self._telling):
            stored()
        for item in items:
            if item in self.let_go:
                await self.let_go[item].wait()
        if self._check is not None:
            self._check(items)
        self.written += items
        return [item.upper() for item in items]


def begin(work: Awaitable[str]) -> "asyncio.Future[str]":
    return asyncio.ensure_future(work)


async def behind(
    sender: Sender, groups: Groups[str, str], letters: str
) -> "tuple[asyncio.Future[str], list[asyncio.Future[str]]]":
    """`a`, which is held on its way, and the letters that wait for it meanwhile."""
    first = begin(groups.add("a"))
    await sender.sent.wait()
    others = [begin(groups.add(letter)) for letter in letters]
    await asyncio.sleep(0)
    return first, others


async def test_one_that_comes_alone_waits_for_nobody() -> None:
    sender = Sender()
    groups = Groups("write", sender, 10)
    assert [await groups.add("a"), await groups.add("b")] == ["A", "B"]
    assert sender.groups == ["a", "b"]


async def test_those_that_come_meanwhile_go_out_together_and_each_gets_its_own() -> None:
    sender = Sender(held="a")
    groups = Groups("write", sender, 10, patience=3600)
    first, others = await behind(sender, groups, "bcd")
    assert sender.groups == ["a"]
    sender.let_go["a"].set()
    assert await asyncio.gather(first, *others) == ["A", "B", "C", "D"]
    assert sender.groups == ["a", "bcd"]


async def test_two_of_one_key_never_share_a_group() -> None:
    sender = Sender(held="a")
    groups = Groups("write", sender, 10, patience=3600)
    first = begin(groups.add("a", keys=frozenset("k")))
    await sender.sent.wait()
    others = [begin(groups.add(letter, keys=frozenset(key))) for letter, key in zip("bcde", "klkm", strict=True)]
    await asyncio.sleep(0)
    sender.let_go["a"].set()
    await asyncio.gather(first, *others)
    assert sender.groups == ["a", "bc", "de"]


async def test_a_full_group_does_not_wait() -> None:
    sender = Sender(held="a")
    groups = Groups("write", sender, 3, patience=3600)
    first, others = await behind(sender, groups, "bcd")
    assert await asyncio.gather(*others) == ["B", "C", "D"]
    assert not first.done()
    small = begin(groups.add("e"))
    await asyncio.sleep(0)
    assert await groups.add("large", size=7) == "LARGE"
    assert await small == "E"
    assert sender.groups == ["a", "bcd", "e", "large"]
    sender.let_go["a"].set()
    await first


async def test_one_that_is_stored_does_not_hold_the_next_while_it_tells_the_cache() -> None:
    sender = Sender(held="b", telling="a")
    groups = Groups("write", sender, 10, patience=3600)
    first, others = await behind(sender, groups, "bc")
    sender.let_go["b"].set()
    async with asyncio.timeout(30):
        assert await asyncio.gather(*others) == ["B", "C"]
    assert not first.done()
    assert sender.groups == ["a", "b", "c"]
    sender.let_go["a"].set()
    assert await first == "A"


async def test_one_that_is_stored_lets_only_the_next_go() -> None:
    sender = Sender(held="b", telling="a")
    groups = Groups("write", sender, 10, patience=3600)
    first, (second,) = await behind(sender, groups, "b")
    third = begin(groups.add("c"))
    sender.let_go["a"].set()
    await first
    assert sender.groups == ["a", "b"]  # the end of the first is no reason for the third to go
    sender.let_go["b"].set()
    assert [await second, await third] == ["B", "C"]
    assert sender.groups == ["a", "b", "c"]


async def test_one_that_hangs_does_not_hold_the_next_for_long() -> None:
    sender = Sender(held="a")
    groups = Groups("write", sender, 10)
    first = begin(groups.add("a"))
    assert await groups.add("b") == "B"
    assert not first.done()
    sender.let_go["a"].set()
    await first


async def test_what_befalls_the_statement_befalls_all_of_it() -> None:
    def away(items: list[str]) -> None:
        if items != ["a"]:
            raise DatabaseUnavailable("away", outcome_unknown=True)

    sender = Sender(away, held="a")
    groups = Groups("write", sender, 10, patience=3600)
    first, others = await behind(sender, groups, "bc")
    sender.let_go["a"].set()
    found = await asyncio.gather(first, *others, return_exceptions=True)
    assert [type(each) for each in found] == [str, DatabaseUnavailable, DatabaseUnavailable]
    assert sender.groups == ["a", "bc"]  # not tried again: it may have been applied


async def test_one_that_breaks_a_rule_breaks_it_for_itself() -> None:
    def refuse(items: list[str]) -> None:
        if "c" in items:
            raise RuleBroken("no c")

    sender = Sender(refuse, held="a")
    groups = Groups("write", sender, 10, patience=3600)
    first, others = await behind(sender, groups, "bcd")
    sender.let_go["a"].set()
    found = await asyncio.gather(first, *others, return_exceptions=True)
    assert [str(each) for each in found] == ["A", "B", "no c", "D"]
    assert sender.written == ["a", "b", "d"]


async def test_one_that_is_given_up_in_time_is_not_written() -> None:
    sender = Sender(held="a")
    groups = Groups("write", sender, 10, patience=3600)
    first, others = await behind(sender, groups, "bc")
    others[0].cancel()
    first.cancel()
    await asyncio.wait([first, others[0]])
    sender.let_go["a"].set()
    assert await others[1] == "C"
    assert sender.written == ["a", "c"]  # what was on its way has arrived


async def test_all_of_a_group_are_answered_though_its_task_is_cancelled() -> None:
    sender = Sender(held="a")
    groups = Groups("write", sender, 10, patience=3600)
    first, _ = await behind(sender, groups, "")
    (task,) = groups._under_way
    task.cancel()
    async with asyncio.timeout(30):
        with pytest.raises(DatabaseUnavailable) as caught:
            await first
    assert caught.value.outcome_unknown
    assert await groups.add("b") == "B"


async def test_all_of_a_group_are_answered_though_results_are_missing() -> None:
    async def send(items: list[str], stored: Callable[[], None]) -> list[str]:
        return [item.upper() for item in items][:1]

    groups = Groups("write", send, 2)
    async with asyncio.timeout(30):
        found = await asyncio.gather(groups.add("a"), groups.add("b"), groups.add("c"), return_exceptions=True)
    assert [type(each) for each in found] == [str, str, ValueError]
