"""What a person names is looked at before the clone is made, which takes many minutes on Google Cloud."""

import re
from difflib import get_close_matches
from functools import cache

from pg8000.exceptions import DatabaseError
from pg8000.native import identifier

from commands.errors import CommandFailed, wrong_usage
from commands.recover.database import Database, describe_error
from commands.recover.rows import PARTS_OF
from commands.stack import REPOSITORY

TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1
"""
MIGRATIONS = REPOSITORY / "migrations" / "versions"
CREATED = re.compile(r"^CREATE TABLE (\w+) \(", re.MULTILINE)


def refuse_table(live: Database, table: str, where: str) -> None:
    """Raise CommandFailed for a table that never was, and for a condition that PostgreSQL does not take.

    A table that was dropped is known by the migrations; its condition can be tried on the clone only.
    """
    tables = [name for (name,) in live.rows(TABLES)]
    if table in tables or table in PARTS_OF:
        _refuse_condition(live, table, where)
    elif table not in declared_tables():
        known = sorted({*tables, *declared_tables()})
        close = get_close_matches(table, known, n=1)
        meant = f"Did you mean {close[0]}?" if close else f"The tables are {', '.join(known)}."
        raise CommandFailed(f"there is no table {table}", remedy=meant)


@cache
def declared_tables() -> frozenset[str]:
    """Return the names of the tables that the migrations make, partitions not among them."""
    return frozenset(name for file in MIGRATIONS.glob("*.up.sql") for name in CREATED.findall(file.read_text()))


def _refuse_condition(live: Database, table: str, where: str) -> None:
    try:
        # The condition is the operator's own SQL; it is planned here, not run.
        live.run(f"EXPLAIN SELECT FROM public.{identifier(table)} WHERE {where}")
    except DatabaseError as error:
        raise wrong_usage(f"--where {where!r}: {describe_error(error)}") from error
