"""docs/privacy.md says of every column of every table whose it is, and for how long it is kept."""

from pathlib import Path

from tests.integration.conftest import TEMPLATE

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.postgres.columns import TABLES

DOCUMENT = Path(__file__).parents[3] / "docs" / "privacy.md"
COLUMNS = """
SELECT CASE nspname WHEN 'public' THEN '' ELSE nspname || '.' END || relname,
       array_agg(attname::text ORDER BY attnum)
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace AS schema ON schema.oid = relnamespace
WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND relkind IN ('r', 'p', 'm')
  AND NOT relispartition AND attnum > 0 AND NOT attisdropped
GROUP BY 1
"""
WHOSE = {"user", "staff", "services", "nobody"}


def documented() -> dict[str, tuple[list[str], set[str], str]]:
    """Columns, whose they are and how long they are kept, by table."""
    lines = DOCUMENT.read_text().splitlines()
    start = lines.index("| table | columns | whose | for how long |") + 2
    tables = {}
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table, columns, whose, kept = (cell.strip() for cell in line.strip("|").split("|"))
        tables[table] = columns.split(", "), set(whose.split(", ")), kept
    return tables


def test_the_inventory_has_every_column_of_every_table(postgres: Postgres) -> None:
    with postgres.connect(database=TEMPLATE) as connection:
        there = dict(connection.run(COLUMNS))
    assert {table: columns for table, (columns, _, _) in documented().items()} == there


def test_the_inventory_says_whose_it_is_and_for_how_long() -> None:
    for table, (_, whose, kept) in documented().items():
        assert whose <= WHOSE, table
        assert kept, table
        assert ("user" in whose) == any(word in kept for word in ("erased", "SHA-256")), table


def test_what_the_archive_holds_of_users_it_holds_encrypted() -> None:
    for table, listed in TABLES.items():
        # system_metrics is a view.
        held = documented()["metric_points" if table == "system_metrics" else table]
        assert bool(listed.personal) == ("user" in held[1]), table
    named = DOCUMENT.read_text().partition("Of insight_feedback the archive encrypts ")[2].partition(";")[0]
    assert [word.strip("`") for word in named.replace(" and ", ", ").split(", ")] == list(
        TABLES["insight_feedback"].personal
    )
