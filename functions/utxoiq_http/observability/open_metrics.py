"""The fleet's metrics in OpenMetrics 1.0, and in the older Prometheus text format."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

from utxoiq_persistence.figures import Histogram, InstanceFigures, PoolFigures, middle

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
# Upper bounds of the buckets, in seconds. A query above 0.2 s counts as slow.
ENDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

Labels: TypeAlias = dict[str, str]

_quality = re.compile(r";\s*q=(\d(?:\.\d+)?)")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Point(NamedTuple):
    """Has one value with its labels. `since` is when a counter started, in Unix seconds; None for a gauge."""

    labels: Labels
    value: float | Histogram
    since: float | None = None


class Family(NamedTuple):
    """Has all points of one metric name. The name ends with the unit, if there is one."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    meaning: str
    points: list[Point]
    unit: str = ""


def media_type(accept: str) -> str:
    """Return the media type to respond with: OpenMetrics, unless the Accept header prefers the older format."""
    liked = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for part in accept.split(","):
        name = part.partition(";")[0].strip().lower()
        if name in liked:
            quality = _quality.search(part)
            liked[name] = max(liked[name], float(quality[1]) if quality else 1.0)
    return PROMETHEUS if liked["text/plain"] > liked["application/openmetrics-text"] else OPEN_METRICS


def text(fleet: Sequence[InstanceFigures], redis_answers: bool, media_type: str) -> bytes:
    """Return the metrics of the fleet as text. Instances that have ended contribute only their counters."""
    running = [one for one in fleet if not one.ended]
    families = [*_system_families(running, redis_answers), *_pool_families(running), *_counted(fleet)]
    is_open = media_type == OPEN_METRICS
    lines = [line for family in families for line in _lines(family, is_open)]
    if is_open:
        lines.append("# EOF")
    return "".join(f"{line}\n" for line in lines).encode()


def _system_families(running: Sequence[InstanceFigures], redis_answers: bool) -> Iterator[Family]:
    functions = Counter(one.function for one in running)
    counts = [Point({"function": function}, count) for function, count in functions.items()]
    yield Family("utxoiq_instances", "gauge", "Running instances", counts)
    yield Family("utxoiq_redis_up", "gauge", "1 if Redis responds, else 0", [Point({}, int(redis_answers))])


def _pool_families(running: Sequence[InstanceFigures]) -> Iterator[Family]:
    connections, limits, shares, waiting = [], [], [], []
    for labels, pool in (found for one in running for found in _pools(one)):
        for state, count in (("in_use", pool.checked_out), ("idle", pool.checked_in), ("overflow", pool.overflow)):
            connections.append(Point({**labels, "state": state}, count))
        limits.append(Point(labels, pool.size + pool.max_overflow))
        shares.append(Point(labels, pool.utilization))
        waiting.append(Point(labels, pool.waiting))
    yield Family(
        "utxoiq_pool_connections",
        "gauge",
        "Connections by state; overflow connections exceed the pool size",
        connections,
    )
    yield Family("utxoiq_pool_limit", "gauge", "Maximum number of connections of the pool", limits)
    yield Family("utxoiq_pool_utilization_ratio", "gauge", "Share of the maximum that is in use", shares, "ratio")
    yield Family("utxoiq_pool_waiting", "gauge", "Requests waiting for a connection", waiting)


