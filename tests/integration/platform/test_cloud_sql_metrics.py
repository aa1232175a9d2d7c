"""Cloud SQL's metrics are those of the real server."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.integration.platform.conftest import by_name
from tests.system.running import until

from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.google.cloud_sql.service import CloudSqlService
from local_cloud.google.metrics.cloud_sql import CloudSqlCollector
from local_cloud.google.metrics.measurement import Measurement

PREFIX = "cloudsql.googleapis.com/database/"
SETTINGS = {"tier": "db-custom-1-2048", "dataDiskSizeGb": "1"}
FAST = {"fsync": "off", "max_connections": "20"}


@pytest.fixture
def cloud_sql(tmp_path: Path) -> Iterator[CloudSqlService]:
    service = CloudSqlService(tmp_path / "sql", "shop", settings=FAST)
    service.start()
    yield service
    service.stop()


@pytest.fixture
def primary(cloud_sql: CloudSqlService) -> Iterator[ManagedPostgres]:
    server = cloud_sql.declared("main", "us-central1", password="secret", settings=FAST, supervised=False)
    with server:
        cloud_sql.adopt("main", server, "us-central1", "POSTGRES_18", SETTINGS)
        yield server


def collected(collector: CloudSqlCollector) -> dict[str, list[Measurement]]:
    return {name.removeprefix(PREFIX): found for name, found in by_name(collector.collect()).items()}


def backends(collector: CloudSqlCollector) -> dict[str, Any]:
    return {found.labels["database"]: found.value for found in collected(collector)["postgresql/num_backends"]}


def test_a_server_that_serves_is_measured_whole(cloud_sql: CloudSqlService, primary: ManagedPostgres) -> None:
    collector = CloudSqlCollector(cloud_sql.servers)
    collected(collector)
    with primary.connect() as connection:
        connection.run("SELECT sum(n) FROM generate_series(1, 3000000) AS n")
    found = collected(collector)
    (up,), (cpu,), (memory,), (disk,) = (
        found[name] for name in ("up", "cpu/utilization", "memory/utilization", "disk/utilization")
    )
    assert up.resource.labels == {"project_id": "shop", "database_id": "shop:main", "region": "us-central1"}
    assert up.value == 1
    # The work of a connection that has ended counts.
    assert 0 < float(str(cpu.value)) <= 1
    assert 0.005 < float(str(memory.value)) < 0.5
    (used,) = found["disk/bytes_used"]
    assert disk.value == float(str(used.value)) / 2**30 > 0.01
    assert "replication/replica_lag" not in found


def test_connections_are_told_by_database_and_when_no_more_are_taken(
    cloud_sql: CloudSqlService, primary: ManagedPostgres
) -> None:
    collector = CloudSqlCollector(cloud_sql.servers)
    with primary.connect() as connection:
        connection.run("CREATE DATABASE shop")
        connection.run("CREATE ROLE caller LOGIN")
    until(lambda: backends(collector) == {"postgres": 0, "shop": 0, "template1": 0}, 120)
    with ExitStack() as stack:
        # All but those that are kept for a superuser.
        for _ in range(17):
            stack.callback(primary.connect("caller", "shop").close)
        assert backends(collector)["shop"] == 17


def test_a_server_that_is_down_is_told_to_be_down(cloud_sql: CloudSqlService, primary: ManagedPostgres) -> None:
    collector = CloudSqlCollector(cloud_sql.servers)
    primary.kill()
    found = collected(collector)
    assert [measurement.value for measurement in found["up"]] == [0]
    assert found.keys() == {"up", "disk/utilization", "disk/bytes_used"}


def test_a_replica_is_as_late_as_it_is(cloud_sql: CloudSqlService, primary: ManagedPostgres) -> None:
    collector = CloudSqlCollector(cloud_sql.servers)

    def lag() -> float:
        found = {one.resource.labels["database_id"]: one for one in collected(collector)["replication/replica_lag"]}
        assert found.keys() == {"shop:replica"}
        return float(str(found["shop:replica"].value))

    with cloud_sql.replica("replica", "us-east1", "main", settings=FAST, supervised=False) as replica:
        cloud_sql.adopt("replica", replica, "us-east1", "POSTGRES_18", SETTINGS)
        until(lambda: lag() == 0, 120)
        with replica.connect() as standby, primary.connect() as connection:
            standby.run("SELECT pg_wal_replay_pause()")
            until(lambda: standby.run("SELECT pg_get_wal_replay_pause_state()") == [["paused"]], 120)
            connection.run("CREATE TABLE late (n int)")
            until(lambda: lag() > 0, 120)
            standby.run("SELECT pg_wal_replay_resume()")
        until(lambda: lag() == 0, 120)
