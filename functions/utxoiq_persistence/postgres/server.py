"""Reads the server's own view of the load: its clients, and its most costly statements."""

import logging
from typing import cast

from pg8000.exceptions import DatabaseError

from utxoiq_persistence.errors import PersistenceError
from utxoiq_persistence.postgres.database import Database, in_time
from utxoiq_persistence.postgres.statements import Statement, load

_SQL = load("server")
MOST_STATEMENTS = 20
# A caller that asks how full the pool is must not wait long for a connection from it.
PATIENCE_SECONDS = 2

_log = logging.getLogger(__name__)


class Server:
    """Reads figures of the database server. Every method returns None where the server does not answer in time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def activity(self) -> object | None:
        """Return the clients by state, how many the server accepts, and the oldest transaction's age in seconds."""
        return await self._fetch_value(_SQL["server_activity"])

    async def statements(self) -> object | None:
        """Return the MOST_STATEMENTS statements with the longest total time since PostgreSQL began to count, in ms."""
        return await self._fetch_value(_SQL["server_statements"], most=MOST_STATEMENTS)

    async def _fetch_value(self, statement: Statement, **parameters: object) -> object | None:
        try:
            ((value,),) = await in_time(
                self._database.fetch(statement, idempotent=True, **parameters), PATIENCE_SECONDS
            )
        except (PersistenceError, DatabaseError) as error:
            _log.warning("%s: %s", statement.name, error)
            return None
        return cast("object", value)
