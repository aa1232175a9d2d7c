"""No query of sql/ depends on how many columns a table has: a migration may add one while old code runs."""

from collections.abc import Iterator

import pytest
import sqlglot
from sqlglot import exp

from utxoiq_persistence.packaged_folders import find_folder
from utxoiq_persistence.postgres.statements import load

# Functions that make one value of a row, whatever columns it has.
OF_A_ROW = {"api_key_status"}
# Checksums of a source and its copy, which have the same schema: every column has to count.
WHOLE = {"sample_backfill_jobs", "sample_insight_feedback", "sample_system_metrics"}
QUERIES = [
    pytest.param(statement.text, id=f"{file.stem}-{name}")
    for file in sorted(find_folder("sql").glob("*.sql"))
    for name, statement in load(file.stem).items()
    if name not in WHOLE
]


def faults(query: str) -> list[str]:
    """What in a query depends on the columns that a table happens to have."""
    tree = sqlglot.parse_one(query, dialect="postgres")
    assert not isinstance(tree, exp.Command), f"not understood: {query}"
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    return [*_inserts(tree), *_stars(tree, own), *_rows(tree, own)]


def _inserts(tree: exp.Expr) -> Iterator[str]:
    for insert in tree.find_all(exp.Insert):
        if not isinstance(insert.this, exp.Schema):
            yield f"INSERT without columns: {insert.this.sql()}"


def _stars(tree: exp.Expr, own: set[str]) -> Iterator[str]:
    for star in tree.find_all(exp.Star):
        column = star.parent if isinstance(star.parent, exp.Column) else star
        if isinstance(column.parent, exp.Count):
            continue
        statement = column.find_ancestor(exp.Select, exp.Returning, exp.Insert)
        if isinstance(statement, exp.Returning):
            yield f"RETURNING {column.sql()}"
            continue
        tables = _tables(statement, own)
        prefix = column.args.get("table")
        if not isinstance(column.parent, exp.Select):
            yield f"a star in an expression: {column.parent.sql() if column.parent else ''}"
        elif tables and (prefix is None or prefix.name in tables):
            yield f"SELECT {column.sql()} of a table"


def _rows(tree: exp.Expr, own: set[str]) -> Iterator[str]:
    """Names of tables that are used as values: to_jsonb(feedback), feedback::text."""
    for column in tree.find_all(exp.Column):
        is_argument = isinstance(column.parent, exp.Anonymous) and column.parent.name in OF_A_ROW
        if not column.table and not is_argument and column.name in _tables_around(column, own):
            yield f"the whole row {column.name}"


def _tables_around(node: exp.Expr, own: set[str]) -> set[str]:
    found: set[str] = set()
    around = node.parent
    while around is not None:
        found |= _tables(around, own)
        around = around.parent
    return found


def _tables(statement: exp.Expr | None, own: set[str]) -> set[str]:
    """The real tables that a SELECT or a change reads, by the names that they have there."""
    if not isinstance(statement, exp.Select | exp.Insert | exp.Update | exp.Delete):
        return set()
    target = statement.this.this if isinstance(statement.this, exp.Schema) else statement.this
    source = statement.args.get("from_") or statement.args.get("from")
    joins = [join.this for join in statement.args.get("joins") or []]
    read = [target, source.this if source is not None else None, *joins, *(statement.args.get("using") or [])]
    return {
        table.alias_or_name
        for table in read
        if isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier) and table.name not in own
    }


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_names_its_columns(query: str) -> None:
    assert faults(query) == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM insight_feedback",
        "SELECT f.* FROM insight_feedback AS f JOIN given USING (id)",
        "SELECT given.id, f.* FROM (SELECT 1 AS id) AS given JOIN insight_feedback AS f USING (id)",
        "SELECT *, rating AS r FROM insight_feedback",
        "SELECT row_to_json(f) FROM insight_feedback AS f",
        "SELECT row_to_json(f.*) FROM insight_feedback AS f",
        "SELECT to_jsonb(insight_feedback) FROM insight_feedback",
        "SELECT json_agg(f ORDER BY id) FROM insight_feedback AS f",
        "SELECT f::text FROM insight_feedback AS f",
        "SELECT (SELECT row_to_json(f)) FROM insight_feedback AS f",
        "SELECT f FROM insight_feedback AS f",
        "WITH page AS (SELECT * FROM insight_feedback) SELECT json_agg(page) FROM page",
        "WITH page AS (SELECT f FROM insight_feedback AS f) SELECT json_agg(f) FROM page",
        "INSERT INTO insight_feedback (id) VALUES (1) RETURNING *",
        "INSERT INTO insight_feedback AS f (id) VALUES (1) RETURNING f.*",
        "INSERT INTO insight_feedback AS f (id) VALUES (1) RETURNING row_to_json(f)",
        "UPDATE insight_feedback AS f SET rating = 1 RETURNING to_jsonb(f)",
        "UPDATE insight_feedback AS f SET rating = 1 FROM other AS o RETURNING to_jsonb(o)",
        "DELETE FROM insight_feedback AS f RETURNING f.*",
        "DELETE FROM insight_feedback AS f USING other AS o WHERE f.id = o.id RETURNING row_to_json(o)",
        "WITH gone AS (DELETE FROM insight_feedback RETURNING *) SELECT id FROM gone",
        "INSERT INTO insight_feedback VALUES (1)",
        "INSERT INTO insight_feedback SELECT 1",
        "WITH done AS (INSERT INTO insight_feedback AS f SELECT 1 RETURNING id) SELECT id FROM done",
    ],
)
def test_the_rule_finds(query: str) -> None:
    assert faults(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM insight_feedback",
        "SELECT id FROM insight_feedback AS f WHERE f.rating = 1",
        "WITH page AS (SELECT id, rating FROM insight_feedback) SELECT json_agg(page), (SELECT 1) FROM page",
        "WITH page AS (SELECT id FROM insight_feedback), s AS (SELECT * FROM page) SELECT row_to_json(s) FROM s",
        "SELECT * FROM unnest(ARRAY[1], ARRAY[2]) AS given (a, b)",
        "SELECT row_to_json(f) FROM (SELECT id FROM insight_feedback) AS f",
        "INSERT INTO insight_feedback (id) SELECT * FROM unnest(ARRAY[1])",
        "SELECT EXISTS (SELECT FROM insight_feedback)",
    ],
)
def test_the_rule_leaves_alone(query: str) -> None:
    assert faults(query) == []
