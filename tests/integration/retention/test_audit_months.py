"""The audit log has an end: months leave it as a whole, and what lies in no single month in pieces."""

from datetime import timedelta

import pytest
from tests.integration.conftest import database_settings
from tests.integration.retention.world import World, ago, month_start

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.archive import housekeeping
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

ENTRIES = """
INSERT INTO audit_log (actor, action, at)
SELECT 'a', 'x', :at::timestamptz + i * interval '1 s' FROM generate_series(1, :count) AS i
"""
OLD = 15  # months: even its end is more than 400 days ago, on every day of a month


def partitions(world: World) -> set[str]:
    rows = world.sql.run("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_log'::regclass")
    return {name for (name,) in rows}


def ages(world: World) -> list[list[int]]:
    return list(world.sql.run("SELECT tableoid::regclass::text, count(*) FROM audit_log GROUP BY 1 ORDER BY 1"))


async def test_entries_older_than_they_are_kept_leave_and_younger_ones_stay(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sql.run(ENTRIES, at=month_start(OLD), count=10_005)
    world.sql.run(ENTRIES, at=ago(399), count=3)
    upkeep = await world.service(store).upkeep()
    assert (upkeep.audit_deleted, upkeep.audit_dropped) == (10_005, [])
    assert world.sql.run("SELECT count(*) FROM audit_log WHERE action = 'x'") == [[3]]
    assert (await world.service(store).upkeep()).audit_deleted == 0


async def test_a_month_that_is_old_is_dropped_as_a_whole(world: World, store: Store) -> None:
    world.sql.run("ALTER TABLE audit_log DETACH PARTITION audit_log_before")
    first, end = month_start(OLD), month_start(OLD - 1)
    world.sql.run(
        f"CREATE TABLE audit_log_{first:%Y_%m} PARTITION OF audit_log FOR VALUES FROM ('{first}') TO ('{end}')"
    )
    world.sql.run("DROP TABLE audit_log_before")
    world.sql.run(ENTRIES, at=first, count=5)
    upkeep = await world.service(store).upkeep()
    assert upkeep.audit_dropped == [f"audit_log_{first:%Y_%m}"]
    assert upkeep.audit_made == [f"{month_start(-ahead):%Y-%m}" for ahead in range(4)]
    assert world.sql.run("SELECT count(*) FROM audit_log WHERE action = 'x'") == [[0]]


async def test_months_are_made_after_what_was_there_before(world: World, store: Store) -> None:
    """The first partition covers this month and the next three, and a new month follows without a gap."""
    assert (await world.service(store).upkeep()).audit_made == []
    world.sql.run("ALTER TABLE audit_log DETACH PARTITION audit_log_before")
    world.sql.run(
        f"ALTER TABLE audit_log ATTACH PARTITION audit_log_before FOR VALUES FROM (MINVALUE) TO ('{month_start(-2)}')"
    )
    assert (await world.service(store).upkeep()).audit_made == [f"{month_start(-m):%Y-%m}" for m in (2, 3)]
    world.sql.run(ENTRIES, at=month_start(-2) + timedelta(days=1), count=2)
    assert [f"audit_log_{month_start(-2):%Y_%m}", 2] in ages(world)


async def test_the_trail_of_the_last_thirty_days_cannot_be_dropped(world: World, postgres: Postgres) -> None:
    name = world.settings.database.name
    world.sql.run("CREATE ROLE retainer LOGIN IN ROLE utxoiq_retention")
    try:
        settings = database_settings(postgres, name, "retainer")
        with postgres.connect(user=settings.user, database=name) as connection:
            with pytest.raises(Exception, match="the last 30 days are kept"):
                connection.run("SELECT audit_log_drop_before(now() - interval '29 days')")
            with pytest.raises(Exception, match="permission denied"):
                connection.run("DELETE FROM audit_log_before")
            connection.run("SELECT audit_log_drop_before(now() - interval '31 days')")
    finally:
        world.sql.run("DROP ROLE retainer")


def test_a_batch_is_what_the_database_s_function_deletes() -> None:
    assert housekeeping.BATCH_ENTRIES == 10_000
