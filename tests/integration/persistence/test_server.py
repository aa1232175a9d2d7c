"""What the server says of itself, to a function that may see nothing of others by itself."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.integration.conftest import database_settings

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.config import Settings
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

# As Cloud SQL makes those who migrate: no superuser, and of pg_monitor by cloudsqlsuperuser.
OWNER = "migrations_of_test_server"
MEMBER = "database_of_test_server"
STATEMENTS = """
CREATE VIEW server_statistics.pg_stat_statements AS
SELECT * FROM (VALUES
    ((SELECT oid FROM pg_database WHERE datname = current_database()), 'SELECT $1', 2::bigint, 8.0, 5.0, 2::bigint),
    ((SELECT oid FROM pg_database WHERE datname = current_database()), 'SELECT $1', 1, 1.0, 1.0, 1),
    ((SELECT oid FROM pg_database WHERE datname = current_database()), 'INSERT INTO t VALUES ($1)', 1, 20.0, 20.0, 1),
    ((SELECT oid FROM pg_database WHERE datname = current_database()), 'ALTER ROLE r PASSWORD ''x''', 1, 90.0, 90.0, 0),
    (1::oid, 'SELECT elsewhere', 1, 90.0, 90.0, 1)
) AS counted (dbid, query, calls, total_exec_time, max_exec_time, rows)
"""


@pytest.fixture(scope="module")
def database(postgres: Postgres, new_database: Callable[[], str]) -> Iterator[str]:
    """Migrated by OWNER, and MEMBER's to use as the database function does."""
    name = "migrated_by_owner"
    with postgres.connect() as connection:
        new_database()  # whose migrations made the roles that OWNER finds
        connection.run(f"CREATE ROLE {OWNER} LOGIN CREATEROLE CREATEDB IN ROLE pg_monitor")
        connection.run(f"CREATE ROLE {MEMBER} LOGIN IN ROLE utxoiq_database")
        connection.run(f"CREATE DATABASE {name} OWNER {OWNER}")
    schema.upgrade(database_settings(postgres, name, OWNER), {})
    yield name
    with postgres.connect() as connection:
        connection.run(f"DROP DATABASE {name} WITH (FORCE)")
        connection.run(f"DROP ROLE {OWNER}, {MEMBER}")


@pytest.fixture
async def store(settings: Settings, anyio_backend: str) -> AsyncIterator[Store]:
    async with Store.opened(replace(settings, database=replace(settings.database, user=MEMBER))) as store:
        yield store


@contextmanager
def transaction(postgres: Postgres, database: str) -> Iterator[None]:
    """One that does nothing."""
    with postgres.connect(database=database) as connection:
        connection.run("BEGIN")
        yield
        connection.run("ROLLBACK")


async def test_clients_are_told_by_their_state(store: Store, postgres: Postgres, database: str) -> None:
    with transaction(postgres, database):
        activity: Any = await store.server.activity()
    assert activity["max_connections"] == 200
    assert activity["connections"]["idle in transaction"] >= 1
    assert activity["connections"]["active"] >= 1
    assert "unknown" not in activity["connections"]
    assert activity["longest_transaction_seconds"] > 0


async def test_statements_are_told_where_postgresql_counts_them(
    store: Store, postgres: Postgres, database: str
) -> None:
    assert await store.server.statements() is None
    with postgres.connect(database=database) as connection:
        connection.run(STATEMENTS)
        connection.run(f"ALTER VIEW server_statistics.pg_stat_statements OWNER TO {OWNER}")
    insert = {"query": "INSERT INTO t VALUES ($1)", "calls": 1, "rows": 1}
    select = {"query": "SELECT $1", "calls": 3, "rows": 3}
    assert await store.server.statements() == [
        {**insert, "total_time": 20, "average_time": 20, "max_time": 20},
        {**select, "total_time": 9, "average_time": 3, "max_time": 5},
    ]


async def test_the_function_sees_no_more_than_that(store: Store, postgres: Postgres, database: str) -> None:
    with transaction(postgres, database):
        rows = await store.database.work(
            "peek",
            lambda session: (
                session._connection.execute_simple(
                    "SELECT DISTINCT query FROM pg_stat_activity WHERE usename = 'postgres'"
                ).rows
            ),
        )
    assert rows == [["<insufficient privilege>"]]
