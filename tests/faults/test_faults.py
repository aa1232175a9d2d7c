"""The quick part of the fault suite; `make faults` is all of it."""

from pathlib import Path

import httpx
import pytest
from tests.faults import schedule
from tests.faults.injections import CLOCK_SECONDS
from tests.faults.records import Report, Series, Write
from tests.faults.world import KEY, PROJECT, World
from tests.integration.http.functions import Function

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


async def test_a_clock_that_is_set_costs_the_tokens_of_its_instance_and_nothing_more(tmp_path: Path) -> None:
    async with World(tmp_path, ["feedback"]).running() as world, httpx.AsyncClient(timeout=30) as client:
        one, other = world.functions

        async def answers(function: Function, caller: dict[str, str]) -> int:
            path = f"{function.url}/api/v1/feedback/user?user_id=ann"
            return (await client.get(path, headers=caller)).status_code

        for ahead in (CLOCK_SECONDS, -CLOCK_SECONDS):
            token = world.issuer.token(f"https://securetoken.google.com/{PROJECT}", PROJECT, "ann", n=ahead)
            user = {"Authorization": f"Bearer {token}"}
            one.set_ahead(ahead)
            assert [await answers(function, user) for function in (one, other)] == [401, 200]
            assert await answers(one, {"X-API-Key": KEY}) == 200
            one.set_ahead(0)
            assert await answers(one, user) == 200
            one.set_ahead(ahead)
            assert await answers(one, user) == 200  # it was seen to be good, and is for minutes
            one.set_ahead(0)


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
