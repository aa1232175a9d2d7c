"""The overview page. Each section has its own source: if one is away, the others are still shown."""

import asyncio
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from utxoiq_console import charts, graph, headline, incidents, logs, panels
from utxoiq_console.charts import Chart
from utxoiq_console.config import Settings
from utxoiq_console.functions import Functions, Health
from utxoiq_console.google_apis import GoogleApis
from utxoiq_console.graph import Column, Mark
from utxoiq_console.incidents import Incidents
from utxoiq_console.logs import LogLine, LogQuery
from utxoiq_console.panels import RANGES, Panel, SeriesByQuery
from utxoiq_console.resources import Resource, Resources
from utxoiq_console.schedules import Schedule, Schedules
from utxoiq_console.series import Series, Window
from utxoiq_console.sources import Reading, Source

# How long a page waits for a source that has no value yet, or no new one.
PATIENCE_SECONDS = 2.5
RECENT_LINES = 8
STATEMENTS = 8
Json = Mapping[str, Any]


@dataclass(frozen=True)
class RangeData:
    """Has the time series of a range, by panel."""

    window: Window
    found: Mapping[str, SeriesByQuery]


@dataclass(frozen=True)
class FunctionRow:
    """Describes a function in the table.

    `requests` is per second, `errors` in percent, `times` in milliseconds by percentile. Each is None if unknown.
    """

    resource: Resource
    mark: Mark
    state: str
    health: Health | None
    where: Sequence[str]
    requests: float | None
    errors: float | None
    times: Mapping[str, float | None]
    trend: str


@dataclass(frozen=True)
class Overview:
    """Has what the overview page shows. `hits` is the cache hit rate in percent; None if unknown."""

    range: str
    mark: Mark
    summary: str
    columns: Sequence[Column]
    functions: Sequence[FunctionRow]
    charts: Sequence[tuple[Panel, Chart | None]]
    health: Reading[dict[str, Health]]
    drawn: Reading[RangeData]
    incidents: Reading[Incidents]
    pool: Reading[Json]
    queries: Reading[Json]
    schedules: Reading[list[Schedule]]
    jobs: Reading[list[Json]]
    lines: Reading[list[LogLine]]
    hits: float | None


class Overviews:
    """Reads the overview. Its sources and their last values are shared by all readers of the page."""

    def __init__(self, settings: Settings, google: GoogleApis, functions: Functions, schedules: Schedules) -> None:
        self._settings = settings
        self._google = google
        self._panels = panels.panels(settings)
        self._health = Source(functions.health, 8)
        self._pool = Source(functions.pool, 4)
        self._queries = Source(functions.queries, 4)
        self._jobs = Source(functions.jobs, 2)
        self._processes = Source(functions.processes, 4)
        self._incidents = Source(lambda: incidents.read(settings, google), 4)
        self._schedules = Source(schedules.all, 4)
        warnings = LogQuery(severity="WARNING", period="24h", limit=RECENT_LINES)
        self._lines = Source(lambda: logs.read(settings, google, warnings), 5)
        self._drawn = {name: Source(self._reader(name), 12) for name in RANGES}

    def run_happened(self) -> None:
        """Make the next overview read the schedules again, because one was started."""
        self._schedules.expire()

    async def schedules(self) -> Reading[list[Schedule]]:
        """Return the stack's schedules. Raises nothing."""
        return await self._schedules.read(PATIENCE_SECONDS)

    async def read(self, range_: str) -> Overview:
        """Return the overview with charts of the range. Raises nothing: a source that is away is shown as such."""
        readings = await asyncio.gather(
            self._health.read(PATIENCE_SECONDS),
            self._drawn[range_].read(PATIENCE_SECONDS),
            self._incidents.read(PATIENCE_SECONDS),
            self._pool.read(PATIENCE_SECONDS),
            self._queries.read(PATIENCE_SECONDS),
            self._schedules.read(PATIENCE_SECONDS),
            self._jobs.read(PATIENCE_SECONDS),
            self._lines.read(PATIENCE_SECONDS),
            self._processes.read(PATIENCE_SECONDS),
        )
        health, drawn, alerts, pool, queries, schedules, jobs, lines, processes = readings
        states = graph.compute_states(self._settings.resources, health.value or {})
        states |= self._read_other_states(schedules, drawn, lines)
        states |= _states_by_schedules(self._settings.resources, schedules.value or (), states)
        where = self._where(pool.value or {}, processes.value or {})
        rows = [
            self._row(one, states.get(one.id, ""), health.value or {}, where, drawn.value)
            for one in self._settings.resources.functions
        ]
        mark, summary = headline.write(self._settings.resources, health.value or {}, states, alerts.value)
        return Overview(
            range=range_,
            mark=mark,
            summary=summary,
            columns=graph.lay_out(self._settings.resources, states, where),
            functions=rows,
            charts=[(panel, self._chart(panel, drawn.value)) for panel in self._panels],
            health=health,
            drawn=drawn,
            incidents=alerts,
            pool=pool,
            queries=queries,
            schedules=schedules,
            jobs=jobs,
            lines=lines,
            hits=_hits(drawn.value),
        )

    def _reader(self, range_: str) -> Any:
        async def read() -> RangeData:
            window = Window.until(time.time(), *RANGES[range_])
            return RangeData(window, await panels.read(self._google, self._settings.project, self._panels, window))

        return read

    def _chart(self, panel: Panel, drawn: RangeData | None) -> Chart | None:
        if drawn is None:
            return None
        colours = {one.id: index for index, one in enumerate(self._settings.resources.functions)}
        lines = panel.lines(drawn.found[panel.id])
        return charts.draw(lines, drawn.window, panel.unit, colours=colours, top=panel.top, limit=panel.limit)

    def _row(
        self,
        function: Resource,
        state: str,
        health: Mapping[str, Health],
        where: Mapping[str, Sequence[str]],
        drawn: RangeData | None,
    ) -> FunctionRow:
        own = health.get(function.id)
        mark, word = graph.WORDS[state]
        parts = _select_function(drawn, "requests", "", function)
        total = panels.total(parts)
        return FunctionRow(
            resource=function,
            mark=mark,
            state=word,
            health=own,
            where=where.get(function.id, ()),
            requests=total[-1][1] if total else None,
            errors=_percent([one for one in parts if panels.is_failure(one)], parts),
            times={
                name: next((one.last for one in _select_function(drawn, "latency", name, function)), None)
                for name in ("p50", "p95", "p99")
            },
            trend=charts.sparkline(total, drawn.window) if drawn and total else "",
        )

    def _where(self, pool: Json, processes: Mapping[str, Json]) -> dict[str, list[str]]:
        """Return where each resource runs: its process if it is known, else its number of instances and region."""
        places: dict[str, list[str]] = {}
        instances = [name.partition("/")[0] for name in pool.get("by_instance", {})]
        for one in self._settings.resources.all:
            process = processes.get(f"{one.kind}/{one.name}")
            if process is not None:
                places[one.id] = list(_place(process))
            elif one.kind == "function" and (count := instances.count(one.name)):
                places[one.id] = [f"{count} {'instance' if count == 1 else 'instances'}", self._settings.location]
            elif one.kind in ("function", "database", "cache"):
                places[one.id] = [self._settings.location]
        return places

    def _read_other_states(
        self, schedules: Reading[list[Schedule]], drawn: Reading[RangeData], lines: Reading[list[LogLine]]
    ) -> dict[str, str]:
        """Return the states of Google's services, and of the scheduler, which is degraded if a last run failed."""
        failing = any(one.failure for one in schedules.value or ())
        told: dict[str, str] = {"monitoring": _state(drawn), "logging": _state(lines), "scheduler": _state(schedules)}
        if failing and told["scheduler"] == "ok":
            told["scheduler"] = "degraded"
        known = {one.id for one in self._settings.resources.all}
        return {name: state for name, state in told.items() if name in known}


