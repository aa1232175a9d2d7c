"""The archive as `archive query` shows it: empty before anything is archived, typed, and in words where it cannot."""

from datetime import date

import duckdb
import pytest
from tests.integration.retention.world import World, month_start

from commands.archive import query
from commands.archive.bucket import Bucket
from commands.errors import CommandFailed
from utxoiq_infra import archived_columns
from utxoiq_persistence.store import Store

TABLES = tuple(archived_columns.read())


def description(world: World, table: str, since: date = date.min) -> dict[str, str]:
    """Columns and types."""
    answer = ask(world, f"SELECT * FROM {table}", since)  # noqa: S608
    return dict(zip(answer.columns, map(str, answer.types), strict=True))


def ask(world: World, sql: str, since: date = date.min) -> duckdb.DuckDBPyRelation:
    answer = query.run(world.bucket, sql, since)
    assert answer is not None
    return answer


async def test_a_table_of_which_nothing_is_archived_is_empty_with_its_columns(world: World, store: Store) -> None:
    before = {table: description(world, table) for table in TABLES}
    assert all(query.rows(ask(world, f"SELECT * FROM {table}")) == [] for table in TABLES)  # noqa: S608

    world.jobs(200, 2)
    world.feedback(800, 2)
    world.metrics(month_start(7, 10), 2)
    await world.service(store).run("test")

    assert all(len(query.rows(ask(world, f"SELECT * FROM {table}"))) == 2 for table in TABLES)  # noqa: S608
    assert {table: description(world, table) for table in TABLES} == before
    # Of days that nothing is of, a table is empty as well.
    assert {table: description(world, table, date(2099, 1, 1)) for table in TABLES} == before
    assert query.rows(ask(world, "SELECT id FROM system_metrics", date(2099, 1, 1))) == []


def test_what_cannot_be_answered_is_said(world: World) -> None:
    with pytest.raises(CommandFailed, match="api_keys does not exist") as unknown:
        ask(world, "SELECT * FROM api_keys")
    assert unknown.value.remedy == "The archive has the tables backfill_jobs, insight_feedback, system_metrics."
    with pytest.raises(CommandFailed, match="syntax error"):
        ask(world, "SELEC 1")
    with pytest.raises(CommandFailed, match="Could not convert string 'x'"):
        query.rows(ask(world, "SELECT CAST(unit AS INT) FROM (VALUES ('x')) AS t (unit)"))
    with pytest.raises(CommandFailed, match="the bucket nowhere cannot be read"):
        query.run(Bucket("nowhere", world.bucket.endpoint), "SELECT 1")
