"""The quick part of the fault suite; `make faults` is all of it."""

from pathlib import Path

import httpx
import pytest
from tests.faults import schedule
from tests.faults.clocked_function import ClockedFunction
from tests.faults.injections import CLOCK_SECONDS
from tests.faults.records import Report, Series, Write
from tests.faults.world import PROJECT, World

pytestmark = pytest.mark.anyio

QUICK = [
    "cut_stalled_link",
    "kill_backend",
    "restore_old_valkey",
    "valkey_lacks_replicas",
    "kill_clients",
    "valkey_is_demoted",
    "promote_postgres",
    "terminate_backends",
]


async def test_no_fault_breaks_a_promise(tmp_path: Path) -> None:
    report = await schedule.run(tmp_path, ("feedback", "backfill"), QUICK, seed=7)
    assert not any(report.violations.values()), report.lines()
    assert min(report.acknowledged, report.reads) > 10 * len(QUICK)
    assert all(max(times) < float("inf") for times in report.recoveries.values())


def test_a_clock_that_is_set_costs_tokens_that_were_not_yet_seen(tmp_path: Path) -> None:
    """The database is away, so that a caller who is known gets 503."""
    world = World(tmp_path, ["feedback"])
    variables = {**world.variables("feedback", tmp_path), "REDIS_PORT": "1"}
    with world.issuer.serving(), ClockedFunction(tmp_path / "function", "feedback", variables) as function:
        for ahead in (CLOCK_SECONDS, -CLOCK_SECONDS):
            token = world.issuer.token(f"https://securetoken.google.com/{PROJECT}", PROJECT, "ann", n=ahead)
            statuses = []
            for clock in (ahead, 0, ahead):
                function.set_ahead(clock)
                path = f"{function.url}/api/v1/feedback/user?user_id=ann"
                statuses.append(httpx.get(path, headers={"Authorization": f"Bearer {token}"}, timeout=120).status_code)
            assert statuses == [401, 503, 503]


def test_a_read_may_show_what_is_newer_than_what_it_must_show() -> None:
    series = Series([Write("a", 1, 0, 1, True), Write("b", 2, 2, 3, True), Write("c", 3, 4, 5, False)])
    assert series.allowed(0.5) == set()
    assert series.allowed(2.5) == {1, 2, 3}
    assert series.allowed(6) == {2, 3}


def test_a_write_in_doubt_may_not_show_after_a_later_one() -> None:
    series = Series([Write("a", 1, 0, 1, False), Write("b", 2, 2, 3, True)])
    assert series.allowed(6) == {2}


def test_recoveries_are_told_by_kind() -> None:
    report = Report(recoveries={"kill": [1.0, 3.0]})
    assert "recovery after kill: 2 times, median 2.00 s, longest 3.00 s" in report.lines()
