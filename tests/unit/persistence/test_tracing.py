import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from utxoiq_persistence.errors import ConfigurationError
from utxoiq_persistence.tracing import spans as tracing
from utxoiq_persistence.tracing.settings import TraceSettings
from utxoiq_persistence.tracing.spans import NONE, Attributes, Span


class Seen(Span):
    """What was told of a span, in the order of the spans' ends."""

    def __init__(self, name: str, ended: list[str], above: str = "") -> None:
        self._path = f"{above}/{name}"
        self._ended = ended

    def child(self, name: str, attributes: Attributes = NONE, *, remote: bool = False) -> "Seen":
        return Seen(name, self._ended, self._path)

    def note(self, key: str, value: str | int) -> None:
        self._ended.append(f"{self._path} {key}={value}")

    def end(self, error: BaseException | None = None) -> None:
        self._ended.append(self._path if error is None else f"{self._path} {type(error).__name__}")


def ends_of(work: Callable[[Seen], object]) -> list[str]:
    ended: list[str] = []

    async def request() -> None:
        span = Seen("request", ended)
        tracing.enter(span)
        result = work(span)
        if asyncio.iscoroutine(result):
            await result

    asyncio.run(request())
    return ended


def test_there_is_no_span_where_nobody_entered_one() -> None:
    assert tracing.current() is None


def test_what_is_begun_in_a_block_belongs_to_it() -> None:
    def work(span: Seen) -> None:
        with span.within("outer"):
            here = tracing.current()
            assert here is not None
            here.point("inner")
        assert tracing.current() is span

    assert ends_of(work) == ["/request/outer/inner", "/request/outer"]


def test_an_error_ends_what_it_leaves() -> None:
    def work(span: Seen) -> None:
        with pytest.raises(ValueError, match="no"), span.within("block"):
            raise ValueError("no")
        assert tracing.current() is span

    assert ends_of(work) == ["/request/block ValueError"]


def test_a_future_is_followed_to_its_end_whatever_that_is() -> None:
    async def work(span: Seen) -> None:
        futures: list[asyncio.Future[None]] = [asyncio.get_running_loop().create_future() for _ in range(3)]
        for name, future in zip(("done", "failed", "gone"), futures, strict=True):
            span.follow(future, name)
        futures[0].set_result(None)
        futures[1].set_exception(OSError())
        futures[2].cancel()
        await asyncio.wait(futures)

    assert ends_of(work) == ["/request/done", "/request/failed OSError", "/request/gone CancelledError"]


def test_a_thread_that_is_handed_work_knows_whose_it_is() -> None:
    async def work(span: Seen) -> None:
        with ThreadPoolExecutor(1) as threads, span.within("work"):
            carried = threads.submit(tracing.carried(tracing.current))
            bare = threads.submit(tracing.current)
            assert carried.result() is tracing.current()
            assert bare.result() is None

    assert ends_of(work) == ["/request/work"]


def test_a_statement_is_told_of_without_its_text() -> None:
    assert tracing.describe_statement("get_job", "SELECT *\nFROM jobs WHERE id = $1") == {
        "db.system.name": "postgresql",
        "db.operation.name": "SELECT",
        "db.query.summary": "get_job",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [*(("TRACE_SAMPLING", wrong) for wrong in ("-0.1", "2", "nan", "all")), ("TRACES_ENDPOINT", "127.0.0.1:4318")],
)
def test_a_setting_that_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        TraceSettings.from_environment({"GOOGLE_CLOUD_PROJECT": "project", name: value})


def test_nothing_is_traced_where_nothing_is_said() -> None:
    assert TraceSettings.from_environment({"GOOGLE_CLOUD_PROJECT": "project"}).sampling == 0
