"""The chart panels: requests, connection pools, queries, cache, database and Redis over time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from utxoiq_console import series
from utxoiq_console.charts import Limit, Line
from utxoiq_console.config import Settings
from utxoiq_console.google_apis import GoogleApis
from utxoiq_console.moments import DAY, HOUR, MINUTE
from utxoiq_console.series import Query, Series, Window

# Length and step in seconds, by the name that a reader chooses.
RANGES = {
    "15m": (15 * MINUTE, MINUTE),
    "1h": (HOUR, MINUTE),
    "6h": (6 * HOUR, 5 * MINUTE),
    "24h": (DAY, 15 * MINUTE),
    "7d": (7 * DAY, 2 * HOUR),
}
PERCENTILES = ("50", "95", "99")
SERVICE = "resource.label.service_name"
HITS = ("memory", "redis")

SeriesByQuery = Mapping[str, Sequence[Series]]


@dataclass(frozen=True)
class Panel:
    """Describes a panel.

    `queries` are by the names that `lines` uses. `top` is the upper end of a fixed scale; None for one that fits the
    lines.
    """

    id: str
    title: str
    about: str
    unit: str
    queries: Mapping[str, Query]
    lines: Callable[[SeriesByQuery], list[Line]]
    limit: Limit | None = None
    top: float | None = None


def panels(settings: Settings) -> list[Panel]:
    """Return the panels in their order on the page."""
    answered = Query(
        _platform_metric(settings, "request_count"), "ALIGN_RATE", groups=(SERVICE, "metric.label.response_code_class")
    )
    lookups = Query(
        _published_metric(settings, "cache/lookups"), "ALIGN_RATE", groups=("metric.label.group", "metric.label.result")
    )
    of_job = ("resource.label.job",)
    return [
        Panel("requests", "Requests", "By function", "/s", {"": answered}, _summed("service_name", settings)),
        Panel(
            "failed",
            "Failed requests",
            "Share answered with 5xx, by function",
            "%",
            {"": answered},
            _failures(settings),
        ),
        Panel(
            "latency",
            "Request latency",
            "95th percentile, by function",
            "ms",
            _percentiles(_platform_metric(settings, "request_latencies"), (SERVICE,)),
            lambda found: _by("service_name", settings)({"": found["p95"]}),
        ),
        Panel(
            "pool",
            "Pool in use",
            "Share of the maximum number of connections",
            "%",
            {"": Query(_published_metric(settings, "pool/utilization"), "ALIGN_MAX", "REDUCE_MAX", of_job)},
            _by("job", settings),
            Limit(90),
            100,
        ),
        Panel(
            "connections",
            "Connections",
            "Of the whole fleet, by state",
            "",
            {"": Query(_published_metric(settings, "pool/connections"), "ALIGN_MEAN", groups=("metric.label.state",))},
            _by("state", settings),
        ),
        Panel(
            "checkouts",
            "Wait for a connection",
            "Time until the pool provides one",
            "ms",
            _percentiles(_published_metric(settings, "pool/checkout_latencies")),
            _each,
        ),
        Panel(
            "queries",
            "Queries",
            "By result; fast ones took up to 200 ms",
            "/s",
            {"": Query(_published_metric(settings, "query/count"), "ALIGN_RATE", groups=("metric.label.result",))},
            _by("result", settings),
        ),
        Panel(
            "query-time",
            "Query time",
            "Of all statements",
            "ms",
            _percentiles(_published_metric(settings, "query/latencies")),
            _each,
            Limit(200),
        ),
        Panel(
            "instances",
            "Instances",
            "Running instances, by function",
            "",
            {
                "": Query(
                    _published_metric(settings, "fleet/instances"),
                    "ALIGN_MAX",
                    "REDUCE_MAX",
                    ("metric.label.function",),
                )
            },
            _by("function", settings),
        ),
        Panel(
            "hits",
            "Cache hits",
            "Share of lookups answered by memory or Redis",
            "%",
            {"": lookups},
            _hit_rates,
            Limit(90, above=False),
            100,
        ),
        Panel("lookups", "Cache lookups", "By result", "/s", {"": lookups}, _summed("result", settings)),
        Panel("load", "Database and cache", "Utilization", "%", _loads(settings), _convert_to_percent, top=100),
    ]


async def read(google: GoogleApis, project: str, panels: Sequence[Panel], window: Window) -> dict[str, SeriesByQuery]:
    """Return each panel's time series by its id; a query that panels share is sent once. Raises SourceUnavailable."""
    wanted = list(dict.fromkeys(query for panel in panels for query in panel.queries.values()))
    answers = await asyncio.gather(*(series.read(google, project, query, window) for query in wanted))
    found = dict(zip(wanted, answers, strict=True))
    return {panel.id: {name: found[query] for name, query in panel.queries.items()} for panel in panels}


