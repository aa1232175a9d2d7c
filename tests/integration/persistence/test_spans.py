"""What the data-access layer tells of a traced request, as a tree of names; and what of that leaves the process."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest
from pg8000.exceptions import DatabaseError
from tests.integration.http.receiver import DEADLINE_SECONDS, Receiver
from tests.system.running import until

from utxoiq_persistence.cache.cache import RESULT
from utxoiq_persistence.config import Settings
from utxoiq_persistence.errors import PoolExhausted
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.records import Document
from utxoiq_persistence.store import Store
from utxoiq_persistence.tracing import spans as tracing
from utxoiq_persistence.tracing.settings import TraceSettings
from utxoiq_persistence.tracing.spans import NONE, Attributes, Span, TraceContext
from utxoiq_persistence.tracing.telemetry import MAX_SPANS, Telemetry

pytestmark = pytest.mark.anyio

ATTEMPTS = 100
TRACE = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)


class Seen(Span):
    """Remembers its descendants' ends: their names from the top on, and what went wrong."""

    def __init__(self, path: str = "", ended: list[str] | None = None) -> None:
        self.path = path
        self.ended: list[str] = [] if ended is None else ended

    def child(self, name: str, attributes: Attributes = NONE, *, remote: bool = False) -> "Seen":
        return Seen(f"{self.path}/{name}", self.ended)

    def note(self, key: str, value: str | int) -> None:
        self.ended.append(f"{self.path} {key}={value}")

    def end(self, error: BaseException | None = None) -> None:
        self.ended.append(self.path if error is None else f"{self.path} {type(error).__name__}")


@contextmanager
def traced() -> Iterator[list[str]]:
    """What happens in the block; the list has what ended."""
    span = Seen()
    tracing.enter(span)
    try:
        yield span.ended
    finally:
        tracing.enter(None)


async def test_a_transaction_is_told_of_by_its_statements(store: Store) -> None:
    def work(session: Session) -> None:
        with session.transaction():
            pass

    with traced() as ended:
        await store.database.work("nothing", work)
    assert ended == ["/nothing/connect", "/nothing/BEGIN", "/nothing/COMMIT", "/nothing"]


async def test_what_the_database_refuses_is_told_of_by_its_kind(store: Store) -> None:
    with traced() as ended, pytest.raises(DatabaseError):
        await store.database.work("wrong", lambda session: session.execute("SELECT nothing"))
    assert ended == ["/wrong/connect", "/wrong/SELECT DatabaseError", "/wrong DatabaseError"]


async def test_a_wait_that_is_given_up_has_failed(settings: Settings) -> None:
    small = replace(settings, database=replace(settings.database, pool_size=1, pool_overflow=0, pool_timeout=0.05))
    async with Store.opened(small) as store:
        entered, left = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hold(_: Session) -> None:
            loop.call_soon_threadsafe(entered.set)
            asyncio.run_coroutine_threadsafe(left.wait(), loop).result()

        holding = asyncio.create_task(store.database.work("hold", hold))
        await entered.wait()
        with traced() as ended, pytest.raises(PoolExhausted):
            await store.ping()
        left.set()
        await holding
    assert ended == ["/ping/pool wait CancelledError", "/ping PoolExhausted"]


async def test_a_load_belongs_to_who_asked_first(store: Store) -> None:
    """Who comes while it is under way waits for it, unless a change may have gone unheard: then all is tried anew."""
    joined = False
    for number in count():
        first, second = await loaded_by_two(store, f"tag-{number}")
        joined = f"first/cache get {RESULT}=miss" in first and second == ["second/cache get"]
        if joined or number == ATTEMPTS:
            break
    assert joined


async def loaded_by_two(store: Store, tag: str) -> tuple[list[str], list[str]]:
    first, second = Seen("first"), Seen("second")
    loading, go_on = asyncio.Event(), asyncio.Event()

    async def load() -> Document:
        loading.set()
        await go_on.wait()
        return Document(b"{}")

    async def ask(span: Seen) -> None:
        tracing.enter(span)
        await store.cache.get("jobs", tag, "field", 60, load)

    asking = [asyncio.create_task(ask(first))]
    await loading.wait()
    asking.append(asyncio.create_task(ask(second)))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(*asking)
    return first.ended, second.ended


async def test_what_a_request_starts_for_all_is_no_part_of_its_trace(store: Store) -> None:
    with traced() as ended:
        await store.rate_limits.take("ann", 10)
    assert ended == ["/rate limit"]


async def test_a_trace_of_thousands_of_spans_is_cut_and_says_so() -> None:
    with Receiver().serving() as receiver:
        telemetry = Telemetry(TraceSettings(1, "project", "function", "1", "region", receiver.endpoint))
        root = telemetry.root("request", TRACE, NONE)
        for _ in range(MAX_SPANS + 10):
            root.child("part").end()
        root.end()
        await asyncio.to_thread(telemetry.close)
        spans = receiver.spans(TRACE.trace)
    assert len(spans) == MAX_SPANS
    request = next(span for span in spans if span["name"] == "request")
    assert request["attributes"]["utxoiq.spans_left_out"] == 11


async def test_an_error_leaves_the_process_without_its_words() -> None:
    with Receiver().serving() as receiver:
        telemetry = Telemetry(TraceSettings(1, "project", "function", "1", "region", receiver.endpoint))
        root = telemetry.root("request", TRACE, NONE)
        refusal = RuntimeError("refused")
        refusal.__cause__ = DatabaseError({"C": "23505", "M": "Key (user_id)=(ann) already exists."})
        root.child("statement").end(refusal)
        root.end()
        await asyncio.to_thread(telemetry.close)
        failed = next(span for span in receiver.spans(TRACE.trace) if span["failed"])
    assert failed["attributes"] == {"error.type": "DatabaseError", "db.response.status_code": "23505"}


async def test_a_trace_goes_out_by_itself() -> None:
    with Receiver().serving() as receiver:
        telemetry = Telemetry(TraceSettings(1, "project", "function", "1", "region", receiver.endpoint))
        telemetry.root("request", TRACE, NONE).end()
        assert await asyncio.to_thread(until, lambda: receiver.spans(TRACE.trace), DEADLINE_SECONDS)
        telemetry.close()


async def test_without_credentials_nothing_is_sent_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path_factory.mktemp("none") / "none.json"))
    telemetry = Telemetry(TraceSettings(1, "project", "function", "1", "region"))
    telemetry.root("request", None, NONE).end()
    with caplog.at_level(logging.WARNING):
        await asyncio.to_thread(telemetry.close)
    assert "traces cannot be sent" in caplog.text
