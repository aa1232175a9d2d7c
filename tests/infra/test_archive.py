"""The archive's tables in BigQuery are those that retention writes."""

import json
from datetime import date

import pyarrow as pa
import pytest
from tests.infra.deployment import deploy

from utxoiq_infra.archive import COLUMNS, PARTITIONS
from utxoiq_infra.storage import METRICS
from utxoiq_persistence.archive.bucket import manifest_of, new_name
from utxoiq_persistence.archive.tables import INSTANT, JSON, TABLES, UUID

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
}


@pytest.mark.parametrize("table", TABLES)
def test_columns_are_those_of_the_objects(table: str) -> None:
    assert COLUMNS[table] == {field.name: TYPES[field.type] for field in TABLES[table].schema}


def test_there_is_a_table_for_each() -> None:
    tables = {found["tableId"]: found["externalDataConfiguration"] for found in deploy("prod").all(TABLE)}
    assert tables.keys() == TABLES.keys()
    assert all(json.loads(found["schema"]) for found in tables.values())


def test_their_days_are_read_from_the_names_of_objects() -> None:
    keys = [part.partition(":")[0].strip("{}") for part in PARTITIONS.split("/")]
    for table in TABLES:
        _, *days, _ = new_name(table, date(2025, 8, 1)).split("/")
        assert [day.partition("=")[0] for day in days] == keys


def test_objects_and_manifests_of_metrics_leave_together() -> None:
    name = new_name("system_metrics", date(2025, 8, 1))
    assert [prefix for prefix in METRICS if name.startswith(prefix)] == [METRICS[0]]
    assert [prefix for prefix in METRICS if manifest_of(name).startswith(prefix)] == [METRICS[1]]
