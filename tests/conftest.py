import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What runs tests that are marked `anyio`: coroutines."""
    return "asyncio"