def _state(reading: Reading[Any]) -> str:
    return "" if reading.waits else "away" if reading.problem else "ok"


def _place(process: Json) -> Sequence[str]:
    lines = [f"pid {process['pid']}" if process.get("pid") else str(process.get("health", "")), process["address"]]
    restarts = process.get("restarts", 0)
    return [line for line in lines if line] + ([f"{restarts} restarts"] if restarts else [])


def _select_function(drawn: RangeData | None, panel: str, query: str, function: Resource) -> list[Series]:
    if drawn is None:
        return []
    return [one for one in drawn.found[panel][query] if one.labels.get("service_name") == function.name]


def _percent(parts: Sequence[Series], whole: Sequence[Series]) -> float | None:
    """Return the percentage over the whole range; None if the whole is nothing."""
    part, all_ = (sum(value for _, value in panels.total(series)) for series in (parts, whole))
    return 100 * part / all_ if all_ else None


def _hits(drawn: RangeData | None) -> float | None:
    """Return the hit rate in percent in the latest step that has lookups; None if none has."""
    if drawn is None:
        return None
    lookups = drawn.found["lookups"][""]
    rates = panels.share([one for one in lookups if panels.is_hit(one)], lookups)
    return rates[-1][1] if rates else None


def _states_by_schedules(
    resources: Resources, schedules: Sequence[Schedule], states: Mapping[str, str]
) -> dict[str, str]:
    """Return the states of what nobody can ask, by id: of private functions, and of the buckets that they write."""
    runs: dict[str, set[str]] = {}
    for one in schedules:
        if one.function and states.get(one.function) == "closed":
            run = "idle" if one.last_run is None else "failed" if one.failure else "ran"
            runs.setdefault(one.function, set()).add(run)
    found = {function: _sum_up(of_function) for function, of_function in runs.items()}
    buckets = {one.id for one in resources.with_kind("bucket")}
    written = {
        bucket: found[function.id]
        for function in resources.functions
        if function.id in found
        for bucket in function.uses
        if bucket in buckets
    }
    return {**found, **written}


def _sum_up(runs: Set[str]) -> str:
    """Return the state of a function by the last runs of its schedules, of which one that failed tells most."""
    if "failed" in runs:
        return "failed"
    # A watch that runs every minute says nothing of a backup that never was made.
    return "partly" if len(runs) > 1 else next(iter(runs))
