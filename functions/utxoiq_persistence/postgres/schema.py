"""Applies the schema's versions, each a pair of SQL files in migrations/versions/, by Alembic and under a lock.

`python -m utxoiq_persistence.postgres.schema --sql` prints the SQL for an empty database.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from pg8000.dbapi import Connection as DbapiConnection
from pg8000.exceptions import DatabaseError, InterfaceError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.pool import NullPool

from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.errors import ConfigurationError, DatabaseUnavailable
from utxoiq_persistence.packaged_folders import find_folder
from utxoiq_persistence.postgres.connection import opener
from utxoiq_persistence.sqlstates import DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE, is_fatal, read_sqlstate

# The key of the advisory lock: any number that nothing else in the database locks.
LOCK = 7_086_711_031
# How long a run waits for another one, and how long a statement waits for the traffic that holds its table.
RUN_PATIENCE = "300s"
TRAFFIC_PATIENCE = "5s"
UNDEFINED_OBJECT = "42704"
LOST = "the connection to the database was lost; migrate again"


@dataclass(frozen=True)
class Upgrade:
    """Reports what a run did.

    Attributes:
        version: The schema's version after the run.
        applied: The versions that this run applied, in order.
    """

    version: str
    applied: list[str] = field(default_factory=list)


def upgrade(settings: DatabaseSettings, members: Mapping[str, str]) -> Upgrade:
    """Apply the missing versions, then grant group roles, and return what was done.

    The call blocks. Of two concurrent runs the second waits for the first, and finds nothing to do.

    Args:
        settings: The database, and the user that owns the schema.
        members: Database users by the group role that each becomes a member of.

    Raises:
        DatabaseUnavailable: The database cannot be reached, or traffic held a table for too long. The versions before
            the one that failed stay applied.
        ConfigurationError: A group role does not exist.
    """
    with _locked(settings) as connection:
        applied: list[str] = []
        command.upgrade(_config(connection, applied), "head")
        for group, user in members.items():
            _add_member(connection, group, user)
        return Upgrade(_version(connection), applied)


def downgrade(settings: DatabaseSettings, target: str) -> Upgrade:
    """Go back to the version `target`, and return what was done; `base` is the empty database.

    The call blocks.

    Raises:
        DatabaseUnavailable: The database cannot be reached, or traffic held a table for too long.
    """
    with _locked(settings) as connection:
        applied: list[str] = []
        command.downgrade(_config(connection, applied), target)
        return Upgrade(_version(connection), applied)


def print_sql() -> None:
    """Print the SQL of every version, for review."""
    command.upgrade(_config(None, []), "head", sql=True)


def plain_sql(module: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return a version's upgrade() and downgrade(), which run the .up.sql and .down.sql files beside its module."""
    return _make_runner(Path(module).with_suffix(".up.sql")), _make_runner(Path(module).with_suffix(".down.sql"))


def call(procedure: str) -> None:
    """Call a procedure that commits as it goes. A version that does so may be killed in it, and is then run again."""
    context = op.get_context()
    with context.autocommit_block():
        if not context.as_sql:
            op.execute("COMMIT")  # of what Alembic has just read, which pg8000 began a transaction for
        op.execute(f"CALL {procedure}()")


def _make_runner(file: Path) -> Callable[[], None]:
    def run() -> None:
        sql = file.read_text().strip()
        context = op.get_context()
        if context.as_sql:
            context.impl.static_output(sql)
        else:
            op.get_bind().exec_driver_sql(sql)

    return run


@contextmanager
def _locked(settings: DatabaseSettings) -> Iterator[Connection]:
    """Yield a connection that holds the lock of all runs until it is closed."""
    parameters = {"lock_timeout": RUN_PATIENCE, "statement_timeout": "0"}
    creator = _report_failures(opener(settings, parameters))
    engine = create_engine("postgresql+pg8000://", creator=creator, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            connection.exec_driver_sql(f"SET lock_timeout = '{TRAFFIC_PATIENCE}'")
            connection.commit()
            yield connection
    except PendingRollbackError as error:
        raise DatabaseUnavailable(LOST) from error  # within a procedure
    except DBAPIError as error:
        if _has_state(error, LOCK_NOT_AVAILABLE) or _has_state(error, DEADLOCK_DETECTED):
            raise DatabaseUnavailable("the schema is in use; migrate again when there is less traffic") from error
        if isinstance(error.orig, InterfaceError) or _is_fatal(error):
            raise DatabaseUnavailable(LOST) from error
        raise


def _report_failures(connect: Callable[[], DbapiConnection]) -> Callable[[], DbapiConnection]:
    """Return a function that opens a connection and raises DatabaseUnavailable, whatever the failure is."""

    def open_connection() -> DbapiConnection:
        try:
            connection = connect()
        except ConfigurationError:
            raise
        except Exception as error:
            raise DatabaseUnavailable("the database cannot be reached; try again") from error
        # Until here silence was a sign that it is away. A version that moves rows says nothing for minutes.
        connection._usock.settimeout(None)
        return connection

    return open_connection


def _config(connection: Connection | None, applied: list[str]) -> Config:
    config = Config(attributes={"connection": connection, "applied": applied})
    config.set_main_option("script_location", str(find_folder("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def _version(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or "base"


def _add_member(connection: Connection, group: str, user: str) -> None:
    try:
        connection.execute(text("SELECT utxoiq_add_member(:group, :user)"), {"group": group, "user": user})
        connection.commit()
    except DBAPIError as error:
        if _has_state(error, UNDEFINED_OBJECT):
            raise ConfigurationError(f"cannot make {user!r} a member of {group!r}: there is no such role") from error
        raise


def _is_fatal(error: DBAPIError) -> bool:
    return isinstance(error.orig, DatabaseError) and is_fatal(error.orig)


def _has_state(error: DBAPIError, state: str) -> bool:
    return isinstance(error.orig, DatabaseError) and read_sqlstate(error.orig) == state


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m utxoiq_persistence.postgres.schema", description=__doc__)
    parser.add_argument("--sql", action="store_true", required=True, help="print the SQL of every version")
    parser.parse_args()
    print_sql()
