"""How a connection to PostgreSQL is opened: over the local socket if there is one, else by the Cloud SQL connector."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from pg8000.dbapi import Connection

from utxoiq_persistence.config import DatabaseSettings

if TYPE_CHECKING:
    from google.cloud.sql.connector import Connector

CONNECT_SECONDS = 10


def opener(settings: DatabaseSettings, parameters: Mapping[str, str]) -> Callable[[], Connection]:
    """parameters: of the session, in place before its first statement. Times are UTC whatever the server thinks."""
    shared = {
        "timeout": CONNECT_SECONDS,
        "application_name": settings.user,
        "startup_params": {"timezone": "UTC", **parameters},
    }
    if settings.socket_dir:
        path = f"{settings.socket_dir}/.s.PGSQL.5432"
        # Without ssl_context=False, pg8000 loads every certificate authority (20 ms) to ask the socket for TLS.
        return lambda: Connection(settings.user, database=settings.name, unix_sock=path, ssl_context=False, **shared)
    connector = _connector()
    return lambda: connector.connect(settings.instance, "pg8000", user=settings.user, db=settings.name, **shared)


@cache
def _connector() -> "Connector":
    """One a process: it holds a key pair and the certificates of each instance."""
    # 0.6 s of import, which a start on the local socket need not pay.
    from google.cloud.sql.connector import Connector, IPTypes, RefreshStrategy

    return Connector(ip_type=IPTypes.PRIVATE, enable_iam_auth=True, refresh_strategy=RefreshStrategy.LAZY)
