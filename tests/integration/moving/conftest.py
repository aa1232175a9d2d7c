from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import pg8000.native
import pytest
from pg8000.dbapi import Connection
from tests.integration.conftest import database_settings
from tests.integration.moving.old_system import OldSystem

from commands.recover.database import Database
from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.postgres import schema

# Who moves: a person with the break-glass role's rights, and no more.
MOVER = "mover@example.com"


@dataclass
class NewSystem:
    """database: a session as the mover's. sql: one that sees everything."""

    name: str
    database: Database
    sql: pg8000.native.Connection
    socket: str

    @staticmethod
    def opened(name: str, socket: str) -> Database:
        return Database(Connection(MOVER, database=name, unix_sock=socket, ssl_context=False))

    def session(self) -> Database:
        return self.opened(self.name, self.socket)


@pytest.fixture(scope="session")
def mover(postgres: Postgres) -> str:
    with postgres.connect() as connection:
        connection.run(f'CREATE ROLE "{MOVER}" LOGIN')
    return MOVER


@pytest.fixture
def new_system(postgres: Postgres, new_database: Callable[[], str], mover: str) -> Iterator[NewSystem]:
    name = new_database()
    schema.upgrade(database_settings(postgres, name), {"utxoiq_import": mover})
    socket = f"{postgres.socket_dir}/.s.PGSQL.5432"
    database = Database(Connection(mover, database=name, unix_sock=socket, ssl_context=False))
    with postgres.connect(database=name) as sql:
        yield NewSystem(name, database, sql, socket)
    database.close()


@pytest.fixture(scope="session")
def old_numbers() -> Iterator[int]:
    return count(1)


@pytest.fixture
def old_system(postgres: Postgres, old_numbers: Iterator[int]) -> Iterator[OldSystem]:
    """Without rows but its users'."""
    name = f"old_{next(old_numbers)}"
    with postgres.connect() as connection:
        connection.run(f"CREATE DATABASE {name}")
    with postgres.connect(database=name) as sql:
        old = OldSystem(sql, f"postgresql://postgres@localhost/{name}?host={postgres.socket_dir}")
        old.begin()
        yield old
