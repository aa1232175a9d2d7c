from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from tests.integration.conftest import in_memory
from tests.integration.retention.world import PROJECT, World

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.storage import StorageServer
from utxoiq_persistence.config import Settings
from utxoiq_persistence.store import Store


@pytest.fixture(scope="session")
def bucket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    kept = tmp_path_factory.mktemp("storage")
    with (
        in_memory(kept) as folder,
        StorageServer(folder / "buckets", log=kept / "storage.log") as server,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("STORAGE_EMULATOR_HOST", server.url)
        environment.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
        yield server


@pytest.fixture
def world(
    postgres: Postgres, new_database: Callable[[], str], settings: Settings, bucket_server: StorageServer
) -> Iterator[World]:
    """A database and a bucket of the test's own, without rows."""
    with World.of(postgres, new_database(), settings, bucket_server) as world:
        yield world


@pytest.fixture
async def store(world: World, anyio_backend: str) -> AsyncIterator[Store]:
    async with Store.opened(world.settings) as store:
        yield store
