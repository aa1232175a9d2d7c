"""A run of retention in a process of its own, which ends itself without a word at a step of one's choice.

Steps are what the outside world can see: each command to the database, and each call of the bucket.
"""

import asyncio
import functools
import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from typing import Any

# Imported here for every run to have it: a fork is cheaper than an import.
import google.cloud.storage  # noqa: F401
import pyarrow.dataset
import pyarrow.parquet  # noqa: F401
import pytest

from utxoiq_persistence.archive.bucket import ArchiveBucket
from utxoiq_persistence.archive.retention import Retention
from utxoiq_persistence.archive.settings import RetentionSettings
from utxoiq_persistence.config import Settings
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.store import Store

NEVER = 10**9
STEPS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (Session, ("run", "start", "execute", "copy_out", "copy_out_frames", "copy_in")),
    (ArchiveBucket, ("put", "get", "withdraw")),
)

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


def start(settings: Settings, retention: RetentionSettings, last_step: int = NEVER) -> ForkServerProcess:
    """A run that is killed before that step, counted from 0; its exit code is then -SIGKILL."""
    _start_server()
    process = _context.Process(target=_run, args=(settings, retention, last_step, dict(os.environ)))
    process.start()
    return process


def _start_server() -> None:
    """Start what runs are forked from, unless it runs.

    Python 3.11 does not give it this process's path, and leaves out what it then cannot import without a word.
    """
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        forkserver.ensure_running()


def _run(settings: Settings, retention: RetentionSettings, last_step: int, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    count = itertools.count()

    def step() -> None:
        if next(count) == last_step:
            os.kill(os.getpid(), signal.SIGKILL)

    for owner, names in STEPS:
        for name in names:
            setattr(owner, name, _stepping(getattr(owner, name), step))
    asyncio.run(_retain(settings, retention))


def _stepping(function: Callable[..., Any], step: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(function)
    def stepping(*arguments: Any, **named: Any) -> Any:
        step()
        return function(*arguments, **named)

    return stepping


async def _retain(settings: Settings, retention: RetentionSettings) -> None:
    async with Store.opened(settings) as store:
        archive = ArchiveBucket(retention.project, retention.bucket)
        await Retention(store.database, store.cache, archive, retention).run("victim")
