"""A month is dropped without reading its rows again where nothing can have changed since they were archived."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.integration.retention.test_failures import interrupted
from tests.integration.retention.world import World, ids, month_start

from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio
OLDEST = load("partitions")["oldest_transaction"].text
MONTH = month_start(5)
ROWS = 8
# As if a run had archived what is there; the digest is wrong, so that rows count as archived by their number alone.
LEDGER = """
INSERT INTO archive_objects (name, table_name, day, state, row_count, row_hash, first_at, last_at,
                             bytes, sha256, generation, archived_at)
SELECT 'object of ' || day, 'system_metrics', day, 'archived', row_count, 4711, first_at, last_at,
       1, sha256(''), 1, now()
FROM (
    SELECT ("timestamp" AT TIME ZONE 'UTC')::date AS day, count(*) AS row_count,
           min("timestamp") AS first_at, max("timestamp") AS last_at
    FROM system_metrics GROUP BY 1
) AS days
"""
INSERT = """
INSERT INTO metric_points (series, "timestamp", id, metric_value)
SELECT series, "timestamp" + interval '1 ms', gen_random_uuid(), metric_value FROM metric_points LIMIT 1
"""
POINT = """
INSERT INTO metric_points (series, "timestamp", id, metric_value)
SELECT series, :at, :id, 1 FROM metric_series LIMIT 1
"""
DELETE = 'DELETE FROM metric_points WHERE (series, "timestamp", id) IN (SELECT series, "timestamp", id FROM oldest)'
UPDATE = "UPDATE metric_points SET metric_value = metric_value + 1 WHERE id IN (SELECT id FROM oldest)"
# Two rows trade values: what adds up over the rows stays the same.
SWAP = """
UPDATE metric_points AS point SET metric_value = other.metric_value
FROM metric_points AS other
WHERE point.id IN (SELECT id FROM metric_points ORDER BY id LIMIT 2)
  AND other.id IN (SELECT id FROM metric_points ORDER BY id LIMIT 2) AND point.id <> other.id
