import pytest

from utxoiq_http import garbage

# Files that take minutes, longest first: no worker shall be left alone with one of them at the end.
LONGEST = [
    "tests/system/test_alerts.py",
    "tests/integration/retention/test_kills.py",
    "tests/system/test_console.py",
    "tests/integration/backup/test_verification.py",
    "tests/infra/test_policies_can_fail.py",
]


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
