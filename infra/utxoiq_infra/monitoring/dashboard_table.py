"""The dashboards that there are, and what each chart shows. Limits are the alerts' own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi

from utxoiq_infra.configuration.catalog import ENDPOINTS
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.monitoring.alert_table import (
    BACKUP_SECONDS,
    CPU,
    DISK,
    ERROR_RATIO,
    FAST_BURN,
    LAG_SECONDS,
    LATENCY_MS,
    MEMORY,
    MINUTE,
    MISS_RATIO,
    MONTHS_AHEAD,
    PER_FUNCTION,
    PER_SERVICE,
    POOL_PERCENT,
    QUERY_MS,
    RETENTION_FAILURES,
    RETENTION_SECONDS,
    SERIES_PERCENT,
    SERVING,
    SLOW_BURN,
    SLOW_RATIO,
    STATISTICS,
    VERIFICATION_SECONDS,
    connections_limit,
)
from utxoiq_infra.monitoring.metric_filters import JOB, REVISION, UPTIME, Filters, SeriesQuery, build_filter


@dataclass(frozen=True)
class Line:
    """of: the denominator, where it is a ratio."""

    series: SeriesQuery
    of: SeriesQuery | None = None


@dataclass(frozen=True)
class BurnLine:
    """How fast the error budget goes, looking back an hour."""

    objective: pulumi.Input[str]


@dataclass(frozen=True)
class Chart:
    """unit: as UCUM has it. limits: where an alert begins."""

    title: str
    lines: tuple[Line | BurnLine, ...]
    unit: str = "1"
    limits: tuple[float, ...] = ()


def dashboards(
    configuration: Configuration, objective: pulumi.Input[str], checks: Sequence[pulumi.Input[str]]
) -> dict[str, list[Chart]]:
    """By their names; objective and checks are those of alert_table.alerts."""
    filters = Filters(configuration)
    return {
        "service": list(_service(filters, objective, checks)),
        "database": list(_database(configuration, filters)),
        "cache": list(_cache(filters)),
        "data lifecycle": list(_lifecycle(filters)),
    }


def _rate(chosen_series: str, *by: str) -> SeriesQuery:
    return SeriesQuery(chosen_series, "ALIGN_RATE", MINUTE, "REDUCE_SUM", by)


def _sum(chosen_series: str, *by: str) -> SeriesQuery:
    return SeriesQuery(chosen_series, "ALIGN_DELTA", MINUTE, "REDUCE_SUM", by)


def _p95(chosen_series: str, *by: str) -> SeriesQuery:
    return SeriesQuery(chosen_series, "ALIGN_DELTA", MINUTE, "REDUCE_PERCENTILE_95", by)


def _highest(chosen_series: str, *by: str) -> SeriesQuery:
    return SeriesQuery(chosen_series, "ALIGN_MAX", MINUTE, "REDUCE_MAX", by)


def _newest(chosen_series: str) -> SeriesQuery:
    """Of what is published every minute, or every other."""
    return SeriesQuery(chosen_series, "ALIGN_MAX", 2 * MINUTE, "REDUCE_MAX")


def _service(filters: Filters, objective: pulumi.Input[str], checks: Sequence[pulumi.Input[str]]) -> Iterator[Chart]:
    every = filters.services("request_count", ENDPOINTS)
    failed = filters.services("request_count", ENDPOINTS, response_code_class="5xx")
    yield Chart("Requests a second, by function", (Line(_rate(every, *PER_SERVICE)),), "1/s")
    yield Chart(
        "Answered with 5xx, part of all",
        (Line(_sum(failed, *PER_SERVICE), _sum(every, *PER_SERVICE)),),
        limits=(ERROR_RATIO,),
    )
    latencies = filters.services("request_latencies", SERVING)
    yield Chart("Time to answer, 95th percentile", (Line(_p95(latencies, *PER_SERVICE)),), "ms", (LATENCY_MS,))
    yield Chart("Error budget, times faster than it lasts", (BurnLine(objective),), limits=(SLOW_BURN, FAST_BURN))
    answers, routes = filters.instances("request/count"), filters.instances("request/latencies")
    yield Chart("Requests a second, by status", (Line(_rate(answers, "metric.labels.status")),), "1/s")
    yield Chart("Time to answer in the function, by route", (Line(_p95(routes, "metric.labels.route")),), "ms")
    running = SeriesQuery(
        filters.services("container/instance_count", ENDPOINTS), "ALIGN_MAX", MINUTE, "REDUCE_SUM", PER_SERVICE
    )
    yield Chart("Instances, by function", (Line(running),))
    published = SeriesQuery(
        filters.whole("fleet/instances"), "ALIGN_MAX", 2 * MINUTE, "REDUCE_MAX", ("metric.labels.function",)
    )
    yield Chart("Instances that publish figures, by function", (Line(published),))
    if checks:
        passed = pulumi.Output.all(*checks).apply(
            lambda ids: build_filter(
                "monitoring.googleapis.com/uptime_check/check_passed", UPTIME, {}, {"check_id": ids}
            )
        )
        series = SeriesQuery(passed, "ALIGN_FRACTION_TRUE", 2 * MINUTE, "REDUCE_MEAN", ("metric.labels.check_id",))
        yield Chart("Uptime checks that pass", (Line(series),), limits=(0.5,))
    lines = (Line(_sum(filters.logged(metric, REVISION))) for metric in ("errors", "refusals"))
    yield Chart("Lines of errors, and refused requests, a minute", tuple(lines))


def _database(configuration: Configuration, filters: Filters) -> Iterator[Chart]:
    yield Chart(
        "Pool in use, the fullest instance of a function",
        (Line(_highest(filters.instances("pool/utilization"), *PER_FUNCTION)),),
        "%",
        (POOL_PERCENT,),
    )
    connections = SeriesQuery(
        filters.instances("pool/connections"), "ALIGN_MAX", MINUTE, "REDUCE_SUM", ("metric.labels.state",)
    )
    yield Chart("Connections of the pools, by state", (Line(connections),))
    waiting = SeriesQuery(filters.instances("pool/waiting"), "ALIGN_MAX", MINUTE, "REDUCE_SUM", PER_FUNCTION)
    yield Chart("Waiting for a connection", (Line(waiting),))
    yield Chart(
        "Wait for a connection, 95th percentile",
        (Line(_p95(filters.instances("pool/checkout_latencies"), *PER_FUNCTION)),),
        "ms",
    )
    yield Chart("Gave up waiting, a minute", (Line(_sum(filters.instances("pool/timeouts"), *PER_FUNCTION)),))
    latencies, counts = filters.instances("query/latencies"), filters.instances("query/count")
    yield Chart("Statements, 95th percentile, by function", (Line(_p95(latencies, *PER_FUNCTION)),), "ms", (QUERY_MS,))
    yield Chart(
        "Statements, 95th percentile, by name", (Line(_p95(latencies, "metric.labels.statement")),), "ms", (QUERY_MS,)
    )
    slow = filters.instances("query/count", SERVING, result="slow")
    yield Chart(
        "Slow statements, part of all",
        (Line(_sum(slow), _sum(filters.instances("query/count", SERVING))),),
        limits=(SLOW_RATIO,),
    )
    yield Chart("Statements a second, by result", (Line(_rate(counts, "metric.labels.result")),), "1/s")
    each = "resource.labels.database_id"
    for what, metric, limit in (
        ("CPU", "cpu/utilization", CPU),
        ("memory", "memory/utilization", MEMORY),
        ("disk", "disk/utilization", DISK),
    ):
        chosen_metric = filters.databases(metric)
        yield Chart(f"Cloud SQL, {what} in use", (Line(_highest(chosen_metric, each)),), "10^2.%", (limit,))
    backends = SeriesQuery(filters.database("postgresql/num_backends"), "ALIGN_MAX", MINUTE, "REDUCE_SUM", (each,))
    yield Chart("Cloud SQL, connections", (Line(backends),), limits=(connections_limit(configuration),))
    yield Chart("Cloud SQL, up", (Line(_newest(filters.databases("up"))),))
    if filters.replicas:
        lag = _highest(filters.replica("replication/replica_lag"), each)
        yield Chart("Read replica, seconds behind", (Line(lag),), "s", (LAG_SECONDS,))
    yield Chart(
        "Statements that PostgreSQL logged as slow, a minute",
        (Line(_sum(filters.logged("slow-statements", "cloudsql_database"))),),
    )


def _cache(filters: Filters) -> Iterator[Chart]:
    lookups = filters.instances("cache/lookups")
    hits = filters.instances("cache/lookups", result=("memory", "redis"))
    group = "metric.labels.group"
    yield Chart("Hits, part of all lookups, by what is looked up", (Line(_sum(hits, group), _sum(lookups, group)),))
    missed = filters.instances("cache/lookups", group=STATISTICS, result=("miss", "error"))
    every = filters.instances("cache/lookups", group=STATISTICS)
    yield Chart("Statistics of feedback: missed, part of all", (Line(_sum(missed), _sum(every)),), limits=(MISS_RATIO,))
    yield Chart("Lookups a second, by where the answer was", (Line(_rate(lookups, "metric.labels.result")),), "1/s")
    yield Chart(
        "Dropped from the functions' memory, a minute",
        (Line(_sum(filters.instances("cache/evictions"), *PER_FUNCTION)),),
    )
    yield Chart(
        "Found in Redis and not signed by a function, a minute",
        (Line(_sum(filters.instances("cache/forged"), *PER_FUNCTION)),),
        limits=(0,),
    )
    reached = SeriesQuery(filters.whole("redis/up"), "ALIGN_MIN", 2 * MINUTE)
    yield Chart("Redis is reached", (Line(reached),), limits=(1,))
    yield Chart("Redis, keys evicted a minute", (Line(_sum(filters.cache("stats/evicted_keys"))),), limits=(0,))
    yield Chart("Redis, memory in use", (Line(_highest(filters.cache("stats/memory/usage_ratio"))),), "10^2.%")
    ratio = SeriesQuery(filters.cache("stats/cache_hit_ratio"), "ALIGN_MEAN", MINUTE, "REDUCE_MEAN")
    yield Chart("Redis, hits", (Line(ratio),), "10^2.%")
    yield Chart("Redis, clients", (Line(_highest(filters.cache("clients/connected"))),))


def _lifecycle(filters: Filters) -> Iterator[Chart]:
    for title, metric, unit, limits in (
        ("Age of the newest backup", "backup/age", "s", (BACKUP_SECONDS,)),
        ("Backups that failed since one succeeded", "backup/failures", "1", (0,)),
        ("Since a backup was proved by restoring it", "verification/age", "s", (VERIFICATION_SECONDS,)),
        ("The last proof failed", "verification/failed", "1", (0,)),
        ("Retention runs that failed in a row", "retention/consecutive_failures", "1", (RETENTION_FAILURES,)),
        ("Time of the last retention run", "retention/duration", "s", (RETENTION_SECONDS,)),
        ("Months of metrics with a partition ahead", "partitions/months_ahead", "1", (MONTHS_AHEAD,)),
        ("Series of metrics, of how many there may be", "metrics/series_used", "%", (SERIES_PERCENT,)),
    ):
        yield Chart(title, (Line(_newest(filters.whole(metric))),), unit, limits)
    ages = SeriesQuery(
        filters.whole("schedule/age"), "ALIGN_MIN", 3 * MINUTE, "REDUCE_MAX", ("metric.labels.schedule",)
    )
    yield Chart("Since a schedule did its work", (Line(ages),), "s")
    yield Chart(
        "Attempts of scheduler jobs that failed, a minute",
        (Line(_sum(filters.logged("failed-schedules", JOB), "resource.labels.job_id")),),
    )
