"""Loops go on whatever a round of theirs raises, and end when they are told to."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from utxoiq_persistence import background
from utxoiq_persistence.background import end

pytestmark = pytest.mark.anyio

SOON = 0.001


class Rounds:
    """Raises what it is given, one a round, and then does nothing more."""

    def __init__(self, *failures: BaseException | None) -> None:
        self.done = asyncio.Event()
        self.began = 0
        self._failures: Iterator[BaseException | None] = iter(failures)

    async def __call__(self) -> None:
        self.began += 1
        try:
            failure = next(self._failures)
        except StopIteration:
            self.done.set()
            return
        if failure is not None:
            raise failure


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


async def test_a_loop_goes_on_whatever_a_round_raises(warnings: Callable[[], list[str]]) -> None:
    rounds = Rounds(ValueError("one"), ExceptionGroup("several", [OSError("two")]), asyncio.CancelledError())
    loop = background.start("sweeping", rounds, SOON)
    await asyncio.wait_for(rounds.done.wait(), 30)
    assert not loop.done()
    await end(loop)
    assert loop.cancelled()
    assert [line.partition(": ")[2] for line in warnings()] == [
        "ValueError('one')",
        "OSError('two')",
        "CancelledError()",
    ]


async def test_a_failure_is_logged_once_until_a_round_ends_otherwise(warnings: Callable[[], list[str]]) -> None:
    away: Callable[[], Exception] = lambda: OSError("away")  # noqa: E731
    rounds = Rounds(away(), away(), None, away())
    loop = background.start("sweeping", rounds, SOON)
    await asyncio.wait_for(rounds.done.wait(), 30)
    await end(loop)
    assert warnings() == ["sweeping failed and goes on: OSError('away')"] * 2


async def test_a_loop_ends_by_its_condition_and_waits_for_nothing_then() -> None:
    rounds = Rounds()
    await asyncio.wait_for(background.start("sweeping", rounds, 3600, until=rounds.done.is_set), 30)
    assert rounds.began == 1


async def test_a_cancellation_that_the_work_turns_into_an_error_ends_the_loop_all_the_same() -> None:
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("the connection broke") from None

    loop = background.start("sweeping", work, SOON)
    await began.wait()
    await asyncio.wait_for(end(loop), 30)


async def test_a_loop_is_no_part_of_the_request_that_started_it() -> None:
    from contextvars import ContextVar

    request: ContextVar[str] = ContextVar("request", default="none")
    request.set("one")
    seen: list[Any] = []

    async def work() -> None:
        seen.append(request.get())

    await background.start("sweeping", work, SOON, until=lambda: bool(seen))
    assert seen == ["none"]
