"""Metrics of the past are read from the replica, if there is one and it answers."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.conftest import database_settings

from local.postgres import Postgres
from utxoiq_persistence.config import Settings
from utxoiq_persistence.database import Database
from utxoiq_persistence.metrics import Metrics
from utxoiq_persistence.records import MetricsQuery, NewMetric
from utxoiq_persistence.session import connector
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(hours=5)


@pytest.fixture
async def replica(postgres: Postgres, new_database: Callable[[], str]) -> AsyncIterator[Database]:
    """One that has heard of nothing yet: whatever is read from it is empty."""
    settings = database_settings(postgres, new_database())
    database = Database(settings, connector(settings))
    yield database
    await database.close()


@pytest.mark.parametrize(("until", "seen"), [(NOW, 2), (NOW - timedelta(minutes=30), 1), (NOW - timedelta(hours=2), 0)])
async def test_only_what_is_long_past_is_read_from_it(
    store: Store, replica: Database, until: datetime, seen: int
) -> None:
    service = f"service-{until.timestamp()}"
    for moment in (LONG_AGO, NOW - timedelta(minutes=20)):
        await store.metrics.record(NewMetric(service, "latency", 1.0, "ms", None, moment))
    metrics = Metrics(store.database, store.cache, replica)
    page = await metrics.find(MetricsQuery(LONG_AGO, until, service))
    assert page.body.count(b'"latency"') == seen


async def test_where_it_is_behind_the_schema_the_database_answers(
    store: Store, postgres: Postgres, new_database: Callable[[], str]
) -> None:
    name = new_database()
    with postgres.connect(database=name) as connection:
        connection.run("DROP TABLE system_metrics CASCADE")
    settings = database_settings(postgres, name)
    replica = Database(settings, connector(settings))
    await store.metrics.record(NewMetric("early", "latency", 1.0, "ms", None, LONG_AGO))
    metrics = Metrics(store.database, store.cache, replica)
    page = await metrics.find(MetricsQuery(LONG_AGO, LONG_AGO + timedelta(hours=1), "early"))
    assert page.body.count(b'"early"') == 1
    await replica.close()


async def test_where_it_is_away_the_database_answers(store: Store, settings: Settings) -> None:
    await store.metrics.record(NewMetric("lonely", "latency", 1.0, "ms", None, LONG_AGO))
    nowhere = replace(settings.database, socket_dir="nowhere")
    replica = Database(nowhere, connector(nowhere))
    metrics = Metrics(store.database, store.cache, replica)
    page = await metrics.find(MetricsQuery(LONG_AGO, LONG_AGO + timedelta(hours=1), "lonely"))
    assert page.body.count(b'"lonely"') == 1
    await replica.close()
