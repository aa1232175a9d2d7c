"""Which requests have a deadline, and what they have left of it."""

import asyncio
import time

import pytest

from utxoiq_http.access import MAINTENANCE
from utxoiq_http.endpoints import backfill, backup, database, feedback, keys, metrics, retention
from utxoiq_persistence import deadlines


def test_upkeep_has_no_deadline_and_whatever_clients_call_has_one() -> None:
    modules = (backfill, backup, database, feedback, keys, metrics, retention)
    without = {
        f"{route.method} {route.path}" for module in modules for route in module.ROUTES if not route.has_deadline
    }
    restore = {"POST /api/v1/monitoring/retention/restore"}
    upkeep = {
        f"{route.method} {route.path}" for module in modules for route in module.ROUTES if route.access is MAINTENANCE
    }
    assert without == upkeep | restore


def test_a_deadline_is_that_of_its_task_and_its_children() -> None:
    async def left() -> float | None:
        return deadlines.current()

    async def request() -> tuple[float | None, float | None]:
        deadlines.limit(5)
        return deadlines.current(), await asyncio.create_task(left())

    async def main() -> None:
        own, of_child = await asyncio.create_task(request())
        assert own is not None
        assert own == of_child
        assert own <= time.monotonic() + 5
        assert deadlines.current() is None

    asyncio.run(main())


@pytest.mark.parametrize(("deadline", "left"), [(None, 10.0), (0.0, 0.0), (float("inf"), 10.0)])
def test_what_is_left_is_never_negative_and_never_more_than_the_longest(deadline: float | None, left: float) -> None:
    assert deadlines.seconds_left(deadline, 10.0) == left
