import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest

from local_cloud import bytecode
from utxoiq_http import garbage

# Files that take minutes, longest first: no worker shall be left alone with one of them at the end.
LONGEST = [
    "tests/system/test_alerts.py",
    "tests/integration/retention/test_kills.py",
    "tests/system/test_console.py",
    "tests/integration/backup/test_verification.py",
    "tests/infra/test_policies_can_fail.py",
]


# Before any process of the tests starts, so that each imports what another has compiled.
bytecode.keep()

# Of root's runs that have ended, so many are kept to look at.
KEPT_RUNS = 2


def pytest_configure(config: pytest.Config) -> None:
    """Give root's runs folders of their own.

    Those that pytest makes lie in one that each run closes to others again, PostgreSQL's user included, while another
    run's server needs to pass it.
    """
    if os.geteuid() != 0 or config.option.basetemp is not None or hasattr(config, "workerinput"):
        return
    runs = Path(tempfile.gettempdir()) / "utxoiq-tests"
    runs.mkdir(mode=0o700, exist_ok=True)
    shutil.rmtree(bytecode.FOLDER / runs.relative_to(runs.anchor), ignore_errors=True)
    ended = [run for run in runs.iterdir() if run.name.isdigit() and not psutil.pid_exists(int(run.name))]
    for run in sorted(ended, key=lambda run: run.stat().st_mtime)[:-KEPT_RUNS]:
        shutil.rmtree(run, ignore_errors=True)  # another run may be doing the same
    config.option.basetemp = str(runs / str(os.getpid()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ranks = {config.rootpath / file: rank for rank, file in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(LONGEST)))


def pytest_collection_finish() -> None:
    """As in a function that starts to serve: what was imported is not looked at again."""
    garbage.freeze_loaded_objects()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What runs tests that are marked `anyio`: coroutines."""
    return "asyncio"