def _published_metric(settings: Settings, metric: str) -> str:
    """Return the filter of a metric that the functions publish themselves."""
    return (
        f'metric.type="custom.googleapis.com/utxoiq/{metric}" AND resource.type="generic_task" '
        f'AND resource.labels.namespace="{settings.prefix}"'
    )


def _platform_metric(settings: Settings, metric: str) -> str:
    names = ", ".join(f'"{function.name}"' for function in settings.resources.functions)
    return (
        f'metric.type="run.googleapis.com/{metric}" AND resource.type="cloud_run_revision" '
        f"AND resource.labels.service_name=one_of({names})"
    )


def _loads(settings: Settings) -> dict[str, Query]:
    queries = {}
    for database in settings.resources.with_kind("database"):
        of_it = (
            f'resource.type="cloudsql_database" AND resource.labels.database_id="{settings.project}:{database.name}"'
        )
        for part in ("cpu", "memory", "disk"):
            metric = f'metric.type="cloudsql.googleapis.com/database/{part}/utilization"'
            queries[f"{database.id} {part}"] = Query(f"{metric} AND {of_it}", "ALIGN_MEAN", "REDUCE_MAX")
    for cache in settings.resources.with_kind("cache"):
        of_it = f'resource.type="redis_instance" AND resource.labels.instance_id=ends_with("/instances/{cache.name}")'
        metric = 'metric.type="redis.googleapis.com/stats/memory/usage_ratio"'
        queries[f"{cache.id} memory"] = Query(f"{metric} AND {of_it}", "ALIGN_MEAN", "REDUCE_MAX")
    return queries


def _percentiles(filter_: str, groups: tuple[str, ...] = ()) -> dict[str, Query]:
    return {f"p{part}": Query(filter_, "ALIGN_DELTA", f"REDUCE_PERCENTILE_{part}", groups) for part in PERCENTILES}


def _by(label: str, settings: Settings) -> Callable[[SeriesByQuery], list[Line]]:
    def lines(found: SeriesByQuery) -> list[Line]:
        return [Line(settings.short(one.labels.get(label, "")).replace("_", " "), one.points) for one in found[""]]

    return lines


def _grouped(parts: Sequence[Series], label: str) -> dict[str, list[Series]]:
    groups: dict[str, list[Series]] = {}
    for one in parts:
        groups.setdefault(one.labels.get(label, ""), []).append(one)
    return groups


def _summed(label: str, settings: Settings) -> Callable[[SeriesByQuery], list[Line]]:
    """Return what makes one line for each value of the label, summed over the other labels."""

    def lines(found: SeriesByQuery) -> list[Line]:
        groups = _grouped(found[""], label)
        return [Line(settings.short(name), total(parts)) for name, parts in groups.items()]

    return lines


def _failures(settings: Settings) -> Callable[[SeriesByQuery], list[Line]]:
    def lines(found: SeriesByQuery) -> list[Line]:
        groups = _grouped(found[""], "service_name")
        return [
            Line(settings.short(name), share([one for one in parts if is_failure(one)], parts))
            for name, parts in groups.items()
        ]

    return lines


def _each(found: SeriesByQuery) -> list[Line]:
    return [Line(name, one.points) for name, parts in found.items() for one in parts]


def _convert_to_percent(found: SeriesByQuery) -> list[Line]:
    return [
        Line(name, [(moment, 100 * value) for moment, value in one.points])
        for name, parts in found.items()
        for one in parts
    ]


def _hit_rates(found: SeriesByQuery) -> list[Line]:
    groups = _grouped(found[""], "group")
    return [
        Line(name.replace("_", " "), share([one for one in parts if is_hit(one)], parts))
        for name, parts in groups.items()
    ]


def is_hit(lookups: Series) -> bool:
    """Return whether the series counts lookups that the cache answered."""
    return lookups.labels.get("result") in HITS


def is_failure(requests: Series) -> bool:
    """Return whether the series counts requests that were answered with 5xx."""
    return requests.labels.get("response_code_class") == "5xx"


def share(parts: Sequence[Series], whole: Sequence[Series]) -> list[tuple[float, float]]:
    """Return the percentage that `parts` are of `whole`, at each time at which `whole` is above 0."""
    sums = dict(total(parts))
    return [(moment, 100 * sums.get(moment, 0.0) / all_) for moment, all_ in total(whole) if all_ > 0]


def total(parts: Sequence[Series]) -> list[tuple[float, float]]:
    """Return the sum of the series at each time, oldest first."""
    sums: dict[float, float] = {}
    for part in parts:
        for moment, value in part.points:
            sums[moment] = sums.get(moment, 0.0) + value
    return sorted(sums.items())
