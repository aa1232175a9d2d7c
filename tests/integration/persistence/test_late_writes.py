"""A change is made while its caller waits for it, or never; whoever is told otherwise is told of the doubt."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from tests.integration.persistence.stalling_link import StallingLink
from tests.integration.standstill import frozen

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence import deadlines
from utxoiq_persistence.config import Settings
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres import presence
from utxoiq_persistence.postgres import session as sessions
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.fence import Backend
from utxoiq_persistence.postgres.session import Session, connector
from utxoiq_persistence.postgres.statements import Statement
from utxoiq_persistence.records import Idempotency, NewJob, Rating
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

BACKEND = Statement("backend", "SELECT pg_backend_pid()", lambda _: ())
ONE = Statement("one", "SELECT 1", lambda _: ())


@pytest.fixture
async def link(postgres: Postgres, tmp_path: Path) -> AsyncIterator[StallingLink]:
    link = StallingLink(postgres.socket_dir)
    async with link.listening(tmp_path):
        yield link


@pytest.fixture
def impatient(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A statement has a second, and as much again for its answer."""
    monkeypatch.setattr(sessions, "SILENCE_SECONDS", 1.0)
    return replace(settings, database=replace(settings.database, statement_timeout_ms=1000))


@pytest.fixture
async def behind_link(impatient: Settings, link: StallingLink, tmp_path: Path) -> AsyncIterator[Store]:
    """A store whose connections go through the link."""
    settings = replace(impatient, database=replace(impatient.database, socket_dir=str(tmp_path)))
    async with Store.opened(settings) as store:
        yield store


@pytest.fixture
def stored(postgres: Postgres, database: str) -> Callable[[str], tuple[list[object], int]]:
    """Tells the ratings of an insight, and how many changes of it the audit trail has."""

    def read(insight: str) -> tuple[list[object], int]:
        with postgres.connect(database=database) as connection:
            rows = connection.run("SELECT rating FROM insight_feedback WHERE insight_id = :insight", insight=insight)
            ((entries,),) = connection.run("SELECT count(*) FROM audit_log WHERE subject = :insight", insight=insight)
        return [rating for (rating,) in rows], entries

    return read


@pytest.mark.parametrize("ended", [True, False], ids=["its process is ended", "its process cannot be ended"])
@pytest.mark.parametrize("cut", [True, False], ids=["cut", "silent"])
async def test_a_rating_in_a_stalled_link_is_not_stored_when_the_link_wakes(
    behind_link: Store,
    link: StallingLink,
    stored: Callable[[str], tuple[list[object], int]],
    monkeypatch: pytest.MonkeyPatch,
    ended: bool,
    cut: bool,
) -> None:
    insight = str(uuid4())
    await behind_link.feedback.rate(Rating(insight, 3), "u")
    await behind_link.feedback.rate(Rating(insight, 3), "u")
    if not ended:

        async def wait(_: object, __: Backend, last: float) -> bool:
            await asyncio.sleep(max(0.0, last - time.monotonic()))
            return False

        monkeypatch.setattr(Database, "_ended", wait)
    link.stall()
    late = asyncio.create_task(behind_link.feedback.rate(Rating(insight, 1), "u"))
    await link.held.wait()
    if cut:
        link.cut()
    with pytest.raises(DatabaseUnavailable, match="whether the change was made is not known") as refusal:
        await late
    assert refusal.value.outcome_unknown
    assert refusal.value.is_over is ended
    await behind_link.feedback.rate(Rating(insight, 5), "u")
    link.wake()
    link.cut()
    await link.delivered()
    assert stored(insight) == ([5], 3)
    assert json.loads((await behind_link.feedback.stats(insight)).body)["average_rating"] == 5


