"""Killed at any moment and run again, retention has neither lost nor doubled a row, nor one in a sketch."""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from multiprocessing.context import ForkServerProcess
from typing import Any

import pytest
from tests.integration.retention import victim
from tests.integration.retention.world import World, month_start

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.storage import StorageServer
from utxoiq_persistence.config import Settings

# A run has some 150 steps, each of which takes seconds to try: KILL_STRIDE=1 tries them all.
STRIDE = int(os.environ.get("KILL_STRIDE", "4"))
MOMENTS = 60 // STRIDE

NewWorld = Callable[[], AbstractContextManager[World]]


def fill(world: World) -> Mapping[str, Any]:
    """Something of every kind of work: days of rows, a month with two days, strays, and rows that stay."""
    world.jobs(200, 2)
    world.feedback(800, 4)
    world.feedback(10, 2)
    world.metrics(month_start(5, 4), 5)
    world.metrics(month_start(5, 6), 4)
    world.metrics(month_start(40), 3, month=False)
    world.fold()
    return {"rows": world.everything(), "stats": world.stats(), "sketches": world.sketches_of_rows()}


def finish(world: World) -> Mapping[str, Any]:
    """What is there after a run that nobody kills."""
    process = victim.start(world.settings, world.retention)
    process.join()
    assert process.exitcode == 0
    return {"rows": world.everything(), "stats": world.stats(), "sketches": world.sketches()}


@pytest.fixture
def new_world(
    postgres: Postgres, new_database: Callable[[], str], settings: Settings, bucket_server: StorageServer
) -> NewWorld:
    return lambda: World.of(postgres, new_database(), settings, bucket_server)


def killed_and_finished(
    new_world: NewWorld, kill: Callable[[ForkServerProcess], None], step: int = victim.NEVER
) -> int:
    """How the run that was to be killed ended; nothing is lost or doubled after the next one."""
    with new_world() as world:
        written = fill(world)
        process = victim.start(world.settings, world.retention, step)
        kill(process)
        process.join()
        assert finish(world) == written
        assert world.is_tidy()
        assert process.exitcode is not None
        return process.exitcode


def test_killed_between_any_two_steps(new_world: NewWorld) -> None:
    step = 0
    while killed_and_finished(new_world, lambda process: None, step) == -signal.SIGKILL:
        step += STRIDE
    assert step > 50


def test_killed_at_random_moments(new_world: NewWorld) -> None:
    with new_world() as world:
        finish(world)  # the first one starts the server that the others are forked from
        fill(world)
        started = time.monotonic()
        finish(world)
        longest = time.monotonic() - started

    def kill_at(moment: float) -> Callable[[ForkServerProcess], None]:
        def kill(process: ForkServerProcess) -> None:
            process.join(moment)
            process.kill()

        return kill

    moments = random.Random(1)  # noqa: S311
    killed = 0
    while killed < MOMENTS:
        killed += killed_and_finished(new_world, kill_at(moments.uniform(0, longest))) == -signal.SIGKILL
