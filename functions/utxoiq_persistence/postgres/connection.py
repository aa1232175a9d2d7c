"""Opens connections to PostgreSQL: over the local socket if there is one, else through the Cloud SQL connector."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from pg8000.dbapi import Connection

from utxoiq_persistence.config import DatabaseSettings

if TYPE_CHECKING:
    from google.cloud.sql.connector import Connector

CONNECT_SECONDS = 10
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


def opener(settings: DatabaseSettings, parameters: Mapping[str, str]) -> Callable[[], Connection]:
    """Return a function that opens a connection, with the SESSION_SETTINGS in effect before its first statement.

    Args:
        settings: Where the database is, and as whom to connect.
        parameters: Further settings of the session, by name.
    """
    shared = {
        "timeout": CONNECT_SECONDS,
        "application_name": settings.user,
        "startup_params": {**SESSION_SETTINGS, **parameters},
    }
    if settings.socket_dir:
        path = f"{settings.socket_dir}/.s.PGSQL.5432"
        # Without ssl_context=False, pg8000 loads every certificate authority (20 ms) to ask the socket for TLS.
        return lambda: Connection(settings.user, database=settings.name, unix_sock=path, ssl_context=False, **shared)
    connector = _connector()
    return lambda: connector.connect(settings.instance, "pg8000", user=settings.user, db=settings.name, **shared)


@cache
def _connector() -> "Connector":
    """Return the process' one connector, which holds a key pair and the certificate of each instance."""
    # The import takes 0.6 s, which a start on the local socket need not pay.
    from google.cloud.sql.connector import Connector, IPTypes, RefreshStrategy

    return Connector(ip_type=IPTypes.PRIVATE, enable_iam_auth=True, refresh_strategy=RefreshStrategy.LAZY)
