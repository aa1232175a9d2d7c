"""Others are asked no more often than it is worth, and nobody waits long."""

import asyncio
from collections.abc import Awaitable, Callable

from utxoiq_console.sources import Source, SourceUnavailable


def test_readers_share_one_question() -> None:
    async def scenario() -> None:
        asked = 0
        answered = asyncio.Event()

        async def ask() -> int:
            nonlocal asked
            asked += 1
            await answered.wait()
            return asked

        source = Source(ask, 60)
        readers = [asyncio.create_task(source.read(30)) for _ in range(5)]
        await asyncio.sleep(0)
        answered.set()
        readings = await asyncio.gather(*readers)
        assert [reading.value for reading in readings] == [1] * 5
        assert (await source.read(30)).value == 1

    asyncio.run(scenario())


def test_an_answer_that_nobody_expected_is_a_failure_of_its_own_section() -> None:
    async def scenario() -> None:
        async def ask() -> int:
            raise KeyError("metrics")

        reading = await Source(ask, 60).read(30)
        assert reading.value is None
        assert "cannot be shown" in str(reading.problem)

    asyncio.run(scenario())


def test_an_impatient_reader_gets_what_there_was() -> None:
    async def scenario() -> None:
        answers = iter([1])
        never = asyncio.Event()

        async def ask() -> int:
            for answer in answers:
                return answer
            await never.wait()
            raise AssertionError

        source = Source(ask, 0)
        assert (await source.read(30)).value == 1
        late = await source.read(0)
        assert (late.value, late.problem) == (1, None)

    asyncio.run(scenario())


def test_who_comes_first_and_does_not_wait_is_told_that_it_is_being_asked() -> None:
    async def scenario() -> None:
        source = Source(asyncio.Event().wait, 60)
        assert (await source.read(0)).waits

    asyncio.run(scenario())


def test_a_failure_is_told_beside_the_last_answer_and_not_tried_again_at_once() -> None:
    async def scenario() -> None:
        asked = 0

        async def ask() -> str:
            nonlocal asked
            asked += 1
            if asked == 1:
                return "first"
            raise SourceUnavailable("it is away")

        source = Source(ask, 60)
        assert (await source.read(30)).value == "first"
        source.expire()
        failed = await source.read(30)
        assert (failed.value, failed.problem) == ("first", "it is away")
        await source.read(30)
        assert asked == 2

    asyncio.run(scenario())


def test_a_page_that_is_read_again_asks_about_now_and_not_about_then() -> None:
    async def scenario() -> None:
        asked: list[int] = []

        def ask(moment: int) -> Callable[[], Awaitable[int]]:
            async def answer() -> int:
                asked.append(moment)
                return moment

            return answer

        source = Source(ask(1), 0)
        for moment in (1, 2):
            source.ask_next(ask(moment))
            assert (await source.read(30)).value == moment
        assert asked == [1, 2]

    asyncio.run(scenario())
