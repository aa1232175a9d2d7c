"""The list of columns, the tables that the migrations make, and what is answered of them are the same."""

from typing import get_type_hints

import pytest
from tests.integration.conftest import TEMPLATE, database_settings

from local_cloud.processes.postgres import Postgres
from utxoiq_http import answers as views
from utxoiq_persistence.archive.column_check import check
from utxoiq_persistence.metrics import metrics
from utxoiq_persistence.postgres.columns import TABLES
from utxoiq_persistence.postgres.session import connector

ANSWERS = {"backfill_jobs": views.Job, "insight_feedback": views.FeedbackRow, "system_metrics": views.Metric}


@pytest.mark.parametrize("table", TABLES)
def test_the_migrations_make_the_columns_of_the_list(postgres: Postgres, table: str) -> None:
    session = connector(database_settings(postgres, TEMPLATE))()
    try:
        check(session, TABLES[table])
    finally:
        session.close()


@pytest.mark.parametrize("table", TABLES)
def test_answers_are_documented_with_the_columns_of_the_list(table: str) -> None:
    assert list(get_type_hints(ANSWERS[table])) == [column.name for column in TABLES[table].columns]


def test_what_is_answered_of_a_new_metric_has_the_columns_of_the_list() -> None:
    columns = [column.name for column in TABLES["system_metrics"].columns]
    assert list(metrics._StoredMetric.__struct_fields__) == columns
