"""A database of each test's own: what is asked here is what a few changes leave behind."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.config import Settings
from utxoiq_persistence.store import Store

Rows = Callable[[str], list[list[Any]]]
Stores = Callable[[int], AbstractAsyncContextManager[list[Store]]]


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def rows(postgres: Postgres, database: str) -> Rows:
    """What a query finds, as the superuser."""

    def find(sql: str) -> list[list[Any]]:
        with postgres.connect(database=database) as connection:
            return [list(row) for row in connection.run(sql) or []]

    return find


@pytest.fixture
def stores(settings: Settings) -> Stores:
    """Other instances."""

    @asynccontextmanager
    async def opened(count: int) -> AsyncIterator[list[Store]]:
        async with AsyncExitStack() as stack:
            yield [await stack.enter_async_context(Store.opened(settings)) for _ in range(count)]

    return opened
