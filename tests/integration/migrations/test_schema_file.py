"""migrations/schema.sql is what the migrations make."""

from collections.abc import Callable
from pathlib import Path

from tests.integration.conftest import TEMPLATE
from tests.integration.migrations.schema_file import dump

from local_cloud.processes.postgres import Postgres

SCHEMA = Path(__file__).parents[3] / "migrations" / "schema.sql"


def test_the_file_is_what_the_migrations_make(postgres: Postgres) -> None:
    assert SCHEMA.read_text() == dump(postgres, TEMPLATE), "run `make schema`"


def test_the_file_is_the_same_on_another_day(postgres: Postgres, new_database: Callable[[], str]) -> None:
    database = new_database()
    with postgres.connect(database=database) as connection:
        connection.run("SELECT system_metrics_ensure_month('2031-05-01')")
        assert connection.run("SELECT to_regclass('metric_points_2031_05') IS NOT NULL") == [[True]]
    assert dump(postgres, database) == dump(postgres, TEMPLATE)


def test_a_column_more_is_seen(postgres: Postgres, new_database: Callable[[], str]) -> None:
    database = new_database()
    with postgres.connect(database=database) as connection:
        connection.run("ALTER TABLE insight_feedback ADD COLUMN forgotten text")
    assert "forgotten text" in dump(postgres, database)
