"""What is drawn over time: of the fleet's pools, its queries, its cache, its requests, and of what it stands on."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from utxoiq_console import series
from utxoiq_console.charts import Limit, Line
from utxoiq_console.config import Settings
from utxoiq_console.google_apis import GoogleApis
from utxoiq_console.moments import DAY, HOUR, MINUTE
from utxoiq_console.series import Query, Series, Window

# Length and step by the name that a reader chooses.
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

Found = Mapping[str, Sequence[Series]]


@dataclass(frozen=True)
class Panel:
    """queries: by the names that `lines` knows them by. top: of its scale, where that is the same for ever."""

    id: str
    title: str
    about: str
    unit: str
    queries: Mapping[str, Query]
    lines: Callable[[Found], list[Line]]
    limit: Limit | None = None
    top: float | None = None


def panels(settings: Settings) -> list[Panel]:
    """Those that are drawn as charts, in their order."""
    answered = Query(
        _run(settings, "request_count"), "ALIGN_RATE", groups=(SERVICE, "metric.label.response_code_class")
    )
    lookups = Query(_own(settings, "cache/lookups"), "ALIGN_RATE", groups=("metric.label.group", "metric.label.result"))
    of_job = ("resource.label.job",)
    return [
        Panel("requests", "Requests", "By function", "/s", {"": answered}, _summed("service_name", settings)),
        Panel("failed", "Failed requests", "Answered with 5xx, of all", "%", {"": answered}, _failures(settings)),
        Panel(
            "latency",
            "Request latency",
            "95 of 100 requests were answered within it, by function",
            "ms",
            _percentiles(_run(settings, "request_latencies"), (SERVICE,)),
            lambda found: _by("service_name", settings)({"": found["p95"]}),
        ),
        Panel(
            "pool",
            "Pool in use",
            "Connections checked out, of all that a pool may open",
            "%",
            {"": Query(_own(settings, "pool/utilization"), "ALIGN_MAX", "REDUCE_MAX", of_job)},
            _by("job", settings),
            Limit(90),
            100,
        ),
        Panel(
            "connections",
            "Connections",
            "Of the whole fleet, by what they do",
            "",
            {"": Query(_own(settings, "pool/connections"), "ALIGN_MEAN", groups=("metric.label.state",))},
            _by("state", settings),
        ),
        Panel(
            "checkouts",
            "Wait for a connection",
            "From asking the pool to having one",
            "ms",
            _percentiles(_own(settings, "pool/checkout_latencies")),
            _each,
        ),
        Panel(
            "queries",
            "Queries",
            "Fast ones took up to 200 ms",
            "/s",
            {"": Query(_own(settings, "query/count"), "ALIGN_RATE", groups=("metric.label.result",))},
            _by("result", settings),
        ),
        Panel(
            "query-time",
            "Query time",
            "Of all statements",
            "ms",
            _percentiles(_own(settings, "query/latencies")),
            _each,
            Limit(200),
        ),
        Panel(
            "instances",
            "Instances",
            "Those that tell of themselves, by function",
            "",
            {"": Query(_own(settings, "fleet/instances"), "ALIGN_MAX", "REDUCE_MAX", ("metric.label.function",))},
            _by("function", settings),
        ),
        Panel(
            "hits",
            "Cache hits",
            "Found in memory or in Redis, of all looked for",
            "%",
            {"": lookups},
            _hit_rates,
            Limit(90, above=False),
            100,
        ),
        Panel("lookups", "Cache lookups", "By where they ended", "/s", {"": lookups}, _summed("result", settings)),
        Panel(
            "load", "Database and cache", "How much of each is used", "%", _loads(settings), _percent_of_each, top=100
        ),
    ]


async def read(google: GoogleApis, project: str, panels: Sequence[Panel], window: Window) -> dict[str, Found]:
    """What is found for each panel, by its id; a query that several share is asked once. Raises SourceAway."""
    wanted = list(dict.fromkeys(query for panel in panels for query in panel.queries.values()))
    answers = await asyncio.gather(*(series.read(google, project, query, window) for query in wanted))
    found = dict(zip(wanted, answers, strict=True))
    return {panel.id: {name: found[query] for name, query in panel.queries.items()} for panel in panels}


def _own(settings: Settings, metric: str) -> str:
    """What the functions publish themselves."""
    return (
        f'metric.type="custom.googleapis.com/utxoiq/{metric}" AND resource.type="generic_task" '
        f'AND resource.labels.namespace="{settings.prefix}"'
    )


def _run(settings: Settings, metric: str) -> str:
    names = ", ".join(f'"{function.name}"' for function in settings.resources.functions)
    return (
        f'metric.type="run.googleapis.com/{metric}" AND resource.type="cloud_run_revision" '
        f"AND resource.labels.service_name=one_of({names})"
    )


def _loads(settings: Settings) -> dict[str, Query]:
    queries = {}
    for database in settings.resources.of("database"):
        of_it = (
            f'resource.type="cloudsql_database" AND resource.labels.database_id="{settings.project}:{database.name}"'
        )
        for part in ("cpu", "memory", "disk"):
            metric = f'metric.type="cloudsql.googleapis.com/database/{part}/utilization"'
            queries[f"{database.id} {part}"] = Query(f"{metric} AND {of_it}", "ALIGN_MEAN", "REDUCE_MAX")
    for cache in settings.resources.of("cache"):
        of_it = f'resource.type="redis_instance" AND resource.labels.instance_id=ends_with("/instances/{cache.name}")'
        metric = 'metric.type="redis.googleapis.com/stats/memory/usage_ratio"'
        queries[f"{cache.id} memory"] = Query(f"{metric} AND {of_it}", "ALIGN_MEAN", "REDUCE_MAX")
    return queries


def _percentiles(filter_: str, groups: tuple[str, ...] = ()) -> dict[str, Query]:
    return {f"p{part}": Query(filter_, "ALIGN_DELTA", f"REDUCE_PERCENTILE_{part}", groups) for part in PERCENTILES}


def _by(label: str, settings: Settings) -> Callable[[Found], list[Line]]:
    def lines(found: Found) -> list[Line]:
        return [Line(settings.short(one.labels.get(label, "")).replace("_", " "), one.points) for one in found[""]]

    return lines


def _grouped(parts: Sequence[Series], label: str) -> dict[str, list[Series]]:
    groups: dict[str, list[Series]] = {}
    for one in parts:
        groups.setdefault(one.labels.get(label, ""), []).append(one)
    return groups


def _summed(label: str, settings: Settings) -> Callable[[Found], list[Line]]:
    """A line a value of the label, whatever others there are."""

    def lines(found: Found) -> list[Line]:
        groups = _grouped(found[""], label)
        return [Line(settings.short(name), total(parts)) for name, parts in groups.items()]

    return lines


def _failures(settings: Settings) -> Callable[[Found], list[Line]]:
    def lines(found: Found) -> list[Line]:
        groups = _grouped(found[""], "service_name")
        return [
            Line(settings.short(name), share([one for one in parts if is_failure(one)], parts))
            for name, parts in groups.items()
        ]

    return lines


def _each(found: Found) -> list[Line]:
    return [Line(name, one.points) for name, parts in found.items() for one in parts]


def _percent_of_each(found: Found) -> list[Line]:
    return [
        Line(name, [(moment, 100 * value) for moment, value in one.points])
        for name, parts in found.items()
        for one in parts
    ]


def _hit_rates(found: Found) -> list[Line]:
    groups = _grouped(found[""], "group")
    return [
        Line(name.replace("_", " "), share([one for one in parts if is_hit(one)], parts))
        for name, parts in groups.items()
    ]


def is_hit(lookups: Series) -> bool:
    return lookups.labels.get("result") in HITS


def is_failure(requests: Series) -> bool:
    return requests.labels.get("response_code_class") == "5xx"


def share(parts: Sequence[Series], whole: Sequence[Series]) -> list[tuple[float, float]]:
    """Percent at every moment at which there was anything."""
    sums = dict(total(parts))
    return [(moment, 100 * sums.get(moment, 0.0) / all_) for moment, all_ in total(whole) if all_ > 0]


def total(parts: Sequence[Series]) -> list[tuple[float, float]]:
    """The sum at every moment."""
    sums: dict[float, float] = {}
    for part in parts:
        for moment, value in part.points:
            sums[moment] = sums.get(moment, 0.0) + value
    return sorted(sums.items())
