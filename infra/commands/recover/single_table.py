"""What is missing of one table, brought back from a moment into the live database, which goes on serving."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from commands.output import Output
from commands.recover.admin import Admin
from commands.recover.database import Database
from commands.recover.rows import Copied, copy_missing
from commands.recover.table_check import refuse_table
from commands.recover.target import Target
from commands.recover.tidy import clone_at, clone_name, empty_cache, remove


def recover_table(
    system: Target, admin: Admin, output: Output, *, moment: datetime, table: str, where: str, keep: bool
) -> dict[str, Any]:
    """Bring back the rows of a moment that are missing now, and return how many. Raises CommandFailed.

    What can be wrong is looked for before the clone is made: on Google Cloud that takes many minutes.
    """
    admin.refuse_moment(system.instance, moment)
    connection_name = str(admin.get(system.instance)["connectionName"])
    with _connected(system, connection_name) as live:
        refuse_table(live, table, where)
    name = clone_name(system, moment)
    clone = clone_at(system, admin, output, moment, name)
    copied = _copied(system, clone, connection_name, table, where, output)
    made = "; the table was made anew" if copied.table_was_made else ""
    output.line(f"{copied.added} rows of {table} were missing, of {copied.found} at that moment{made}.")
    empty_cache(system, output)
    if keep:
        output.line(f"{name} stays; `remove {name}` when it has served.")
    else:
        remove(system, admin, output, name=name)
    return {
        "instance": system.instance,
        "time": moment,
        "table": table,
        "rows_then": copied.found,
        "rows_brought_back": copied.added,
        "table_was_made": copied.table_was_made,
        "clone": name if keep else None,
    }


def _copied(system: Target, clone: str, live_name: str, table: str, where: str, output: Output) -> Copied:
    with (
        _connected(system, clone) as source,
        _connected(system, live_name) as live,
        output.step(f"bringing back what is missing of {table}"),
    ):
        return copy_missing(source, live, table, where)


@contextmanager
def _connected(system: Target, connection_name: str) -> Iterator[Database]:
    database = system.connect(connection_name)
    try:
        yield database
    finally:
        database.close()