"""
WITH_OLDEST = 'WITH oldest AS (SELECT * FROM metric_points ORDER BY "timestamp" LIMIT 1) '
FREEZE = f"VACUUM (FREEZE) metric_points_{MONTH:%Y_%m}"
SUBTRANSACTION = f"DO $$ BEGIN BEGIN {WITH_OLDEST + UPDATE}; EXCEPTION WHEN division_by_zero THEN END; END $$"
CHANGES = {
    "a row more": [INSERT],
    "a row less": [WITH_OLDEST + DELETE],
    "one more and one less": [WITH_OLDEST + DELETE, INSERT],
    "another value": [WITH_OLDEST + UPDATE],
    "values that are swapped": [SWAP],
    "another value by a subtransaction": [SUBTRANSACTION],
    "one more and one less, which are frozen": [WITH_OLDEST + DELETE, INSERT, FREEZE],
}


@pytest.fixture
def archived(world: World) -> World:
    """A month that its ledger says is archived."""
    world.metrics(MONTH, ROWS)
    world.sql.run(LEDGER)
    return world


def oldest(world: World) -> str:
    ((transaction,),) = world.sql.run(OLDEST)
    return str(transaction)


def drop(world: World, unchanged_since: str | None) -> Any:
    """Return how many rows went, and how many went back to the table."""
    world.sql.run("SELECT system_metrics_detach_month(:month::date)", month=f"{MONTH:%Y-%m-01}")
    statement = "SELECT dropped, returned FROM system_metrics_drop_month(:month::date, :since::text::xid8)"
    ((dropped, returned),) = world.sql.run(statement, month=f"{MONTH:%Y-%m-01}", since=unchanged_since)
    return dropped, returned


def test_a_month_that_has_not_changed_is_known_by_its_number_of_rows(archived: World) -> None:
    since = oldest(archived)
    archived.sql.run(FREEZE)  # which changes no row
    assert drop(archived, since) == (ROWS, 0)
    assert archived.sql.run("SELECT DISTINCT state FROM archive_objects") == [["removed"]]


@pytest.mark.parametrize("change", CHANGES)
def test_a_month_that_has_changed_is_read_again(archived: World, change: str) -> None:
    since = oldest(archived)
    for statement in CHANGES[change]:
        archived.sql.run(statement)
    there = archived.live("system_metrics")
    assert drop(archived, since) == (0, there.total())
    assert archived.live("system_metrics") == there


@pytest.mark.parametrize("ahead", [None, 1000])
def test_without_a_transaction_of_this_database_a_month_is_read_again(archived: World, ahead: int | None) -> None:
    """One that has not been yet is of another database, or of one that went back to an earlier moment."""
    since = None if ahead is None else str(int(oldest(archived)) + ahead)
    assert drop(archived, since) == (0, ROWS)


@contextmanager
def writer(world: World) -> Iterator[Callable[..., Any]]:
    with world.postgres.connect(database=world.settings.database.name) as connection:
        yield connection.run


@pytest.mark.parametrize("savepoint", [[], ["SAVEPOINT inner_one"], ["SAVEPOINT inner_one", "SAVEPOINT another"]])
def test_a_writer_that_was_under_way_is_not_overlooked(archived: World, savepoint: list[str]) -> None:
    """Its transaction began before, and is newer than no one that began later; a part of it is numbered separately."""
    with writer(archived) as run:
        run("BEGIN")
        run("SELECT pg_current_xact_id()")
        for statement in savepoint:
            run(statement)
        run(INSERT)
        # Others have come and gone meanwhile.
        archived.sql.run("SELECT pg_current_xact_id()")
        since = oldest(archived)
        run("COMMIT")
    archived.sql.run(WITH_OLDEST + DELETE)
    there = archived.live("system_metrics")
    assert there.total() == ROWS
    assert drop(archived, since) == (0, ROWS)
    assert archived.live("system_metrics") == there


async def test_a_row_in_the_place_of_another_one_is_noticed_in_the_middle_of_a_run(world: World, store: Store) -> None:
    """Of a day that was archived already, so that the number of rows is the same in the end."""
    world.metrics(MONTH, ROWS)
    world.metrics(MONTH + timedelta(days=3), ROWS)
    read: list[str] = []

    def replace_row(name: str) -> None:
        read.append(name)
        if len(read) == 2:
            world.sql.run(WITH_OLDEST + DELETE)
            world.sql.run(INSERT)

    before = ids(world.live("system_metrics"))
    assert (await world.service(store, interrupted(world, replace_row)).run("test")).status == "success"
    assert (await world.service(store).run("test")).status == "success"
    everything = ids(world.everything()["system_metrics"])
    assert max(everything.values()) == 1
    assert before <= everything
    assert everything.total() == 2 * ROWS + 1
    assert world.is_tidy()


async def test_writers_at_work_during_runs_lose_nothing(world: World, store: Store) -> None:
    """Each replaces rows of the month that leaves, so that their number is the same all the time."""
    for day in range(6):
        world.metrics(MONTH + timedelta(days=day), ROWS)
    before = ids(world.live("system_metrics"))
    written: list[Any] = []
    deleted: list[Any] = []
    over = threading.Event()

    def replace_rows() -> None:
        with writer(world) as run:
            while not over.is_set():
                new, at = uuid4(), MONTH + timedelta(days=len(written) % 6, milliseconds=len(written))
                run("BEGIN")
                gone = run(f"{WITH_OLDEST}{DELETE} RETURNING id")
                run("SAVEPOINT inner_one")
                run(POINT, at=at, id=new)
                run("COMMIT")
                written.append(new)
                deleted.extend(row_id for (row_id,) in gone)

    writers = [asyncio.create_task(asyncio.to_thread(replace_rows)) for _ in range(2)]
    try:
        for _ in range(3):
            assert (await world.service(store).run("test")).status != "failed"
    finally:
        over.set()
        await asyncio.gather(*writers)
    assert (await world.service(store).run("test")).status == "success"
    everything = ids(world.everything()["system_metrics"])
    assert max(everything.values()) == 1
    assert {*before, *written} - set(everything) <= set(deleted)
    assert world.is_tidy()


async def test_a_series_without_a_name_keeps_its_points_from_leaving(world: World, store: Store) -> None:
    world.metrics(MONTH, ROWS)
    world.sql.run("CREATE TABLE named AS SELECT * FROM metric_series")
    world.sql.run("DELETE FROM metric_series WHERE service_name = 'service-1'")
    report = await world.service(store).run("test")
    assert (report.status, report.results.metrics.errors) == ("failed", 1)
    assert "of which metric_series lacks some" in report.results.metrics.details[0]
    assert world.sql.run("SELECT count(*) FROM metric_points") == [[ROWS]]
    world.sql.run("INSERT INTO metric_series SELECT * FROM named ON CONFLICT DO NOTHING")
    before = world.live("system_metrics")
    assert (await world.service(store).run("test")).status == "success"
    assert world.archived("system_metrics") == before


async def test_points_that_differ_by_their_series_alone_are_all_archived(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where one part ends between two of them."""
    monkeypatch.setattr("utxoiq_persistence.archive.exports.PART_ROWS", 2)
    world.metrics(MONTH, 3)
    world.sql.run("""
        INSERT INTO metric_points (series, "timestamp", id, metric_value)
        SELECT named.series, point."timestamp", point.id, 7
        FROM metric_points AS point JOIN metric_series AS named ON named.series <> point.series""")
    before = world.live("system_metrics")
    assert before.total() == 9
    assert (await world.service(store).run("test")).status == "success"
    assert world.archived("system_metrics") == before


ODD_METADATA = [
    None, "null", '""', "{}", "[]", "0", '"a,b"', r'"line\nbreak \"quoted\" \\ \u0001"', '"💡"',
    r'{"\\.": "\\."}', '"' + "long " * 2000 + '"',
]  # fmt: skip
ODD_VALUES = [0.0, -0.0, 5e-324, -1.7976931348623157e308, 0.1 + 0.2, 1e16]


@pytest.mark.parametrize(
    "at", [MONTH, datetime.fromisoformat("1969-12-31T23:59:59.999999+00:00")], ids=["month", "old"]
)
async def test_odd_points_are_archived_to_the_last_bit(world: World, store: Store, at: datetime) -> None:
    for number, metadata in enumerate(ODD_METADATA):
        names = [("a, 'b'\"", "%", ""), ("\\N", "x\ny", "é"), ("null", "\\.", "")][number % 3]
        world.sql.run(
            "INSERT INTO system_metrics VALUES (:id, :service, :type, :value, :unit, :at, :metadata::jsonb)",
            id=uuid4(), service=names[0], type=names[1], unit=names[2], value=ODD_VALUES[number % 6],
            at=at - number * timedelta(microseconds=1), metadata=metadata,
        )  # fmt: skip
    before = world.live("system_metrics")
    signs = Counter(str(row[3]) for row in before)
    assert (await world.service(store).run("test")).status == "success"
    assert world.live("system_metrics").total() == 0
    assert world.archived("system_metrics") == before
    assert Counter(str(row[3]) for row in world.archived("system_metrics")) == signs
