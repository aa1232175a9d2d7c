"""The fleet's figures as answers: in total, by function and by instance. Times are in milliseconds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from utxoiq_persistence.figures import (
    SLOW_SECONDS,
    CacheFigures,
    Histogram,
    InstanceFigures,
    LookupFigures,
    PoolFigures,
    QueryFigures,
    RequestFigures,
    merge_caches,
    merge_checkouts,
    merge_pools,
    merge_queries,
    merge_replicas,
    merge_requests,
)

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
SLOWEST = 10

Instances = Sequence[InstanceFigures]
Answer = dict[str, object]
Timed = TypeVar("Timed", QueryFigures, RequestFigures)


def report_pools(fleet: Instances) -> Answer:
    """Return the connections of the pools and the waits for them."""
    return _by_part(fleet, _pool)


def report_queries(fleet: Instances) -> Answer:
    """Return the statements' counts and times, and those of each statement by name, slowest first."""
    statements = merge_queries(fleet)
    ranked = _slowest_first(statements)
    return {
        **_by_part(fleet, _queries),
        "slow_query_threshold": SLOW_SECONDS * 1000,
        "statements": {name: _query(statements[name]) for name in ranked},
        "slowest": ranked[:SLOWEST],
    }


def report_requests(fleet: Instances) -> Answer:
    """Return the requests' counts and times, and those of each route by method and path, slowest first."""
    routes = merge_requests(fleet)
    return {
        **_by_part(fleet, _requests),
        "routes": {route: _request(routes[route]) for route in _slowest_first(routes)},
    }


def report_cache(fleet: Instances) -> Answer:
    """Return the lookups of the cache, and those of each group of entries."""
    groups = merge_caches(fleet).groups
    return {**_by_part(fleet, _cache), "groups": {name: _lookups(groups[name]) for name in sorted(groups)}}


def _by_part(fleet: Instances, answer: Callable[[Instances], Answer]) -> Answer:
    """Return the answer for all instances, for each function and for each living instance.

    Counts of an ended instance stay in the totals for a while, but it is no longer counted as an instance.
    """
    functions = sorted({one.function for one in fleet})
    living = [one for one in fleet if not one.ended]
    return {
        **answer(fleet),
        "instances": len(living),
        "functions": {name: answer([one for one in fleet if one.function == name]) for name in functions},
        "by_instance": {f"{one.function}/{one.instance}": answer([one]) for one in living},
    }


def _pool(part: Instances) -> Answer:
    replica = merge_replicas(part)
    return {
        **_connections(merge_pools(part)),
        "checkouts": _times(merge_checkouts(part)),
        "replica": None if replica is None else _connections(replica),
    }


def _connections(pool: PoolFigures) -> Answer:
    return {
        **msgspec.structs.asdict(pool),
        "total_connections": pool.checked_in + pool.checked_out,
        "utilization": 100 * pool.utilization,
    }


def _queries(part: Instances) -> Answer:
    return _query(_total(merge_queries(part).values(), QueryFigures()))


def _query(query: QueryFigures) -> Answer:
    durations = query.durations
    return {
        "total_queries": durations.count,
        "failed_queries": query.errors,
        "slow_queries": query.slow,
        "slow_query_percentage": 100 * query.slow / max(1, durations.count),
        "average_query_time": 1000 * durations.total / max(1, durations.count),
        **_quantiles(durations),
    }


def _requests(part: Instances) -> Answer:
    return _request(_total(merge_requests(part).values(), RequestFigures()))


def _request(request: RequestFigures) -> Answer:
    """Return counts and times. failed_requests counts those answered with a 5xx status."""
    return {
        "total_requests": request.durations.count,
        "failed_requests": sum(count for status, count in request.statuses.items() if status >= "500"),
        "statuses": dict(sorted(request.statuses.items())),
        "times": _times(request.durations),
    }


def _cache(part: Instances) -> Answer:
    figures: CacheFigures = merge_caches(part)
    total = LookupFigures()
    for lookups in figures.groups.values():
        total.merge(lookups)
    return {
        **_lookups(total),
        "evictions": figures.evictions,
        "failed_writes": figures.failed_writes,
        "forged": figures.forged,
    }


def _lookups(lookups: LookupFigures) -> Answer:
    """Return the counts. hit_rate is the percentage of lookups that needed no database."""
    hits = lookups.memory + lookups.redis
    return {
        "lookups": lookups.count,
        **msgspec.structs.asdict(lookups),
        "hit_rate": None if lookups.count == 0 else 100 * hits / lookups.count,
    }


def _total(parts: Iterable[Timed], total: Timed) -> Timed:
    for part in parts:
        total.merge(part)
    return total


def _slowest_first(timed: Mapping[str, Timed]) -> list[str]:
    return sorted(timed, key=lambda name: (-(timed[name].durations.quantile(0.95) or 0), name))


def _times(durations: Histogram) -> Answer:
    average = None if durations.count == 0 else 1000 * durations.total / durations.count
    return {"count": durations.count, "average": average, **_quantiles(durations)}


def _quantiles(durations: Histogram) -> Answer:
    return {name: _milliseconds(durations.quantile(share)) for name, share in QUANTILES.items()}


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds
