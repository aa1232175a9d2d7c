"""The Cloud SQL connector itself: addresses and certificates of the Admin API, TLS in front of PostgreSQL."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from google.cloud.sql.connector import Connector, IPTypes, RefreshStrategy
from tests.integration.persistence.cloud_sql import PORT, CloudSql, Credentials, loopback

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence import deadlines
from utxoiq_persistence.config import Settings
from utxoiq_persistence.postgres import cloud_sql, connection
from utxoiq_persistence.postgres.cloud_sql import CloudSqlLink
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.postgres.statements import Statement

pytestmark = pytest.mark.anyio

ONE = Statement("one", "SELECT 1", lambda _: ())


@pytest.fixture
def instance(postgres: Postgres, tmp_path: Path) -> Iterator[CloudSql]:
    with CloudSql(postgres, tmp_path).serving() as instance:
        yield instance


@pytest.fixture
async def pool(settings: Settings, instance: CloudSql, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    link = CloudSqlLink(
        lambda loop: Connector(
            ip_type=IPTypes.PRIVATE,
            enable_iam_auth=True,
            refresh_strategy=RefreshStrategy.LAZY,
            loop=loop,
            credentials=Credentials(),
            sqladmin_api_endpoint=instance.url,
        )
    )
    monkeypatch.setattr(cloud_sql, "link", lambda: link)
    own = replace(settings.database, socket_dir=None)
    pool = Database(own, connector(own))
    yield pool
    await pool.close()
    link.close()


async def test_connections_share_one_certificate(pool: Database, instance: CloudSql) -> None:
    with instance.listening(instance.address):
        for _ in range(3):
            assert await pool.fetch(ONE) == [[1]]
            pool._retire_sessions()
        assert sorted(instance.calls) == ["connectSettings", "instance:generateEphemeralCert"]
        instance.is_away = True
        assert await pool.fetch(ONE) == [[1]]


async def test_an_instance_whose_address_changed_is_found(pool: Database, instance: CloudSql) -> None:
    with instance.listening(instance.address):
        assert await pool.fetch(ONE) == [[1]]
        pool._retire_sessions()
    instance.address = loopback()
    with instance.listening(instance.address):
        assert await pool.fetch(ONE) == [[1]]
        assert pool.queries["one"].errors == 1


async def test_an_address_where_nobody_answers_holds_up_no_more_than_one_attempt(
    pool: Database, instance: CloudSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections are accepted, as by a frozen instance, and TLS never comes about."""
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 1)
    with socket.create_server((instance.address, PORT)):
        asking = [asyncio.create_task(pool.fetch(ONE, idempotent=True)) for _ in range(5)]
        while not instance.calls:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
        instance.address = loopback()
        with instance.listening(instance.address):
            deadlines.limit(120)
            assert await asyncio.gather(*asking) == [[[1]]] * 5


async def test_a_certificate_that_expired_meanwhile_is_replaced(pool: Database, instance: CloudSql) -> None:
    instance.lifetime = timedelta(minutes=-1)
    with instance.listening(instance.address):
        asking = asyncio.create_task(pool.fetch(ONE))
        while len(instance.calls) < 2:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
        instance.lifetime = timedelta(hours=1)
        assert await asking == [[1]]
