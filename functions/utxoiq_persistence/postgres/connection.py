"""Opens connections to PostgreSQL: over the local socket if there is one, else through the Cloud SQL connector."""

from collections.abc import Callable, Mapping

from pg8000.dbapi import Connection
from pg8000.exceptions import DatabaseError

from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.errors import ConfigurationError
from utxoiq_persistence.sqlstates import read_sqlstate

CONNECT_SECONDS = 10
POOLER = (
    "a connection pooler is in front of the database, such as Cloud SQL's managed connection pooling; functions pool"
    " their own connections, whose settings and prepared statements it loses: connect to the instance itself"
)
# What a pooler answers to a setting that it does not know.
_PROTOCOL_VIOLATION = "08P01"
# Whatever changes the text of values or the meaning of names and statements. What a session asks for as it opens goes
# before what ALTER DATABASE and ALTER ROLE say.
SESSION_SETTINGS = {
    "array_nulls": "on",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    "datestyle": "ISO, MDY",
    "default_transaction_deferrable": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "extra_float_digits": "1",
    "intervalstyle": "postgres",
    "search_path": "public",
    "standard_conforming_strings": "on",
    "timezone": "UTC",
    "transform_null_equals": "off",
}
# Rows lie in memory or on solid-state disks, where the next one costs what any other does. By the default, which is of
# disks that turn, the planner reads and sorts all of a range for a page of it.
PLANNER_SETTINGS = {"random_page_cost": "1.1"}


def opener(settings: DatabaseSettings, parameters: Mapping[str, str]) -> Callable[[], Connection]:
    """Return a function that opens a connection, with the settings above in effect before its first statement.

    Args:
        settings: Where the database is, and as whom to connect.
        parameters: Further settings of the session, by name.

    The function raises ConfigurationError where a connection pooler answers.
    """
    shared = {
        "timeout": CONNECT_SECONDS,
        "application_name": settings.user,
        "startup_params": {**SESSION_SETTINGS, **PLANNER_SETTINGS, **parameters},
    }
    if settings.socket_dir:
        path = f"{settings.socket_dir}/.s.PGSQL.5432"
        # Without ssl_context=False, pg8000 loads every certificate authority (20 ms) to ask the socket for TLS.
        return _refuse_pooler(
            lambda: Connection(settings.user, database=settings.name, unix_sock=path, ssl_context=False, **shared)
        )
    # The import takes 0.6 s, which a start on the local socket need not pay.
    from utxoiq_persistence.postgres import cloud_sql

    return _refuse_pooler(
        lambda: cloud_sql.link().connect(
            settings.instance, CONNECT_SECONDS, user=settings.user, db=settings.name, **shared
        )
    )


def _refuse_pooler(connect: Callable[[], Connection]) -> Callable[[], Connection]:
    """Return a function that opens a connection, and refuses a pooler by name.

    A pooler takes a session's settings and prepared statements from one client's transaction to another's, or drops
    them. It either refuses the settings, or answers with a process id that is not the server's.
    """

    def open_connection() -> Connection:
        try:
            connection = connect()
        except DatabaseError as error:
            if read_sqlstate(error) == _PROTOCOL_VIOLATION:
                raise ConfigurationError(POOLER) from error
            raise
        told: int = int.from_bytes(connection._backend_key_data[:4], "big")
        ((actual,),) = connection.execute_simple("SELECT pg_backend_pid()").rows
        if actual != told:
            connection.close()
            raise ConfigurationError(POOLER)
        return connection

    return open_connection
