"""Months of metrics: there before they are needed, and gone when the archive has them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.retention.world import World, month_start

from utxoiq_persistence.metrics import partitions as months
from utxoiq_persistence.metrics.partitions import Month
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio


def partitions(world: World) -> set[str]:
    rows = world.sql.run("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'metric_points'::regclass")
    return {name.removeprefix("metric_points_") for (name,) in rows}


async def test_three_months_ahead_are_there_after_the_upkeep(world: World, store: Store) -> None:
    ahead = [f"{month_start(-months):%Y_%m}" for months in range(4)]
    for month in ahead:
        world.sql.run(f"DROP TABLE metric_points_{month}")
    upkeep = await world.service(store).upkeep()
    assert upkeep.made == [month.replace("_", "-") for month in ahead]
    assert partitions(world) >= set(ahead)
    assert (await world.service(store).upkeep()).made == []


async def test_strays_move_home_when_their_month_appears(world: World, store: Store) -> None:
    month = f"{month_start(0):%Y_%m}"
    world.sql.run(f"DROP TABLE metric_points_{month}")
    world.metrics(month_start(0), 5, month=False)
    written = world.live("system_metrics")
    await world.service(store).upkeep()
    assert world.sql.run("SELECT count(*) FROM metric_points_default") == [[0]]
    assert world.sql.run(f"SELECT count(*) FROM metric_points_{month}") == [[5]]  # noqa: S608
    assert world.live("system_metrics") == written


async def test_a_month_that_is_not_archived_whole_is_not_dropped(world: World, store: Store) -> None:
    world.metrics(month_start(5), 5)
    upkeep = await world.service(store).upkeep()
    assert f"{month_start(5):%Y-%m}" not in upkeep.dropped
    assert world.live("system_metrics").total() == 5


async def test_the_database_itself_refuses_to_let_the_present_go(world: World) -> None:
    with pytest.raises(Exception, match="has not passed"):
        world.sql.run("SELECT system_metrics_detach_month(:month::date)", month=f"{datetime.now(UTC):%Y-%m-01}")


async def test_rows_of_a_detached_month_that_are_not_archived_go_back(world: World) -> None:
    at = month_start(5)
    world.metrics(at, 5)
    world.metrics(at + timedelta(days=3), 5)
    written = world.live("system_metrics")
    world.sql.run("SELECT system_metrics_detach_month(:month::date)", month=f"{at:%Y-%m-01}")
    drop = "SELECT * FROM system_metrics_drop_month(:month::date, NULL)"
    assert world.sql.run(drop, month=f"{at:%Y-%m-01}") == [[0, 10]]
    assert world.live("system_metrics") == written


async def test_traffic_does_not_wait_for_a_function_that_goes_silent_while_it_takes_a_month_out(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.metrics(month_start(5), 5)
    detach, counted = months.detach, []

    def go_silent() -> None:
        counted.extend(world.sql.run("SELECT count(*) FROM metric_points"))  # it waits for the table

    def detach_silently(session: Session, month: Month, check: Callable[[], None]) -> None:
        detach(session, month, go_silent)

    monkeypatch.setattr(months, "SILENT_SECONDS", 0.2)
    monkeypatch.setattr(months, "detach", detach_silently)
    assert (await world.service(store).run("test")).status != "success"
    assert counted[0] == [5]
    monkeypatch.undo()
    assert (await world.service(store).run("test")).status == "success"
    assert f"{month_start(5):%Y_%m}" not in partitions(world)
