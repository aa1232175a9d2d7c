"""What an aggregate looks at: daily parts, and the hours of the days that the range cuts, however many there are."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pg8000.native import Connection, literal

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.metrics import folding, sketches
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import Statement, load

DAYS = 60
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = TODAY - timedelta(days=DAYS)
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


def _looked_at(connection: Connection) -> int:
    rows: int
    ((rows,),) = connection.run(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'metric_rollups'"
    )
    return rows
