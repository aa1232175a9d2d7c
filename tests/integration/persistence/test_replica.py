"""Metrics of the past are read from the replica, if there is one and it answers."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.conftest import database_settings

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.config import Settings
from utxoiq_persistence.metrics.metrics import Metrics
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.records import MetricsQuery, NewMetric
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def replica(postgres: Postgres, new_database: Callable[[], str]) -> AsyncIterator[Database]:
    """One that has heard of nothing yet: whatever is read from it is empty."""
    settings = database_settings(postgres, new_database())
    database = Database(settings, connector(settings))
    yield database
    await database.close()


@pytest.fixture
def long_ago() -> datetime:
    return datetime.now(UTC) - 300 * MINUTE


@pytest.mark.parametrize(("minutes", "seen"), [(0, 2), (30, 1), (120, 0)])
async def test_only_what_is_long_past_is_read_from_it(
    store: Store, replica: Database, long_ago: datetime, minutes: int, seen: int
) -> None:
    """minutes: from the end of the range to now."""
    service, now = f"service-{minutes}", datetime.now(UTC)
    for moment in (long_ago, now - 20 * MINUTE):
        await store.metrics.record(NewMetric(service, "latency", 1.0, "ms", None, moment))
    metrics = Metrics(store.database, store.cache, 100, replica)
    page = await metrics.find(MetricsQuery(long_ago, now - minutes * MINUTE, service))
    assert page.body.count(b'"latency"') == seen


async def test_where_it_is_behind_the_schema_the_database_answers(
    store: Store, postgres: Postgres, new_database: Callable[[], str], long_ago: datetime
) -> None:
    name = new_database()
    with postgres.connect(database=name) as connection:
        connection.run("DROP TABLE metric_points CASCADE")
    settings = database_settings(postgres, name)
    replica = Database(settings, connector(settings))
    await store.metrics.record(NewMetric("early", "latency", 1.0, "ms", None, long_ago))
    metrics = Metrics(store.database, store.cache, 100, replica)
    page = await metrics.find(MetricsQuery(long_ago, long_ago + 60 * MINUTE, "early"))
    assert page.body.count(b'"early"') == 1
    await replica.close()


async def test_where_it_is_away_the_database_answers(store: Store, settings: Settings, long_ago: datetime) -> None:
    await store.metrics.record(NewMetric("lonely", "latency", 1.0, "ms", None, long_ago))
    nowhere = replace(settings.database, socket_dir="nowhere")
    replica = Database(nowhere, connector(nowhere))
    metrics = Metrics(store.database, store.cache, 100, replica)
    page = await metrics.find(MetricsQuery(long_ago, long_ago + 60 * MINUTE, "lonely"))
    assert page.body.count(b'"lonely"') == 1
    await replica.close()
