"""Tables and the archive's objects while columns come: no value of one is lost, whichever of them is older.

objects/ has objects as the first release wrote them, with their rows as JSON beside them.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.retention import release
from tests.integration.retention.test_failures import interrupted
from tests.integration.retention.world import PROJECT, World, month_start

from commands.archive import columns as listed_for_queries
from commands.archive import query
from commands.errors import CommandFailed
from utxoiq_infra import archived_columns
from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive.bucket import JSON_TYPE, PARQUET_TYPE, manifest_name, new_name
from utxoiq_persistence.archive.column_check import ColumnsDiffer
from utxoiq_persistence.archive.expiry import Tally
from utxoiq_persistence.postgres.columns import TABLES
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio
REPOSITORY = Path(__file__).parents[3]
OBJECTS = Path(__file__).parent / "objects"
DAYS = {
    "backfill_jobs": date(2024, 3, 1),
    "insight_feedback": date(2023, 2, 1),
    "system_metrics": date(2024, 5, 6),
}
# Whatever a new column may be, each of its own type of storage.
NEW_COLUMNS = {"mood": "character varying", "seen_by": "uuid", "is_new": "boolean", "due": "date", "more": "jsonb"}


def fill(world: World) -> None:
    world.jobs(200, 3)
    world.feedback(800, 4)
    world.metrics(month_start(5), 5)
    world.metrics(month_start(40), 2, month=False)


def add_column(world: World, table: str) -> None:
    """With a value in every row, as an application writes it: a default that is added does not count as one."""
    alter(world, table, ["ADD COLUMN mood varchar(10)"], ["mood"])
    world.sql.run(f"UPDATE {stored(table)} SET mood = 'calm'")  # noqa: S608


def stored(table: str) -> str:
    """The table that holds the rows' own columns."""
    return "metric_points" if table == "system_metrics" else table


def alter(world: World, table: str, changes: Sequence[str], more: Sequence[str] = ()) -> None:
    """more: columns that the view has besides, if it is one."""
    with_view = table == "system_metrics"
    if with_view:
        world.sql.run("DROP VIEW system_metrics")
    for change in changes:
        world.sql.run(f"ALTER TABLE {stored(table)} {change}")
    if with_view:
        show(world, [f'"{column.name}"' for column in TABLES[table].columns] + list(more))


def show(world: World, columns: Sequence[str]) -> None:
    rows = "metric_points JOIN metric_series USING (series)"
    world.sql.run(f"CREATE VIEW system_metrics AS SELECT {', '.join(columns)} FROM {rows}")  # noqa: S608


def moods(world: World, table: str) -> int:
    ((count,),) = world.sql.run(f"SELECT count(*) FROM {table} WHERE mood = 'calm'")  # noqa: S608
    return int(count)


@pytest.mark.parametrize("table", TABLES)
async def test_a_column_that_the_list_lacks_stops_the_run_before_it_takes_a_row(
    world: World, store: Store, table: str
) -> None:
    fill(world)
    before = world.live(table)
    add_column(world, table)
    report = await world.service(store).run("test")
    tally: Tally = getattr(
        report.results, {"insight_feedback": "feedback", "system_metrics": "metrics"}.get(table, table)
    )
    assert (report.status, tally.archived, tally.deleted, tally.errors) == ("failed", 0, 0, 1)
    assert f"{table}: the table has the column mood character varying, which the list lacks" in tally.details[0]
    assert "its rows stay where they are. Bring sql/columns.toml" in tally.details[0]
    assert world.live(table) == before
    assert moods(world, table) == before.total()
    assert [name for name in world.objects() if table in name] == []
    assert (await world.service(store).run("test", dry_run=True)).status == "failed"


