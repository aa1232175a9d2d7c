"""A session of a database, however it was reached: pg8000's connection, as the Cloud SQL connector makes it."""

from typing import IO, Any

from pg8000.dbapi import Connection
from pg8000.exceptions import DatabaseError


class Database:
    """A session in which each statement is its own transaction, unless `START TRANSACTION` was run."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        connection.autocommit = True

    def run(self, statement: str, stream: IO[bytes] | None = None) -> int:
        """Run a statement and return how many rows it touched. Raises pg8000's DatabaseError."""
        cursor = self._connection.cursor()
        cursor.execute(statement, stream=stream)
        return int(cursor.rowcount)

    def rows(self, query: str) -> list[Any]:
        """Return the rows of a query. Raises pg8000's DatabaseError."""
        cursor = self._connection.cursor()
        cursor.execute(query)
        return list(cursor.fetchall())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def message_of(error: DatabaseError) -> str:
    """Return what PostgreSQL says, without the fields around it."""
    fields = error.args[0]
    return str(fields.get("M") if isinstance(fields, dict) else error)
