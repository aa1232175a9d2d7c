"""The alerts that there are. What each means and what to do is in docs/operations/alerts/<slug>.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pulumi

from utxoiq_infra.configuration.catalog import (
    BACKFILL,
    DATABASE,
    ENDPOINTS,
    FEEDBACK,
    FUNCTIONS,
    KEEPER,
    KEYS,
    METRICS,
    SCHEDULES,
)
from utxoiq_infra.configuration.cron import longest_gap
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.database import SLOW_STATEMENT_MS
from utxoiq_infra.monitoring.metric_filters import JOB, REVISION, UPTIME, Filters, SeriesQuery, build_filter

# Somebody is woken; somebody looks today; somebody looks this week.
CRITICAL, ERROR, WARNING = "CRITICAL", "ERROR", "WARNING"

# Those that answer people and services. The others move data, and take the time that takes.
SERVING = (BACKFILL, FEEDBACK, METRICS, DATABASE, KEYS)

MINUTE, HOUR, DAY = 60, 3600, 86400

POOL_PERCENT = 90
QUERY_MS = SLOW_STATEMENT_MS
SLOW_RATIO = 0.05
MISS_RATIO = 0.10  # a hit rate under 90 %
CPU, MEMORY, DISK = 0.80, 0.90, 0.85
CONNECTIONS_RATIO = 0.90
LAG_SECONDS = 60
# Cloud SQL begins a night's backup within four hours of its time; an hour is for making it.
BACKUP_SECONDS = DAY + 5 * HOUR
VERIFICATION_SECONDS = 8 * DAY  # it is weekly
RETENTION_FAILURES = 2
RETENTION_SECONDS = 25 * MINUTE
MONTHS_AHEAD = 2  # of the three that are made
SERIES_PERCENT = 80
ERROR_RATIO = 0.05
LATENCY_MS = 1000
REFUSALS = 50
FAST_BURN, SLOW_BURN = 14.4, 6.0
# Requests, statements or lookups in the window, from which on one bad one alone is under every limit above.
FLOOR = 20
LOOKUPS_FLOOR = 100
# At the goal of 99.9 %, one failure in so many is under the burn rate: 1 in 70 an hour, 1 in 167 in six.
FAST_BURN_FLOOR, SLOW_BURN_FLOOR = 100, 200
# Jobs that run every few minutes are told by their deadline; of the others an attempt and its retry is all there is.
SHORT_DEADLINE_SECONDS = 120
LATE_MARGIN = 10 * MINUTE
# Limits of a factor of less between them are one.
SAME_LIMIT = 1.5
MOST_CONDITIONS = 6

STATISTICS = "feedback_stats"  # as the cache groups what is looked up
PER_FUNCTION = ("resource.labels.job",)
PER_SERVICE = ("resource.labels.service_name",)


@dataclass(frozen=True)
class Threshold:
    """comparison: GT or LT. of: the denominator, where it is a ratio. duration: seconds that it holds before it counts.

    Where data stop, the condition is met no longer, but that takes a duration of a minute at least; with none, an
    incident stays open until data come, or for a day.
    """

    name: str
    series: SeriesQuery
    comparison: str
    value: float
    duration: int = 0
    of: SeriesQuery | None = None


@dataclass(frozen=True)
class Absence:
    """No data for so many seconds, of what had some."""

    name: str
    series: SeriesQuery
    duration: int


@dataclass(frozen=True)
class BurnRate:
    """How many times faster than the goal allows the error budget went, looking back so many seconds."""

    name: str
    objective: pulumi.Input[str]
    seconds: int
    above: float


@dataclass(frozen=True)
class LogMatch:
    """An entry of a log that the filter chooses: the only condition of its alert, as Google has it."""

    name: str
    filter: str


Condition = Threshold | Absence | BurnRate | LogMatch


@dataclass(frozen=True)
class Alert:
    """combiner: OR, AND, or AND_WITH_MATCHING_RESOURCE where all conditions have to be met by the same function."""

    slug: str
    title: str
    severity: str
    conditions: tuple[Condition, ...]
    combiner: str = "OR"


def alerts(
    configuration: Configuration, objective: pulumi.Input[str], checks: Sequence[pulumi.Input[str]]
) -> list[Alert]:
    """objective: of availability. checks: ids of the uptime checks."""
    filters = Filters(configuration)
    return [
        *_pool_and_queries(filters),
        *_cache(filters),
        *_database(configuration, filters),
        *_data(filters),
        *_schedules(configuration, filters),
        *_requests(filters),
        *_availability(filters, objective, checks),
    ]


def connections_limit(configuration: Configuration) -> int:
    """All functions at full scale are no incident; beyond them, nine in ten of what is not reserved are."""
    database = configuration.database
    at_full_scale = sum(configuration.sizing[spec.name].connections for spec in FUNCTIONS)
    return max(at_full_scale, int(CONNECTIONS_RATIO * (database.max_connections - database.reserved_connections)))


def _pool_and_queries(filters: Filters) -> Iterator[Alert]:
    utilization = SeriesQuery(filters.instances("pool/utilization"), "ALIGN_MEAN", MINUTE, "REDUCE_MAX", PER_FUNCTION)
    yield Alert(
        "pool-nearly-full",
        f"A function's pool of connections is over {POOL_PERCENT} % in use",
        ERROR,
        (Threshold("fullest pool", utilization, "GT", POOL_PERCENT, 2 * MINUTE),),
    )
    latencies = SeriesQuery(
        filters.instances("query/latencies", SERVING), "ALIGN_DELTA", 5 * MINUTE, "REDUCE_PERCENTILE_95", PER_FUNCTION
    )
    counts = SeriesQuery(
        filters.instances("query/count", SERVING), "ALIGN_DELTA", 5 * MINUTE, "REDUCE_SUM", PER_FUNCTION
    )
    yield Alert(
        "query-latency",
        f"A function's statements take longer than {QUERY_MS} ms (95th percentile of 5 minutes)",
        ERROR,
        (
            Threshold("95th percentile, ms", latencies, "GT", QUERY_MS, 2 * MINUTE),
            Threshold("statements", counts, "GT", FLOOR, 2 * MINUTE),
        ),
        "AND_WITH_MATCHING_RESOURCE",
    )
    slow = SeriesQuery(
        filters.instances("query/count", SERVING, result="slow"), "ALIGN_DELTA", 15 * MINUTE, "REDUCE_SUM"
    )
    every = SeriesQuery(filters.instances("query/count", SERVING), "ALIGN_DELTA", 15 * MINUTE, "REDUCE_SUM")
    yield Alert(
        "slow-queries",
        f"Over {SLOW_RATIO:.0%} of all statements of 15 minutes took longer than {QUERY_MS} ms",
        WARNING,
        (
            Threshold("slow of all", slow, "GT", SLOW_RATIO, MINUTE, of=every),
            Threshold("statements", every, "GT", FLOOR, MINUTE),
        ),
        "AND",
    )


def _cache(filters: Filters) -> Iterator[Alert]:
    missed = SeriesQuery(
        filters.instances("cache/lookups", group=STATISTICS, result=("miss", "error")),
        "ALIGN_DELTA",
        5 * MINUTE,
        "REDUCE_SUM",
    )
    every = SeriesQuery(filters.instances("cache/lookups", group=STATISTICS), "ALIGN_DELTA", 5 * MINUTE, "REDUCE_SUM")
    yield Alert(
        "stats-cache-hit-rate",
        f"The cache answers under {1 - MISS_RATIO:.0%} of the lookups of feedback statistics",
        WARNING,
        (
            Threshold("missed of all", missed, "GT", MISS_RATIO, 5 * MINUTE, of=every),
            Threshold("lookups", every, "GT", LOOKUPS_FLOOR, 5 * MINUTE),
        ),
        "AND",
    )
    yield Alert(
        "redis-down",
        "Redis cannot be reached",
        CRITICAL,
        (Threshold("reached", SeriesQuery(filters.whole("redis/up"), "ALIGN_MAX", MINUTE), "LT", 1, MINUTE),),
    )
    evicted = SeriesQuery(
        filters.cache("stats/evicted_keys"), "ALIGN_DELTA", 5 * MINUTE, "REDUCE_SUM", ("resource.labels.instance_id",)
    )
    yield Alert(
        "redis-evicting",
        "Redis evicts keys because its memory is full",
        WARNING,
        (Threshold("keys evicted in 5 minutes", evicted, "GT", 0, MINUTE),),
    )
    # A burst is all that a forger leaves, so nothing is waited for, not even the end of a rollout.
    forged = SeriesQuery(filters.instances("cache/forged"), "ALIGN_DELTA", 5 * MINUTE, "REDUCE_SUM")
    yield Alert(
        "redis-forged",
        "Redis holds or passes on what no function of the stack has signed",
        ERROR,
        (Threshold("not believed in 5 minutes", forged, "GT", 0, MINUTE),),
    )


def _database(configuration: Configuration, filters: Filters) -> Iterator[Alert]:
    each = ("resource.labels.database_id",)
    for slug, what, metric, limit, minutes in (
        ("cloudsql-cpu", "CPU", "cpu/utilization", CPU, 10),
        ("cloudsql-memory", "memory", "memory/utilization", MEMORY, 10),
        ("cloudsql-disk", "disk", "disk/utilization", DISK, 5),
    ):
        series = SeriesQuery(filters.databases(metric), "ALIGN_MEAN", MINUTE, "REDUCE_MAX", each)
        yield Alert(
            slug,
            f"The database's {what} is over {limit:.0%} in use",
            ERROR,
            (Threshold(f"{what} in use", series, "GT", limit, minutes * MINUTE),),
        )
    # Each database of the instance has a series of its own.
    backends = SeriesQuery(filters.database("postgresql/num_backends"), "ALIGN_MAX", MINUTE, "REDUCE_SUM", each)
    limit = connections_limit(configuration)
    yield Alert(
        "cloudsql-connections",
        f"The database has more than {limit} connections of {configuration.database.max_connections}",
        ERROR,
        (Threshold("connections", backends, "GT", limit, 2 * MINUTE),),
    )
    if filters.replicas:
        lag = SeriesQuery(filters.replica("replication/replica_lag"), "ALIGN_MAX", MINUTE, "REDUCE_MAX", each)
        yield Alert(
            "replication-lag",
            f"The read replica is more than {LAG_SECONDS} s behind",
            ERROR,
            (Threshold("seconds behind", lag, "GT", LAG_SECONDS, 2 * MINUTE),),
        )


def _data(filters: Filters) -> Iterator[Alert]:
    """What is watched every other minute is aligned over the last three, so that there always is a value."""

    def newest(metric: str, aligner: str = "ALIGN_MAX") -> SeriesQuery:
        return SeriesQuery(filters.whole(metric), aligner, 3 * MINUTE)

    age, failures = newest("backup/age", "ALIGN_MIN"), newest("backup/failures")
    hours = BACKUP_SECONDS // HOUR
    yield Alert(
        "backup-missing",
        f"The newest backup is older than {hours} hours",
        CRITICAL,
        (Threshold("its age, s", age, "GT", BACKUP_SECONDS),),
    )
    yield Alert(
        "backup-failed", "A backup failed", ERROR, (Threshold("failed since one succeeded", failures, "GT", 0),)
    )
    yield Alert(
        "verification-failed",
        "The newest backup could not be proved by restoring it",
        CRITICAL,
        (Threshold("failed", newest("verification/failed"), "GT", 0),),
    )
    yield Alert(
        "verification-late",
        f"No backup was proved for {VERIFICATION_SECONDS // DAY} days",
        ERROR,
        (Threshold("age, s", newest("verification/age", "ALIGN_MIN"), "GT", VERIFICATION_SECONDS),),
    )
    yield Alert(
        "retention-failing",
        "Retention failed twice in a row",
        ERROR,
        (Threshold("failed in a row", newest("retention/consecutive_failures"), "GT", RETENTION_FAILURES - 1),),
    )
    yield Alert(
        "retention-slow",
        f"Retention takes longer than {RETENTION_SECONDS // MINUTE} minutes",
        WARNING,
        (Threshold("seconds", newest("retention/duration"), "GT", RETENTION_SECONDS),),
    )
    yield Alert(
        "partitions-running-out",
        f"Fewer than {MONTHS_AHEAD} months of metrics have a partition ahead of them",
        ERROR,
        (Threshold("months ahead", newest("partitions/months_ahead"), "LT", MONTHS_AHEAD),),
    )
    yield Alert(
        "series-running-out",
        f"Over {SERIES_PERCENT} % of the series of metrics that there may be are there",
        WARNING,
        (Threshold("of the limit, %", newest("metrics/series_used"), "GT", SERIES_PERCENT),),
    )
    # By what is published whatever happens.
    yield Alert(
        "figures-missing",
        "No figures are published: most alerts see nothing",
        CRITICAL,
        (
            Absence("publish-metrics", SeriesQuery(filters.whole("redis/up"), "ALIGN_MAX", MINUTE), 5 * MINUTE),
            Absence("watch-backups", SeriesQuery(filters.whole("backup/age"), "ALIGN_MAX", MINUTE), 10 * MINUTE),
        ),
    )


def _schedules(configuration: Configuration, filters: Filters) -> Iterator[Alert]:
    jobs = {row.name: f"{configuration.prefix}-{row.name}" for row in SCHEDULES}
    frequent = [jobs[row.name] for row in SCHEDULES if row.deadline_seconds <= SHORT_DEADLINE_SECONDS]
    rare = [jobs[row.name] for row in SCHEDULES if row.deadline_seconds > SHORT_DEADLINE_SECONDS]

    def failed(names: list[str], seconds: int) -> SeriesQuery:
        chosen_jobs = filters.logged("failed-schedules", JOB, job_id=names)
        return SeriesQuery(chosen_jobs, "ALIGN_DELTA", seconds, "REDUCE_SUM", ("resource.labels.job_id",))

    yield Alert(
        "schedule-failing",
        "A scheduler job fails, its retries included",
        ERROR,
        (
            # An attempt and its retry, each of which may take half an hour to fail.
            Threshold("attempts of a job that failed in an hour", failed(rare, HOUR), "GT", 1, MINUTE),
            Threshold("attempts of a job that failed in 10 minutes", failed(frequent, 10 * MINUTE), "GT", 3, MINUTE),
        ),
    )
    yield Alert(
        "schedule-late",
        "A schedule has not done its work for longer than it ever takes",
        ERROR,
        tuple(
            Threshold(
                f"s since the last success: {', '.join(names)}",
                SeriesQuery(
                    filters.whole("schedule/age", schedule=names),
                    "ALIGN_MIN",
                    3 * MINUTE,
                    "REDUCE_MAX",
                    ("metric.labels.schedule",),
                ),
                "GT",
                limit,
            )
            for limit, names in lateness_limits(configuration)
        ),
    )


def lateness_limits(configuration: Configuration) -> list[tuple[int, tuple[str, ...]]]:
    """Return after how many seconds without a success which schedules are late, the shortest limit first.

    That is the longest time between two runs, two attempts, and a margin. Schedules of nearly the same limit share
    one, as Google takes six conditions of a policy.
    """
    limits: list[tuple[int, tuple[str, ...]]] = sorted(
        (longest_gap(configuration.crons[row.name]) + 2 * row.deadline_seconds + LATE_MARGIN, (row.name,))
        for row in SCHEDULES
        if row.function != KEEPER  # it has no database, and so no place to keep its successes
    )
    while len(limits) > 1:
        ratios = [later[0] / earlier[0] for earlier, later in pairwise(limits)]
        if min(ratios) > SAME_LIMIT and len(limits) <= MOST_CONDITIONS:
            break
        at = ratios.index(min(ratios))
        limits[at : at + 2] = [(limits[at + 1][0], limits[at][1] + limits[at + 1][1])]
    return limits


def _requests(filters: Filters) -> Iterator[Alert]:
    def count(seconds: int, **labels: str) -> SeriesQuery:
        chosen_requests = filters.services("request_count", ENDPOINTS, **labels)
        return SeriesQuery(chosen_requests, "ALIGN_DELTA", seconds, "REDUCE_SUM", PER_SERVICE)

    failed, every = count(5 * MINUTE, response_code_class="5xx"), count(5 * MINUTE)
    yield Alert(
        "function-errors",
        f"A function answers over {ERROR_RATIO:.0%} of its requests with 5xx",
        CRITICAL,
        (
            Threshold("5xx of all", failed, "GT", ERROR_RATIO, 2 * MINUTE, of=every),
            Threshold("requests", every, "GT", FLOOR, 2 * MINUTE),
        ),
        "AND_WITH_MATCHING_RESOURCE",
    )
    latencies = SeriesQuery(
        filters.services("request_latencies", SERVING), "ALIGN_DELTA", 5 * MINUTE, "REDUCE_PERCENTILE_95", PER_SERVICE
    )
    yield Alert(
        "function-latency",
        f"A function takes longer than {LATENCY_MS} ms to answer (95th percentile of 5 minutes)",
        ERROR,
        (
            Threshold("95th percentile, ms", latencies, "GT", LATENCY_MS, 2 * MINUTE),
            Threshold("requests", every, "GT", FLOOR, 2 * MINUTE),
        ),
        "AND_WITH_MATCHING_RESOURCE",
    )
    refused = SeriesQuery(filters.logged("refusals", REVISION), "ALIGN_DELTA", 5 * MINUTE, "REDUCE_SUM")
    yield Alert(
        "refused-callers",
        f"More than {REFUSALS} requests were refused in 5 minutes (401, 403)",
        WARNING,
        (Threshold("refused in 5 minutes", refused, "GT", REFUSALS, MINUTE),),
    )


def _availability(
    filters: Filters, objective: pulumi.Input[str], checks: Sequence[pulumi.Input[str]]
) -> Iterator[Alert]:
    for slug, title, severity, rate, long, short, floor in (
        ("availability-fast-burn", "within two days", CRITICAL, FAST_BURN, HOUR, 5 * MINUTE, FAST_BURN_FLOOR),
        ("availability-slow-burn", "within five days", ERROR, SLOW_BURN, 6 * HOUR, 30 * MINUTE, SLOW_BURN_FLOOR),
    ):
        requests = SeriesQuery(filters.services("request_count", ENDPOINTS), "ALIGN_DELTA", long, "REDUCE_SUM")
        yield Alert(
            slug,
            f"Requests fail so often that the error budget of four weeks is used up {title}",
            severity,
            (
                BurnRate("long window", objective, long, rate),
                BurnRate("short window", objective, short, rate),
                Threshold("requests", requests, "GT", floor),
            ),
            "AND",
        )
    if checks:
        passed = SeriesQuery(
            pulumi.Output.all(*checks).apply(
                lambda ids: build_filter(
                    "monitoring.googleapis.com/uptime_check/check_passed", UPTIME, {}, {"check_id": ids}
                )
            ),
            "ALIGN_FRACTION_TRUE",
            2 * MINUTE,
            "REDUCE_MEAN",
            ("metric.labels.check_id",),
        )
        yield Alert(
            "uptime",
            "A function does not answer from outside",
            CRITICAL,
            (Threshold("part of the checks that pass", passed, "LT", 0.5, MINUTE),),
        )
