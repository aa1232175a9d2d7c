"""Rows of a table brought from one database into another, only those that are missing there. Again does no harm."""

import tempfile
from dataclasses import dataclass

from pg8000.exceptions import DatabaseError
from pg8000.native import identifier, literal

from commands.errors import CommandFailed, wrong_usage
from commands.recover import definition
from commands.recover.database import Database, describe_error

SPOOLED_BYTES = 64 * 2**20

# What follows from a table's rows, counted anew after some of them have come back.
DERIVED = {
    "insight_feedback": """
        WITH counted AS (
            SELECT insight_id,
                   count(*) FILTER (WHERE rating = 1) AS rating_1, count(*) FILTER (WHERE rating = 2) AS rating_2,
                   count(*) FILTER (WHERE rating = 3) AS rating_3, count(*) FILTER (WHERE rating = 4) AS rating_4,
                   count(*) FILTER (WHERE rating = 5) AS rating_5, count(comment) AS comments,
                   count(*) FILTER (WHERE flag_type = 'inaccurate') AS flags_inaccurate,
                   count(*) FILTER (WHERE flag_type = 'misleading') AS flags_misleading,
                   count(*) FILTER (WHERE flag_type = 'spam') AS flags_spam
            FROM insight_feedback GROUP BY insight_id
            UNION ALL
            SELECT insight_id, rating_1, rating_2, rating_3, rating_4, rating_5, comments,
                   flags_inaccurate, flags_misleading, flags_spam FROM archived_insight_stats
        ), gone AS (
            DELETE FROM insight_stats AS stats
            WHERE NOT EXISTS (SELECT FROM counted WHERE counted.insight_id = stats.insight_id)
        )
        INSERT INTO insight_stats (insight_id, rating_1, rating_2, rating_3, rating_4, rating_5, comments,
                                   flags_inaccurate, flags_misleading, flags_spam)
        SELECT insight_id, sum(rating_1), sum(rating_2), sum(rating_3), sum(rating_4), sum(rating_5), sum(comments),
               sum(flags_inaccurate), sum(flags_misleading), sum(flags_spam)
        FROM counted GROUP BY insight_id
        ON CONFLICT (insight_id) DO UPDATE SET
            (rating_1, rating_2, rating_3, rating_4, rating_5, comments, flags_inaccurate, flags_misleading, flags_spam)
            = ROW(excluded.rating_1, excluded.rating_2, excluded.rating_3, excluded.rating_4, excluded.rating_5,
               excluded.comments, excluded.flags_inaccurate, excluded.flags_misleading, excluded.flags_spam)""",
}


# A view, the table that its own rows lie in, what that needs first, and where conditions find the view's columns.
PARTS_OF = {
    "system_metrics": (
        "metric_points",
        "metric_series",
        "public.metric_points JOIN public.metric_series USING (series)",
    )
}


@dataclass(frozen=True)
class Copied:
    """How many rows the source had (found), and how many of them were missing and were added."""

    found: int
    added: int
    table_was_made: bool


def copy_missing(source: Database, live: Database, table: str, where: str = "true") -> Copied:
    """Copy the source's rows, all or those that `where` selects, that the live table lacks; its own rows stay.

    Raises CommandFailed.
    """
    reads = f"public.{identifier(table)}"
    if table in PARTS_OF:
        table, needed, reads = PARTS_OF[table]
        copy_missing(source, live, needed)
    statements = definition.read(source, table)
    if not statements:
        raise CommandFailed(f"there was no table {table} at that moment")
    name = f"public.{identifier(table)}"
    names = definition.columns(source, table)
    columns = ", ".join(map(identifier, names))
    with tempfile.SpooledTemporaryFile(max_size=SPOOLED_BYTES) as spool:
        try:
            # The condition is the operator's own SQL.
            source.run(f"COPY (SELECT {columns} FROM {reads} WHERE {where}) TO STDOUT", stream=spool)  # noqa: S608
        except DatabaseError as error:
            raise wrong_usage(f"--where {where!r}: {describe_error(error)}") from error
        spool.seek(0)
        live.run("START TRANSACTION")
        try:
            made = not definition.exists(live, table)
            for statement in statements if made else []:
                live.run(statement)
            _check_columns(names, definition.columns(live, table), table)
            shape = f"SELECT {columns} FROM {name} WITH NO DATA"  # noqa: S608
            live.run(f"CREATE TEMPORARY TABLE coming ON COMMIT DROP AS {shape}")
            found = live.run("COPY coming FROM STDIN", stream=spool)
            # What triggers derive is counted anew below: of a table that was dropped it is there still.
            live.run(f"ALTER TABLE {name} DISABLE TRIGGER USER")
            added = live.run(
                f"INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM coming"  # noqa: S608
                " ON CONFLICT DO NOTHING"
            )
            for column in definition.identities(live, table):
                live.run(_count_on(name, column))
            live.run(f"ALTER TABLE {name} ENABLE TRIGGER USER")
            if table in DERIVED:
                live.run(DERIVED[table])
        except DatabaseError as error:
            live.run("ROLLBACK")
            raise CommandFailed(f"the live database refused, and is as it was: {describe_error(error)}") from error
        except BaseException:
            live.run("ROLLBACK")
            raise
        live.run("COMMIT")
    return Copied(found, added, made)


def _check_columns(then: list[str], now: list[str], table: str) -> None:
    """A column that has come since has its default in rows from before; one that has gone since would be lost."""
    if gone := [column for column in then if column not in now]:
        raise CommandFailed(
            f"{table} had columns at that moment that it lacks now: {', '.join(gone)}; add them again first, "
            "or read what they held in the clone"
        )


def _count_on(name: str, column: str) -> str:
    """From the highest number in the table, or that of the last row if it is gone."""
    sequence = f"pg_get_serial_sequence({literal(name)}, {literal(column)})"
    return (
        f"SELECT setval({sequence}, greatest(max({identifier(column)}), pg_sequence_last_value({sequence}::regclass)))"  # noqa: S608
        f" FROM {name} HAVING count(*) > 0"
    )