async def test_a_commit_in_a_stalled_link_commits_nothing_when_the_link_wakes(
    behind_link: Store,
    link: StallingLink,
    postgres: Postgres,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = Idempotency("caller", str(uuid4()), b"hash")
    await behind_link.jobs.start(NewJob("first", 0, 9), Idempotency("caller", str(uuid4()), b"hash"))
    loop = asyncio.get_running_loop()
    commit = Session.commit
    stalled: list[Session] = []

    def stall_first(session: Session) -> None:
        if not stalled:
            stalled.append(session)
            asyncio.run_coroutine_threadsafe(_call(link.stall), loop).result()
        commit(session)

    monkeypatch.setattr(Session, "commit", stall_first)
    monkeypatch.setattr(Database, "_ended", _never_ended)
    # The second attempt waits for the first one's claim of the key, whose transaction is open.
    with pytest.raises(DatabaseUnavailable) as refusal:
        await behind_link.jobs.start(NewJob("late", 0, 9), key)
    assert refusal.value.outcome_unknown
    link.wake()
    link.cut()
    await link.delivered()
    with postgres.connect(database=database) as connection:
        assert connection.run("SELECT count(*) FROM backfill_jobs WHERE job_type = 'late'") == [[0]]
    await behind_link.jobs.start(NewJob("late", 0, 9), key)


async def _call(function: Callable[[], None]) -> None:
    function()


async def _never_ended(_: object, __: Backend, ___: float) -> bool:
    return False


async def test_the_doubt_of_an_earlier_attempt_outlives_a_clean_failure(
    impatient: Settings, postgres: Postgres, database: str
) -> None:
    """The connection ends in the first attempt; none can be opened for the next."""
    connect = connector(impatient.database)
    opened: list[Session] = []

    def connect_once() -> Session:
        if opened:
            raise ConnectionRefusedError
        opened.append(connect())
        return opened[0]

    def work(session: Session) -> None:
        ((pid,),) = session.run(BACKEND)
        with postgres.connect(database=database) as other:
            other.run("SELECT pg_terminate_backend(:pid, 5000)", pid=pid)
        session.execute("SELECT 1")

    pool = Database(impatient.database, connect_once)
    with pytest.raises(DatabaseUnavailable, match="whether the change was made is not known") as refusal:
        await pool.work("work", work, idempotent=True)
    assert refusal.value.outcome_unknown
    await pool.close()


async def test_a_server_whose_clock_was_set_forward_costs_a_connection_but_no_request(store: Store) -> None:
    insight = str(uuid4())
    for rating in (1, 2):
        await store.feedback.rate(Rating(insight, rating), "u")
    (session,) = store.database._idle
    assert session.backend is not None
    session.backend = replace(session.backend, clock=session.backend.clock - 3600)
    await store.feedback.rate(Rating(insight, 3), "u")
    assert json.loads((await store.feedback.stats(insight)).body)["average_rating"] == 3
    assert session.broken


async def test_a_refused_value_is_not_taken_for_a_late_statement(store: Store, database: str) -> None:
    statement = Statement("odd", "SELECT set_config('statement_timeout', '-1', true)", lambda _: ())
    for _ in range(2):
        with pytest.raises(Exception, match="refused a value"):
            await store.database.fetch(statement)
    assert not store.database._idle[0].broken


async def test_requests_of_a_frozen_database_end_at_their_deadline_and_the_next_ones_at_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "PATIENCE_SECONDS", 0.3)
    with Postgres(tmp_path / "data", password="unused") as server:
        own = replace(settings.database, name="postgres", socket_dir=str(server.socket_dir))
        database = Database(replace(own, pool_size=1, pool_overflow=0), connector(own))
        assert await database.fetch(ONE) == [[1]]
        assert server.process is not None
        family = psutil.Process(server.process.pid)
        with frozen(family.pid):
            processes = family.children()
            for process in processes:
                process.suspend()
            deadlines.limit(1.0)
            started = time.monotonic()
            failures = await asyncio.gather(
                database.fetch(ONE),
                *(database.fetch(ONE, idempotent=True) for _ in range(20)),
                database.work("ping", lambda session: session.execute("SELECT 1")),
                return_exceptions=True,
            )
            assert all(isinstance(failure, DatabaseUnavailable) for failure in failures)
            while not database._presence.is_silent:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
            deadlines.limit(60)
            for _ in range(100):
                with pytest.raises(DatabaseUnavailable, match="does not answer"):
                    await database.fetch(ONE)
            assert time.monotonic() - started < 60  # of a hundred that would each have as long
            for process in processes:
                process.resume()
        async with asyncio.timeout(120):
            while True:
                try:
                    assert await database.fetch(ONE, idempotent=True) == [[1]]
                    break
                except DatabaseUnavailable:
                    await asyncio.sleep(0.05)
        await database.close()