def _counted(fleet: Iterable[InstanceFigures]) -> Iterator[Family]:
    timeouts, checkouts, queries, durations = [], [], [], []
    answered, latencies, lookups, evictions, forged = [], [], [], [], []
    for one in fleet:
        whose, since = _whose(one), one.started_at
        timeouts += [Point(labels, pool.timeouts, since) for labels, pool in _pools(one)]
        checkouts.append(Point(whose, one.checkouts, since))
        for statement, query in one.queries.items():
            labels = {**whose, "statement": statement}
            for result, count in (("fast", query.fast), ("slow", query.slow), ("error", query.errors)):
                queries.append(Point({**labels, "result": result}, count, since))
            durations.append(Point(labels, query.durations, since))
        for name, requests in one.requests.items():
            method, _, route = name.partition(" ")
            labels = {**whose, "method": method, "route": route}
            for status, count in requests.statuses.items():
                answered.append(Point({**labels, "status": status}, count, since))
            latencies.append(Point(labels, requests.durations, since))
        for group, found in one.cache.groups.items():
            results = {"memory": found.memory, "redis": found.redis, "miss": found.misses, "error": found.errors}
            for result, count in results.items():
                lookups.append(Point({**whose, "group": group, "result": result}, count, since))
        evictions.append(Point(whose, one.cache.evictions, since))
        forged.append(Point(whose, one.cache.forged, since))
    yield Family("utxoiq_pool_timeouts", "counter", "Requests that timed out waiting for a connection", timeouts)
    yield _durations("utxoiq_pool_checkout_seconds", "Time that requests waited for a connection", checkouts)
    yield Family("utxoiq_queries", "counter", "Statements by result; slow ones took more than 200 ms", queries)
    yield _durations("utxoiq_query_duration_seconds", "Duration of statements", durations)
    yield Family("utxoiq_requests", "counter", "HTTP requests by status", answered)
    yield _durations("utxoiq_request_duration_seconds", "Duration of HTTP requests", latencies)
    yield Family("utxoiq_cache_lookups", "counter", "Cache lookups by result", lookups)
    yield Family(
        "utxoiq_cache_evictions", "counter", "Cache entries dropped to stay within the memory limit", evictions
    )
    yield Family("utxoiq_cache_forged", "counter", "Redis content that no function has signed", forged)


def _durations(name: str, meaning: str, points: list[Point]) -> Family:
    return Family(name, "histogram", meaning, points, "seconds")


def _whose(one: InstanceFigures) -> Labels:
    return {"function": one.function, "instance": one.instance}


def _pools(one: InstanceFigures) -> Iterator[tuple[Labels, PoolFigures]]:
    for name, pool in (("primary", one.pool), ("replica", one.replica)):
        if pool is not None:
            yield {**_whose(one), "pool": name}, pool


def _lines(family: Family, is_open: bool) -> Iterator[str]:
    """Yield the lines of a family. The older format has no units or creation times, and names counters with _total."""
    name = family.name if is_open or family.kind != "counter" else f"{family.name}_total"
    yield f"# TYPE {name} {family.kind}"
    if is_open and family.unit:
        yield f"# UNIT {name} {family.unit}"
    yield f"# HELP {name} {family.meaning}"
    for labels, value, since in family.points:
        if isinstance(value, Histogram):
            yield from _histogram(family.name, labels, value)
        else:
            yield _sample(family.name if since is None else f"{family.name}_total", labels, value)
        if is_open and since is not None:
            yield _sample(f"{family.name}_created", labels, since)


def _histogram(name: str, labels: Labels, histogram: Histogram) -> Iterator[str]:
    """Yield the samples of a histogram. Each of its 2 % wide buckets counts in the bucket that contains its middle."""
    counts = [0] * (len(ENDS) + 1)
    for bucket, count in histogram.buckets.items():
        counts[bisect_left(ENDS, middle(bucket))] += count
    *cumulative, total = accumulate(counts)
    for end, count in zip(ENDS, cumulative, strict=True):
        yield _sample(f"{name}_bucket", {**labels, "le": str(end)}, count)
    yield _sample(f"{name}_bucket", {**labels, "le": "+Inf"}, total)
    yield _sample(f"{name}_count", labels, total)
    yield _sample(f"{name}_sum", labels, histogram.total)


def _sample(name: str, labels: Labels, value: float) -> str:
    pairs = ",".join(f'{label}="{value.translate(_ESCAPES)}"' for label, value in labels.items())
    return f"{name}{{{pairs}}} {value}" if pairs else f"{name} {value}"