@pytest.mark.parametrize("table", TABLES)
async def test_a_column_that_the_table_lacks_or_has_otherwise_is_named(world: World, store: Store, table: str) -> None:
    column = {"backfill_jobs": "created_by", "insight_feedback": "flag_reason", "system_metrics": "unit"}[table]
    if table == "system_metrics":
        listed = [f'"{one.name}"' for one in TABLES[table].columns]
        world.sql.run("DROP VIEW system_metrics")
        show(world, ["unit::text" if one == '"unit"' else one for one in listed])
    else:
        world.sql.run(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE text")
    with pytest.raises(
        ColumnsDiffer, match=rf"the column {column} text.*, the list has it as {column} character varying"
    ):
        await world.service(store).restore(table, *release.ALWAYS, keep_days=1)  # type: ignore[arg-type]
    if table == "system_metrics":
        world.sql.run("DROP VIEW system_metrics")
        show(world, [one for one in listed if one != '"unit"'])
    else:
        world.sql.run(f"ALTER TABLE {table} DROP COLUMN {column}")
    with pytest.raises(
        ColumnsDiffer, match=rf"the list has the column {column} character varying.*, which the table lacks"
    ):
        await world.service(store).restore(table, *release.ALWAYS, keep_days=1)  # type: ignore[arg-type]
    if table == "system_metrics":
        with pytest.raises(ColumnsDiffer):
            await world.service(store).upkeep()


@pytest.mark.parametrize("table", TABLES)
async def test_a_column_that_comes_in_the_middle_of_a_run_is_not_lost(world: World, store: Store, table: str) -> None:
    fill(world)
    before = world.live(table)
    added: list[str] = []

    def migrate(name: str) -> None:
        if name.startswith(table) and not added:
            added.append(name)
            add_column(world, table)

    await world.service(store, interrupted(world, migrate)).run("test")
    assert len(added) == 1
    assert world.live(table) == before
    assert moods(world, table) == before.total()


@pytest.mark.parametrize("table", TABLES)
async def test_objects_of_the_first_release_are_read_where_they_lie_and_restored(
    world: World, store: Store, table: str
) -> None:
    keep(world, table)
    archived = world.archived(table)
    assert (await world.service(store).restore(table, *release.ALWAYS, keep_days=30)).restored == len(rows_of(table))  # type: ignore[arg-type]
    assert live_as_json(world, table) == rows_of(table)
    assert world.live(table) == archived


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The code of today with more columns in its list, for functions and for those who ask the archive."""
    for folder in ("functions", "sql"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "sql/columns.toml"
    lines = "".join(f'{name} = "{kind}"\n' for name, kind in NEW_COLUMNS.items())
    parts = file.read_text().split("\n\n[")
    file.write_text("\n\n[".join(f"{part.rstrip()}\n{lines}" if ".columns]" in part else part for part in parts))
    return tmp_path


def migrate(world: World, table: str) -> None:
    alter(world, table, [f"ADD COLUMN {name} {kind}" for name, kind in NEW_COLUMNS.items()], list(NEW_COLUMNS))


@pytest.mark.parametrize("table", TABLES)
async def test_objects_that_are_older_than_a_column_are_restored_with_null(
    world: World, next_release: Path, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(world, table)
    for other in TABLES:
        migrate(world, other)
    nulls = dict.fromkeys(NEW_COLUMNS)
    assert json.loads(step(world, next_release, "restore", table))["restored"] == len(rows_of(table))
    assert live_as_json(world, table) == [{**row, **nulls} for row in rows_of(table)]

    monkeypatch.setattr(archived_columns, "LIST", next_release / "sql/columns.toml")
    monkeypatch.setattr(query, "TABLES", listed_for_queries.read())
    answer = query.run(world.bucket, f"SELECT {', '.join(NEW_COLUMNS)} FROM {table}")  # noqa: S608
    assert answer is not None
    assert answer.fetchall() == [(None,) * len(NEW_COLUMNS)] * len(rows_of(table))


@pytest.mark.parametrize("table", TABLES)
async def test_new_columns_are_archived_restored_and_queried_beside_old_objects_and_refused_by_older_code(
    world: World,
    store: Store,
    next_release: Path,
    table: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    keep(world, table)
    fill(world)
    for other in TABLES:
        migrate(world, other)
    world.sql.run(
        f"UPDATE {stored(table)} SET mood = 'a \"b\",', seen_by = id, is_new = id::text < '8', due = '2024-02-29',"  # noqa: S608
        " more = '[1]' WHERE id::text < 'a'"
    )
    written = live_as_json(world, table)
    assert json.loads(step(world, next_release, "run", table))["status"] == "success"
    assert live_as_json(world, table) == []

    with pytest.raises(
        CommandFailed, match=r"has columns in the archive that this checkout's sql/columns\.toml lacks: mood, seen_by"
    ):
        query.run(world.bucket, "SELECT 1")
    monkeypatch.setattr(archived_columns, "LIST", next_release / "sql/columns.toml")
    monkeypatch.setattr(query, "TABLES", listed_for_queries.read())
    columns = "id::text, mood, seen_by::text, is_new, due::text, more::text"
    answer = query.run(world.bucket, f"SELECT {columns} FROM {table}")  # noqa: S608
    assert answer is not None
    old = {(row["id"], None, None, None, None, None) for row in rows_of(table)}
    new = {
        (r["id"], r["mood"], r["seen_by"], r["is_new"], r["due"], None if r["more"] is None else "[1]") for r in written
    }
    assert set(answer.fetchall()) == old | new

    alter(world, table, [f"DROP COLUMN {name}" for name in NEW_COLUMNS])
    refused = await world.service(store).restore(table, *release.ALWAYS, keep_days=30)  # type: ignore[arg-type]
    assert refused.damaged
    assert "the object has a column that its table lacks: mood" in caplog.text
    # The newer code has replaced the first release's object, where that told of persons in clear.
    still = [] if TABLES[table].personal else rows_of(table)
    assert {row["id"] for row in live_as_json(world, table)} == {row["id"] for row in still}
    migrate(world, table)
    step(world, next_release, "restore", table)
    nulls = dict.fromkeys(NEW_COLUMNS)
    expected = written + [{**row, **nulls} for row in rows_of(table)]
    assert live_as_json(world, table) == sorted(expected, key=lambda row: str(row["id"]))


def rows_of(table: str) -> list[dict[str, Any]]:
    """Of the first release's object."""
    found: list[dict[str, Any]] = json.loads((OBJECTS / f"{table}.json").read_text())
    return found


def live_as_json(world: World, table: str) -> list[dict[str, Any]]:
    rows = world.sql.run(f"SELECT row_to_json(t)::text FROM {table} AS t ORDER BY id")  # noqa: S608
    return [json.loads(text) for (text,) in rows]


def keep(world: World, table: str) -> None:
    """The first release's object, in the bucket and in the ledger, as that release left them."""
    content, day, name = (OBJECTS / f"{table}.parquet").read_bytes(), DAYS[table], new_name(table, DAYS[table])
    generation = world.archive.put(name, day, content, PARQUET_TYPE)
    columns = {column.name: column.type for column in TABLES[table].columns}
    manifest = json.dumps({"object": name, "columns": columns}).encode()
    world.archive.put(manifest_name(name), day, manifest, JSON_TYPE)
    moments = [datetime(day.year, day.month, day.day, hour, tzinfo=UTC) for hour in (0, 23)]
    session = connector(world.settings.database)()
    try:
        archive_ledger.begin(session, name, table, day, None, len(rows_of(table)), *moments, sealed=False)
        archive_ledger.keep(session, name, len(content), hashlib.sha256(content).digest(), generation)
        archive_ledger.end(session, name)
    finally:
        session.close()


def step(world: World, code: Path, name: str, table: str) -> str:
    """What the release whose code that is answers."""
    order = {
        "database": asdict(world.settings.database),
        "redis": asdict(world.settings.redis),
        "project": PROJECT,
        "bucket": world.bucket.name,
        "table": table,
    }
    done = subprocess.run(
        [sys.executable, release.__file__, name],
        env={**os.environ, "PYTHONPATH": str(code / "functions")},
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
