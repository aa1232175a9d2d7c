"""What is tried again, and what never is."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from uuid import uuid4

import pytest
from pg8000.native import to_statement

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Session, connector
from utxoiq_persistence.postgres.statements import Statement
from utxoiq_persistence.records import Idempotency, NewMetric
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

INCREMENT = Statement("increment", *to_statement("UPDATE counters SET value = value + 1 WHERE id = :id"))
WAITING = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = :name AND wait_event = :event
"""


@pytest.fixture
def counters(postgres: Postgres, database: str) -> Iterator[Callable[[], list[int]]]:
    """A table of two rows, and what they count."""

    def values() -> list[int]:
        with postgres.connect(database=database) as connection:
            return [value for (value,) in connection.run("SELECT value FROM counters ORDER BY id")]

    with postgres.connect(database=database) as connection:
        connection.run("CREATE TABLE counters AS SELECT id, 0 AS value FROM generate_series(1, 2) AS id")
        yield values
        connection.run("DROP TABLE counters")


async def end_waiting(postgres: Postgres, database: str, event: str) -> None:
    """Ends the connection that waits for that event, as an operator would."""

    def end() -> None:
        with postgres.connect() as connection:
            while connection.run(WAITING, name=database, event=event) == [[0]]:
                pass

    await asyncio.to_thread(end)


async def test_a_deadlock_is_resolved_by_trying_again(
    store: Store, counters: Callable[[], list[int]], postgres: Postgres, database: str
) -> None:
    both_hold_one = threading.Barrier(2)
    attempts = []

    def update(order: Sequence[int], session: Session) -> None:
        attempts.append(order)
        with session.transaction():
            session.run(INCREMENT, id=order[0])
            if len(attempts) <= 2:
                both_hold_one.wait(60)
            session.run(INCREMENT, id=order[1])

    await asyncio.gather(
        store.database.work("update", lambda session: update((1, 2), session)),
        store.database.work("update", lambda session: update((2, 1), session)),
    )
    assert len(attempts) == 3
    assert counters() == [2, 2]


async def test_a_serialization_failure_is_tried_again(
    store: Store, counters: Callable[[], list[int]], postgres: Postgres, database: str
) -> None:
    attempts = []

    def increment(session: Session) -> None:
        attempts.append(1)
        with session.transaction():
            session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            session.execute("TABLE counters")
            if len(attempts) == 1:
                with postgres.connect(database=database) as other:
                    other.run("UPDATE counters SET value = value + 1")
            session.execute("UPDATE counters SET value = value + 1")

    await store.database.work("increment", increment)
    assert len(attempts) == 2
    assert counters() == [2, 2]


async def test_a_connection_that_cannot_be_opened_is_tried_again(store: Store) -> None:
    settings = store.database._settings
    connect = connector(settings)
    failures = [ConnectionRefusedError(), ConnectionRefusedError()]

    def connect_at_last() -> Session:
        if failures:
            raise failures.pop()
        return connect()

    database = Database(settings, connect_at_last)
    assert await database.work("once", lambda _: "done") == "done"
    await database.close()


@pytest.mark.parametrize("idempotent", [True, False])
async def test_what_may_have_been_applied_is_tried_again_only_if_that_does_no_harm(
    store: Store, postgres: Postgres, database: str, idempotent: bool
) -> None:
    attempts = []

    def work(session: Session) -> str:
        attempts.append(1)
        if len(attempts) == 1:
            session.execute("SELECT pg_sleep(60)")
        return "done"

    task = asyncio.create_task(store.database.work("work", work, idempotent=idempotent))
    await end_waiting(postgres, database, "PgSleep")
    if idempotent:
        assert await task == "done"
    else:
        with pytest.raises(DatabaseUnavailable, match="whether the change was made is not known") as refusal:
            await task
        assert refusal.value.outcome_unknown
    assert len(attempts) == (2 if idempotent else 1)


@pytest.mark.parametrize("keyed", [True, False])
async def test_metrics_whose_connection_dies_are_never_recorded_twice(
    store: Store, postgres: Postgres, database: str, keyed: bool
) -> None:
    service = f"service-{uuid4()}"
    metric = NewMetric(service, "cpu", 1.0, "percent")
    await store.metrics.record(metric)
    idempotency = Idempotency("caller", service, b"hash") if keyed else None
    with postgres.connect(database=database) as connection:
        connection.run("BEGIN")
        connection.run("LOCK TABLE metric_points IN SHARE MODE")
        task = asyncio.create_task(store.metrics.record(metric, idempotency))
        await end_waiting(postgres, database, "relation")
        connection.run("ROLLBACK")
        if keyed:
            await task
        else:
            with pytest.raises(DatabaseUnavailable):
                await task
        counted = "SELECT count(*) FROM system_metrics WHERE service_name = :service"
        assert connection.run(counted, service=service) == [[2 if keyed else 1]]


async def test_a_change_of_the_schema_costs_a_connection_but_no_request(
    store: Store, counters: Callable[[], list[int]], postgres: Postgres, database: str
) -> None:
    statement = Statement("all", "SELECT * FROM counters ORDER BY id", lambda _: ())
    assert await store.database.fetch(statement) == [[1, 0], [2, 0]]
    with postgres.connect(database=database) as connection:
        connection.run("ALTER TABLE counters ADD COLUMN note text")
    assert await store.database.fetch(statement) == [[1, 0, None], [2, 0, None]]


async def test_retries_end(store: Store) -> None:
    database = Database(store.database._settings, unreachable)
    with pytest.raises(DatabaseUnavailable, match="cannot be reached") as refusal:
        await database.work("never", lambda _: None)
    assert not refusal.value.outcome_unknown
    assert database.queries["never"].errors == 4
    await database.close()


def unreachable() -> Session:
    raise ConnectionRefusedError
