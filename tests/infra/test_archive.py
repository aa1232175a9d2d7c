"""The archive's tables in BigQuery are those that retention writes."""

import json
from datetime import date

import duckdb
import pyarrow as pa
import pytest
from tests.infra.deployment import deployed

from commands.archive import columns as queried
from utxoiq_infra.archive import COLUMNS, PARTITIONS
from utxoiq_infra.archive import TYPES as BIGQUERY_TYPES
from utxoiq_infra.storage import METRICS
from utxoiq_persistence.archive.bucket import manifest_name, new_name, withdrawal_name
from utxoiq_persistence.archive.tables import INSTANT, JSON, TABLES, UUID
from utxoiq_persistence.archive.tables import TYPES as PARQUET_TYPES

TABLE = "bigquery/table:Table"
TYPES = {
    UUID: "BYTES",
    JSON: "JSON",
    INSTANT: "TIMESTAMP",
    pa.string(): "STRING",
    pa.float64(): "FLOAT",
    pa.int16(): "INTEGER",
    pa.int32(): "INTEGER",
    pa.int64(): "INTEGER",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.binary(): "BYTES",
}


def fields(table: str) -> list[pa.Field]:
    """Of objects of every release: those that are not sealed have the table's columns."""
    archived = TABLES[table]
    return [*archived.schema, *(field for field in archived.stored_schema if field.name not in archived.schema.names)]


@pytest.mark.parametrize("table", TABLES)
def test_columns_are_those_of_the_objects(table: str) -> None:
    assert COLUMNS[table] == {field.name: TYPES[field.type] for field in fields(table)}


def test_a_type_is_the_same_wherever_it_is_read() -> None:
    assert queried.TYPES == PARQUET_TYPES
    assert {name: TYPES[kind] for name, kind in PARQUET_TYPES.items()} == BIGQUERY_TYPES


@pytest.mark.parametrize("table", TABLES)
def test_a_query_where_the_archive_lies_has_the_columns_of_the_objects(table: str) -> None:
    expected = [(field.name, field.type) for field in fields(table)]
    assert [(field.name, field.type) for field in queried.read()[table]] == expected


def test_there_is_a_table_for_each() -> None:
    declared = {found["tableId"]: found for found in deployed("prod").all(TABLE)}
    assert declared.keys() == {*TABLES, *(f"{table}_objects" for table in TABLES), "manifests"}
    assert all(json.loads(declared[f"{table}_objects"]["externalDataConfiguration.schema"]) for table in TABLES)


def test_views_leave_out_what_has_no_manifest_or_was_withdrawn() -> None:
    """DuckDB runs BigQuery's own text, over tables of the names of objects and over real manifests."""
    bucket, dataset = "utxoiq-prod-utxoiq-prod-archive", "utxoiq_prod_archive"
    day = date(2025, 8, 1)
    kept, unfinished, gone = (new_name("insight_feedback", day) for _ in range(3))
    views = {found["tableId"]: found["view.query"] for found in deployed("prod").all(TABLE) if found["view"]}
    assert views.keys() == TABLES.keys()
    connection = duckdb.connect()
    connection.execute("CREATE TABLE objects (_FILE_NAME text); CREATE TABLE manifests (object text, withdrawn text)")
    for name in (kept, unfinished, gone):
        connection.execute("INSERT INTO objects VALUES (?)", [f"gs://{bucket}/{name}"])
    connection.execute("INSERT INTO manifests VALUES (?, NULL), (?, NULL), (NULL, ?)", [kept, gone, gone])
    query = views["insight_feedback"].replace(f"`utxoiq-prod.{dataset}.insight_feedback_objects`", "objects")
    query = query.replace(f"`utxoiq-prod.{dataset}.manifests`", "manifests").replace('"', "'")
    assert connection.execute(query).fetchall() == [(f"gs://{bucket}/{kept}",)]


def test_their_days_are_read_from_the_names_of_objects() -> None:
    keys = [part.partition(":")[0].strip("{}") for part in PARTITIONS.split("/")]
    for table in TABLES:
        _, *days, _ = new_name(table, date(2025, 8, 1)).split("/")
        assert [day.partition("=")[0] for day in days] == keys


def test_objects_and_manifests_of_metrics_leave_together() -> None:
    name = new_name("system_metrics", date(2025, 8, 1))
    assert [prefix for prefix in METRICS if name.startswith(prefix)] == [METRICS[0]]
    assert [prefix for prefix in METRICS if manifest_name(name).startswith(prefix)] == [METRICS[1]]
    assert [prefix for prefix in METRICS if withdrawal_name(name).startswith(prefix)] == [METRICS[1]]
