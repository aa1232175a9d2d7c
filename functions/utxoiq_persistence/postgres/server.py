"""The server's own view of what the fleet does: its clients, and its most costly statements."""

import logging
from typing import cast

from pg8000.exceptions import DatabaseError

from utxoiq_persistence.errors import PersistenceError
from utxoiq_persistence.postgres.database import Database, in_time
from utxoiq_persistence.postgres.statements import Statement, load

_SQL = load("server")
MOST_STATEMENTS = 20
# Whoever asks how full the pool is must not wait for a connection from it.
PATIENCE_SECONDS = 2

_log = logging.getLogger(__name__)


class Server:
    """None of what the server does not tell, or not in time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def activity(self) -> object | None:
        """Its clients by state, how many it takes, and for how long the oldest transaction has been open."""
        return await self._told(_SQL["server_activity"])

    async def statements(self) -> object | None:
        """Statements by the time they took since PostgreSQL began to count, most first; times in ms."""
        return await self._told(_SQL["server_statements"], most=MOST_STATEMENTS)

    async def _told(self, statement: Statement, **parameters: object) -> object | None:
        try:
            ((told,),) = await in_time(self._database.fetch(statement, idempotent=True, **parameters), PATIENCE_SECONDS)
        except (PersistenceError, DatabaseError) as error:
            _log.warning("%s: %s", statement.name, error)
            return None
        return cast("object", told)
