"""Cloud SQL's metrics, of the PostgreSQL servers and their processes."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pg8000.native
import psutil

from local_cloud.google.cloud_sql.catalog import ApiObject as Instance
from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.google.machine_types import find_machine_type
from local_cloud.google.metrics.measurement import Measurement, gauge
from local_cloud.google.monitored_resources import MonitoredResource, database_resource

PREFIX = "cloudsql.googleapis.com/database"
DEFAULT_DISK_GB = 10
# Of each database, those who asks for it left out.
BACKENDS = """
    SELECT d.datname, count(a.pid)
    FROM pg_database AS d
    LEFT JOIN pg_stat_activity AS a
        ON a.datid = d.oid AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
    WHERE d.datallowconn
    GROUP BY d.datname"""
# None of a server that is no replica. Behind by nothing is who has replayed all that there is.
LAG = """
    SELECT CASE
        WHEN NOT pg_is_in_recovery() THEN NULL
        WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
            AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') THEN 0
        ELSE extract(epoch FROM
            clock_timestamp() - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()))
    END"""


class CloudSqlCollector:
    """Measures PostgreSQL servers. servers: returns the instances as the Admin API shows them, each with its server."""

    def __init__(self, servers: Callable[[], list[tuple[Instance, ManagedPostgres]]]) -> None:
        self._servers = servers
        self._busy: dict[int, tuple[float, float]] = {}

    def collect(self) -> Iterator[Measurement]:
        """Yield what each server and its processes take now. Blocks."""
        servers = self._servers()
        pids = {pid for _, server in servers if (pid := _find_pid(server)) is not None}
        self._busy = {pid: busy for pid, busy in self._busy.items() if pid in pids}
        for instance, server in servers:
            yield from self._measure(instance, server)

    def _measure(self, instance: Instance, server: ManagedPostgres) -> Iterator[Measurement]:
        resource = database_resource(instance)
        serves = server.serves()
        yield gauge(f"{PREFIX}/up", resource, int(serves))
        yield from _measure_disk(resource, instance, server)
        pid = _find_pid(server)
        if pid is not None:
            yield from self._measure_processes(resource, instance, pid)
        if serves:
            yield from _measure_activity(resource, server)

    def _measure_processes(self, resource: MonitoredResource, instance: Instance, pid: int) -> Iterator[Measurement]:
        tier = find_machine_type(str(instance["settings"].get("tier", "")))
        machine = os.cpu_count() or 1
        cores = min(tier.cores, machine) if tier is not None else machine
        family = _find_family(pid)
        now, busy = time.monotonic(), _sum_cpu_seconds(family, pid)
        before = self._busy.get(pid)
        self._busy[pid] = (now, busy)
        if before is not None and now > before[0]:
            share = (busy - before[1]) / (now - before[0]) / cores
            yield gauge(f"{PREFIX}/cpu/utilization", resource, min(max(share, 0.0), 1.0))
        if tier is not None:
            yield gauge(f"{PREFIX}/memory/utilization", resource, min(_sum_memory(family) / tier.memory, 1.0))


def _measure_disk(resource: MonitoredResource, instance: Instance, server: ManagedPostgres) -> Iterator[Measurement]:
    size = int(instance["settings"].get("dataDiskSizeGb") or DEFAULT_DISK_GB) * 2**30
    used = _measure_size(str(server.folder))
    yield gauge(f"{PREFIX}/disk/bytes_used", resource, used)
    yield gauge(f"{PREFIX}/disk/utilization", resource, min(used / size, 1.0))


def _measure_activity(resource: MonitoredResource, server: ManagedPostgres) -> Iterator[Measurement]:
    try:
        with server.connect() as connection:
            backends: list[list[Any]] = connection.run(BACKENDS)
            ((lag,),) = connection.run(LAG)
    except (pg8000.native.DatabaseError, pg8000.native.InterfaceError, OSError):
        return  # it is starting, ending, or takes nobody any more
    for database, count in backends:
        yield gauge(f"{PREFIX}/postgresql/num_backends", resource, int(count), database=str(database))
    if lag is not None:
        yield gauge(f"{PREFIX}/replication/replica_lag", resource, max(float(lag), 0.0))


def _find_pid(server: ManagedPostgres) -> int | None:
    process = server.process
    return process.pid if process is not None and process.poll() is None else None


def _sum_cpu_seconds(family: list[psutil.Process], pid: int) -> float:
    """Return what a process and its descendants took; parents tell what children took that have ended."""
    total = 0.0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
            if process.pid == pid:
                total += times.children_user + times.children_system
    return total


def _sum_memory(family: list[psutil.Process]) -> int:
    """Return the bytes that processes take; what they share, PostgreSQL's buffers, counts once."""
    own, shared = 0, 0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            memory = process.memory_info()
            of_others = getattr(memory, "shared", 0)
            own += memory.rss - of_others
            shared = max(shared, of_others)
    return own + shared


def _find_family(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _measure_size(folder: str) -> int:
    """Return the bytes of all files in a folder, some of which come and go meanwhile."""
    total = 0
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return 0
    for entry in entries:
        try:
            total += _measure_size(entry.path) if entry.is_dir(follow_symlinks=False) else entry.stat().st_size
        except FileNotFoundError:
            continue
    return total
