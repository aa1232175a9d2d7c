"""Real servers, one of each for the whole run, and a database of its own for each module."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from shutil import disk_usage, rmtree
from tempfile import TemporaryDirectory

import psutil
import pytest
from redis import Redis
from tests.integration.cloud_monitoring import Monitoring

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence import store as stores
from utxoiq_persistence.config import DatabaseSettings, RedisSettings, Settings
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.publishing import windows as publishing
from utxoiq_persistence.redis import pipelines as redis_link
from utxoiq_persistence.redis.pipelines import open_redis
from utxoiq_persistence.store import Store

TEMPLATE = "migrated"
INSTANCE = "utxoiq-test:region:instance"
SERVER_SETTINGS = {"fsync": "off", "max_connections": "200", "deadlock_timeout": "100ms", "max_wal_size": "128MB"}
IN_MEMORY = "utxoiq-tests-of-"
MEMORY = Path("/dev/shm")  # noqa: S108 -- where Linux has a file system in memory
# Bytes: several times what the servers of all tests that run at once have there.
ROOM = 8 * 2**30


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A folder in memory where there is room: a disk's file system works as hard for so many short-lived files as the
    servers do. What runs that were killed have left is removed.
    """
    if not MEMORY.is_dir() or min(disk_usage(MEMORY).free, psutil.virtual_memory().available) < ROOM:
        yield otherwise
        return
    for left in MEMORY.glob(f"{IN_MEMORY}*-*"):
        if not psutil.pid_exists(int(left.name.removeprefix(IN_MEMORY).partition("-")[0])):
            rmtree(left, ignore_errors=True)  # another run may be doing the same
    with TemporaryDirectory(dir=MEMORY, prefix=f"{IN_MEMORY}{os.getpid()}-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """With a database that holds all migrations and no rows, to copy others from."""
    kept = tmp_path_factory.mktemp("postgres")
    with (
        in_memory(kept) as folder,
        Postgres(folder / "data", password="unused", settings=SERVER_SETTINGS, log=kept / "postgres.log") as postgres,
    ):
        with postgres.connect() as connection:
            connection.run(f"CREATE DATABASE {TEMPLATE}")
        schema.upgrade(database_settings(postgres, TEMPLATE), {})
        yield postgres


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with Valkey(tmp_path_factory.mktemp("valkey") / "data", password="secret") as valkey:
        yield valkey


@pytest.fixture
def monitoring() -> Iterator[Monitoring]:
    """A Cloud Monitoring that holds nothing yet."""
    with Monitoring().running() as monitoring:
        yield monitoring


@pytest.fixture(scope="session")
def new_database(postgres: Postgres) -> Callable[[], str]:
    """Makes a migrated database without rows, and tells its name."""
    numbers = count(1)

    def make() -> str:
        name = f"test_{next(numbers)}"
        with postgres.connect() as connection:
            connection.run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        return name

    return make


@pytest.fixture(scope="module")
def database(new_database: Callable[[], str]) -> str:
    """The module's own."""
    return new_database()


@pytest.fixture
def settings(postgres: Postgres, valkey: Valkey, database: str) -> Settings:
    """Of the module's database, and of a Redis that holds nothing yet."""
    with Redis(valkey.host, valkey.port, password=valkey.password) as redis:
        redis.flushall()
    return Settings(
        function="test",
        database=database_settings(postgres, database),
        redis=RedisSettings(valkey.host, valkey.port, valkey.password),
    )


@pytest.fixture
def patient_with_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests in which Redis must not count as away because the machine is busy."""
    monkeypatch.setattr(redis_link, "TIMEOUT", 60.0)
    monkeypatch.setattr(stores, "open_redis", lambda settings, timeout=60.0: open_redis(settings, timeout=timeout))


@pytest.fixture
def patience(patient_with_redis: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not away answers those who publish in time, however busy the machine is."""
    monkeypatch.setattr(publishing, "PATIENCE_SECONDS", 60.0)


@pytest.fixture
async def store(settings: Settings, anyio_backend: str) -> AsyncIterator[Store]:
    """For tests that are marked `anyio`."""
    async with Store.opened(settings) as store:
        yield store


def database_settings(postgres: Postgres, database: str, user: str = "postgres") -> DatabaseSettings:
    return DatabaseSettings(INSTANCE, database, user, str(postgres.socket_dir))
