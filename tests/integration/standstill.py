"""What stands still, but does not end: a process, and whoever waits for a table."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from pg8000.native import Connection
from tests.system.running import until

_HANGING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@contextmanager
def frozen(process: int) -> Iterator[None]:
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@contextmanager
def locked(connection: Connection, table: str) -> Iterator[None]:
    """Statements on the table hang, and one does so still at the end of the block: nobody waited for it."""
    connection.run("BEGIN")
    connection.run(f"LOCK TABLE {table}")
    yield
    until(lambda: connection.run(_HANGING) == [[1]], 120)
    connection.run("ROLLBACK")
