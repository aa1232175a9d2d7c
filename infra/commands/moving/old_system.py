"""The old system's database, by its address."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from pg8000.dbapi import Connection
from pg8000.exceptions import InterfaceError

from commands.errors import CommandFailed, ExitCode, wrong_usage
from commands.recover.database import FAILURES, Database, describe_error

SCHEMES = ("postgresql", "postgres")
PASSWORD = "OLD_DATABASE_PASSWORD"  # noqa: S105 - a variable's name
PORT = 5432
# Whatever the server's settings are, values are written as the other side reads them.
SESSION = (
    "SET TimeZone = 'UTC'",
    "SET DateStyle = 'ISO, YMD'",
    "SET extra_float_digits = 1",
    "SET client_encoding = 'UTF8'",
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
)
Session = TypeVar("Session", bound=Database)
SNAPSHOT = "START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


class OldDatabase(Database):
    """A session whose failures are those of the old database. Its methods raise CommandFailed."""

    def run(self, statement: str, stream: IO[bytes] | None = None) -> int:
        """Return how many rows it touched."""
        with _unreadable():
            return super().run(statement, stream)

    def rows(self, query: str) -> list[Any]:
        """Return the rows."""
        with _unreadable():
            return super().rows(query)


@contextmanager
def _unreadable() -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        raise CommandFailed(
            f"the old database cannot be read: {describe_error(error)}",
            remedy="Run the same again: it goes on from there.",
        ) from error


def connect(url: str, kind: type[Session]) -> Session:
    """Return a session of the database at postgresql://user:password@host:port/name. Raises CommandFailed.

    The password may be in the environment instead; `?host=/folder` names a folder of a socket.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.path.strip("/"):
        raise wrong_usage("the old database is given as postgresql://user@host:5432/name")
    query = parse_qs(parts.query)
    folder = query.get("host", [""])[0]
    where = f"{folder or parts.hostname or 'localhost'}/{parts.path.strip('/')}"
    secured = query.get("sslmode", ["prefer"])[0]
    try:
        connection = Connection(
            unquote(parts.username or "postgres"),
            password=unquote(parts.password) if parts.password else os.environ.get(PASSWORD),
            database=unquote(parts.path.strip("/")),
            host=parts.hostname or "localhost",
            port=parts.port or PORT,
            unix_sock=f"{folder}/.s.PGSQL.{parts.port or PORT}" if folder else None,
            ssl_context=False if folder or secured == "disable" else True if secured != "prefer" else None,
            application_name="utxoiq import",
        )
    except (*FAILURES, ValueError) as error:
        raise CommandFailed(
            f"cannot log in to the old database {where}: {describe_error(error)}",
            remedy=f"The address may hold the password, or the variable {PASSWORD}.",
            code=ExitCode.REFUSED,
        ) from error
    database = kind(connection)
    for statement in SESSION:
        database.run(statement)
    return database


@contextmanager
def snapshot(url: str) -> Iterator[OldDatabase]:
    """Yield a session that sees the old database as it is now, whatever is written meanwhile. Raises CommandFailed."""
    database = connect(url, OldDatabase)
    try:
        database.run(SNAPSHOT)
        yield database
    finally:
        with suppress(InterfaceError, OSError):  # it may be gone
            database.close()
