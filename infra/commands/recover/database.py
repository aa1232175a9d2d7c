"""A session of a database, however it was reached: pg8000's connection, as the Cloud SQL connector makes it."""

from typing import IO, Any

from pg8000.dbapi import Connection
from pg8000.exceptions import DatabaseError, InterfaceError

# What is raised where a database refuses, or goes away in the middle of it.
FAILURES = (DatabaseError, InterfaceError, OSError)


class Database:
    """Each statement is a transaction of its own, unless `START TRANSACTION` was run.

    Statements are prepared, and so are one each: PostgreSQL refuses an operator's condition that brings a second
    one. They are sent as they are: a cursor would take a % in them for a parameter.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, statement: str, stream: IO[bytes] | None = None) -> int:
        """Return how many rows it touched. Raises pg8000's DatabaseError."""
        return int(self._connection.execute_unnamed(statement, stream=stream).row_count)

    def rows(self, query: str) -> list[Any]:
        """Return the rows. Raises pg8000's DatabaseError."""
        return list(self._connection.execute_unnamed(query).rows)

    def close(self) -> None:
        """End the session."""
        self._connection.close()


def describe_error(error: Exception) -> str:
    """Return what PostgreSQL says, without the fields around it; of a lost connection, what the error says."""
    fields = error.args[0] if isinstance(error, DatabaseError) else None
    return str(fields.get("M") if isinstance(fields, dict) else error)
