import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest
from tests import work_units

from local_cloud import bytecode
from utxoiq_http import garbage

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: work_units.rank(item.nodeid.partition("::")[0]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> work_units.UnitScheduling | None:
    """None where `--dist` asks for another one."""
    return work_units.UnitScheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """As in a function that starts to serve: what was imported is not looked at again."""
    garbage.freeze_loaded_objects()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What runs tests that are marked `anyio`: coroutines."""
    return "asyncio"
