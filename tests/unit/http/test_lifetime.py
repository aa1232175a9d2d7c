import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

import pytest

from utxoiq_http.lifetime import OpenOnce
from utxoiq_persistence.errors import DatabaseUnavailable


class Opening:
    def __init__(self, failures: int = 0) -> None:
        self.opened = 0
        self.closed = 0
        self._failures = failures

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[int]:
        self.opened += 1
        await asyncio.sleep(0)
        if self.opened <= self._failures:
            raise OSError("not yet")
        try:
            yield self.opened
        finally:
            await asyncio.sleep(0)
            self.closed += 1


def test_first_requests_at_once_open_once() -> None:
    opening = Opening()

    async def run() -> list[int]:
        once = OpenOnce(opening)
        return await asyncio.gather(*(once.get() for _ in range(10)))

    assert asyncio.run(run()) == [1] * 10


def test_it_is_closed_when_the_loop_ends() -> None:
    opening = Opening()
    asyncio.run(OpenOnce(opening).get())
    assert opening.closed == 1


def test_it_is_closed_when_asked() -> None:
    opening = Opening()

    async def run() -> None:
        once = OpenOnce(opening)
        await once.get()
        await once.close()
        assert opening.closed == 1

    asyncio.run(run())


def test_an_opening_that_failed_is_tried_anew() -> None:
    opening = Opening(failures=1)

    async def run() -> int:
        once = OpenOnce(opening)
        with pytest.raises(OSError, match="not yet"):
            await once.get()
        return await once.get()

    assert asyncio.run(run()) == 2


def test_a_request_that_is_given_up_leaves_it_to_the_others() -> None:
    async def run() -> int:
        once = OpenOnce(Opening())
        impatient = asyncio.create_task(once.get())
        await asyncio.sleep(0)
        impatient.cancel()
        return await once.get()

    assert asyncio.run(run()) == 1


def test_what_is_opened_is_no_part_of_the_request_that_opened_it() -> None:
    request_id: ContextVar[str] = ContextVar("request_id", default="")

    @asynccontextmanager
    async def opening() -> AsyncIterator[str]:
        yield request_id.get()

    async def run() -> str:
        request_id.set("first")
        return await OpenOnce(opening).get()

    assert asyncio.run(run()) == ""


def test_those_who_wait_for_an_opening_that_is_cut_off_are_told() -> None:
    @asynccontextmanager
    async def opening() -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield "never"

    async def run() -> None:
        once = OpenOnce(opening)
        asking = asyncio.create_task(once.get())
        await asyncio.sleep(0)
        await once.close()
        async with asyncio.timeout(30):
            with pytest.raises(DatabaseUnavailable):
                await asking

    asyncio.run(run())
