"""What is looked at: by an aggregate daily parts, and the hours of the days that the range cuts; by a page its rows."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pg8000.native import Connection, literal
from tests.integration.conftest import database_settings

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.metrics import folding, pages, sketches
from utxoiq_persistence.postgres.connection import opener
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import Statement, load

DAYS = 60
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = TODAY - timedelta(days=DAYS)
PAGE = load("system_metrics")["find_metrics"]
STATEMENTS = [load("system_metrics")["aggregate"], load("metric_sketches")["percentiles"]]


@pytest.fixture(scope="module")
def connection(postgres: Postgres, database: str) -> Iterator[Connection]:
    """To a database with a value of each hour, folded, with sketches."""
    with postgres.connect(database=database) as connection:
        connection.run(
            """
            INSERT INTO system_metrics (id, service_name, metric_type, metric_value, unit, timestamp)
            SELECT gen_random_uuid(), 'api', 'latency', 1, 'ms', :start::timestamptz + hour * interval '1 hour'
            FROM generate_series(0, :last) AS hour
            """,
            start=START,
            last=24 * DAYS - 1,
        )
        session = Session(connection, 120)
        folding.fold(session, math.inf)
        sketches.fill(session, START, TODAY, math.inf)
        connection.run("SET plan_cache_mode = force_generic_plan")  # as after five times
        connection.run("ANALYZE")
        yield connection


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
@pytest.mark.parametrize("cut", [timedelta(), timedelta(hours=7, minutes=31)], ids=["whole days", "within hours"])
def test_hours_of_whole_days_are_not_looked_at(connection: Connection, statement: Statement, cut: timedelta) -> None:
    given = {
        "service_name": "api",
        "metric_type": "latency",
        "start_time": START + cut,
        "end_time": TODAY - cut - timedelta(microseconds=1),
        "interval": "day",
    }
    connection.run(f"PREPARE reading AS {statement.text}")
    connection.run("BEGIN")
    try:
        before = _looked_at(connection)
        connection.run(f"EXECUTE reading ({', '.join(map(literal, statement.arrange(given)))})")
        assert _looked_at(connection) - before <= DAYS + 2 * 24
    finally:
        connection.run("ROLLBACK")
        connection.run("DEALLOCATE reading")


# Of each of several series, whose points come by turns.
SERIES, POINTS, LIMIT = 10, 10_000, 100
COUNTED = Statement(
    "counted",
    "SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables WHERE relname ~ '^metric_points'",
    lambda _: (),
)


@pytest.fixture(scope="module")
def session(postgres: Postgres, database: str) -> Iterator[Session]:
    """As a function has it, of a database with points of several series."""
    with postgres.connect(database=database) as connection:
        connection.run(
            "SELECT system_metrics_ensure_month(now() - n * interval '1 month') FROM generate_series(0, 2) AS n"
        )
        connection.run(
            """
            INSERT INTO metric_points (series, timestamp, id, metric_value)
            SELECT series, :start::timestamptz + point * interval '3 minutes', gen_random_uuid(), 1
            FROM generate_series(1, :points::int) AS point,
                 metric_series_ids(:services::varchar[], :kinds::varchar[], :units::varchar[], NULL) AS series
            """,
            services=["many"] * SERIES,
            kinds=[str(number) for number in range(SERIES)],
            units=["ms"] * SERIES,
            start=START,
            points=POINTS,
        )
        connection.run("VACUUM ANALYZE")
    session = Session(opener(database_settings(postgres, database), {})(), 120)
    yield session
    session.close()


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("metric_type", ["1", None], ids=["of a series", "of a service"])
def test_a_page_looks_at_little_more_than_its_rows(session: Session, metric_type: str | None, plans: str) -> None:
    asked = {
        "service_name": "many",
        "metric_type": metric_type,
        "start_time": START,
        "end_time": TODAY,
        "asked_since": START,
        "limit": LIMIT,
        "offset": 0,
        "between": pages.BETWEEN,
        "most_bytes": pages.MAX_PAGE_BYTES,
        "after_time": None,
        "after_id": None,
    }
    session.execute(f"SET plan_cache_mode = {plans}")
    with session.transaction():
        ((before,),) = session.run(COUNTED)
        ((_, _, found, *_),) = session.run(PAGE, **asked)
        ((after,),) = session.run(COUNTED)
    assert found == LIMIT + 1
    assert after - before <= 3 * LIMIT


def test_what_came_late_for_other_hours_is_not_looked_at(connection: Connection) -> None:
    """It waits for the next fold, an hour of a series a row."""
    statement = load("system_metrics")["aggregate"]
    given = {
        "service_name": "api",
        "metric_type": "latency",
        "start_time": START + timedelta(hours=7),
        "end_time": START + timedelta(hours=9, minutes=59),
        "interval": "hour",
    }
    connection.run("BEGIN")
    try:
        connection.run(
            """
            INSERT INTO system_metrics (id, service_name, metric_type, metric_value, unit, timestamp)
            SELECT gen_random_uuid(), 'api', 'latency', 1, 'ms', :start::timestamptz + hour * interval '1 hour'
            FROM generate_series(0, 999) AS hour
            """,
            start=START,
        )
        connection.run("ANALYZE metric_deltas")
        before = _looked_at(connection, "metric_deltas")
        ((answer,),) = connection.run(statement.inline(**given))
        assert _looked_at(connection, "metric_deltas") - before == 3
        assert [bucket["count"] for bucket in json.loads(answer)["data"]] == [2, 2, 2]
    finally:
        connection.run("ROLLBACK")


def _looked_at(connection: Connection, table: str = "metric_rollups") -> int:
    rows: int
    ((rows,),) = connection.run(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = :table", table=table
    )
    return rows
