"""Aggregates of metrics with what a query may ask for besides averages: percentiles, and an earlier range."""

import asyncio
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import msgspec
from msgspec import UNSET, Struct, UnsetType

from utxoiq_persistence import times
from utxoiq_persistence.errors import RuleBroken
from utxoiq_persistence.figures import GAMMA
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Row
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import AggregateQuery, Document

_AGGREGATE = load("system_metrics")["aggregate"]
_SKETCHES = load("metric_sketches")["percentiles"]
_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
# Whole weeks, so that a weekday is compared with the same weekday.
_STEPS = {"previous_week": timedelta(weeks=1), "previous_year": timedelta(weeks=52)}
# The constants of the SQL function metric_sketch_key.
_LOG_GAMMA = math.log(GAMMA)
_ZERO_KEY = 40_000
_LARGEST_LOG = 709.78
_ENCODER = msgspec.json.Encoder()

Sketch = tuple[list[int], list[int]]
"""Ascending keys, and how many values each key has."""


class Statistics(Struct, kw_only=True):
    """Average, bounds and count. A percentile is absent if not asked for, and None if not all values are known."""

    avg_value: float
    min_value: float
    max_value: float
    count: int
    p50: float | UnsetType | None = UNSET
    p95: float | UnsetType | None = UNSET
    p99: float | UnsetType | None = UNSET


class Change(Struct):
    """The change of the average. percent is None if the average was 0; both are None if they overflow."""

    absolute: float | None
    percent: float | None


class TimedStatistics(Statistics):
    """Statistics of the interval that begins at `timestamp`."""

    timestamp: str


class Bucket(TimedStatistics, kw_only=True):
    """Statistics of one interval, with those of the earlier interval it is compared with."""

    previous: Statistics | UnsetType | None = UNSET
    change: Change | UnsetType | None = UNSET


class Comparison(Struct):
    """Statistics of the whole range and of the earlier one (start_time to end_time), None if it is empty."""

    start_time: str
    end_time: str
    current: Statistics | None
    previous: Statistics | None
    change: Change | None


class Aggregate(Struct):
    """The answer to an aggregate query."""

    service_name: str
    metric_type: str
    interval: str
    start_time: str
    end_time: str
    data: list[Bucket]
    comparison: Comparison | UnsetType = UNSET


_DECODER = msgspec.json.Decoder(Aggregate)
_NUMBERS = msgspec.json.Decoder(list[int])


@dataclass(frozen=True)
class _Series:
    """An aggregate with its sketches by interval: None if values are missing, None for all if not asked for."""

    query: AggregateQuery
    aggregate: Aggregate
    sketches: Mapping[datetime, Sketch | None] | None


def check_comparison(query: AggregateQuery) -> None:
    """Raise RuleBroken if the range to compare with would begin before the first date there is."""
    if query.compare is not None:
        _shift_back(query)


async def aggregate(database: Database, query: AggregateQuery) -> Document:
    """Return the aggregate that the query asks for, as JSON. Raises DatabaseUnavailable."""
    if query.percentiles == "false" and query.compare is None:
        return Document(await _read_aggregate(database, query))
    current = await _read(database, query)
    previous = None if query.compare is None else await _read(database, _shift_back(query))
    # In a thread, since long ranges by hour would delay other requests.
    return Document(await asyncio.to_thread(_encode_answer, current, previous))


def _shift_back(query: AggregateQuery) -> AggregateQuery:
    step = _step(query)
    try:
        start, end = query.start_time.astimezone(UTC) - step, query.end_time.astimezone(UTC) - step
        return msgspec.structs.replace(query, start_time=start, end_time=end)
    except OverflowError:
        raise RuleBroken("there is no time so long before start_time to compare with") from None


def _step(query: AggregateQuery) -> timedelta:
    """Return how far back the range to compare with lies.

    By default that is the range's length in whole intervals, so that each interval has one to be compared with.
    """
    length = _LENGTHS[query.interval]
    intervals = -((query.start_time - query.end_time) // length)
    return _STEPS.get(query.compare or "", max(1, intervals) * length)


async def _read_aggregate(database: Database, query: AggregateQuery) -> bytes:
    ((text,),) = await database.fetch(_AGGREGATE, idempotent=True, **_parameters(query))
    return str(text).encode()


async def _read(database: Database, query: AggregateQuery) -> _Series:
    answer = _DECODER.decode(await _read_aggregate(database, query))
    if query.percentiles == "false":
        return _Series(query, answer, None)
    rows = await database.fetch(_SKETCHES, idempotent=True, **_parameters(query))
    return _Series(query, answer, await asyncio.to_thread(_decode_sketches, rows))


def _parameters(query: AggregateQuery) -> dict[str, object]:
    return {
        "service_name": query.service_name,
        "metric_type": query.metric_type,
        "start_time": query.start_time,
        "end_time": query.end_time,
        "interval": query.interval,
    }


def _decode_sketches(rows: Iterable[Row]) -> dict[datetime, Sketch | None]:
    parts: dict[datetime, list[Sketch | None]] = defaultdict(list)
    for at, keys, counts in rows:
        parts[at].append(None if keys is None else (_NUMBERS.decode(keys), _NUMBERS.decode(counts)))
    return {at: _merge(sketches) for at, sketches in parts.items()}


def _merge(sketches: Sequence[Sketch | None]) -> Sketch | None:
    """Return the sum of the sketches; None if one of them is None or there are none."""
    if len(sketches) == 1:
        return sketches[0]
    total: dict[int, int] = defaultdict(int)
    for sketch in sketches:
        if sketch is None:
            return None
        for key, count in zip(*sketch, strict=True):
            total[key] += count
    keys = sorted(total)
    return (keys, [total[key] for key in keys]) if keys else None


def _encode_answer(current: _Series, previous: _Series | None) -> bytes:
    for series in (current, previous):
        if series is not None and series.sketches is not None:
            for bucket in series.aggregate.data:
                _add_percentiles(bucket, series.sketches.get(_moment(bucket)))
    if previous is not None:
        _compare(current, previous)
    return _ENCODER.encode(current.aggregate)


def _compare(current: _Series, previous: _Series) -> None:
    step = _step(current.query)
    before = {_moment(bucket) + step: bucket for bucket in previous.aggregate.data}
    for bucket in current.aggregate.data:
        match = before.get(_moment(bucket))
        bucket.previous = None if match is None else _statistics(match)
        bucket.change = None if match is None else _change(bucket, match)
    now, then = _summarize(current), _summarize(previous)
    current.aggregate.comparison = Comparison(
        times.spell(previous.query.start_time),
        times.spell(previous.query.end_time),
        now,
        then,
        None if now is None or then is None else _change(now, then),
    )


def _statistics(bucket: Bucket) -> Statistics:
    return Statistics(**{name: getattr(bucket, name) for name in Statistics.__struct_fields__})


def _change(now: Statistics, before: Statistics) -> Change:
    absolute = now.avg_value - before.avg_value
    percent = 100 * absolute / abs(before.avg_value) if before.avg_value else math.nan
    return Change(_finite(absolute), _finite(percent))


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _summarize(series: _Series) -> Statistics | None:
    buckets = series.aggregate.data
    if not buckets:
        return None
    count = sum(bucket.count for bucket in buckets)
    low, high = min(bucket.min_value for bucket in buckets), max(bucket.max_value for bucket in buckets)
    # Halves, so that no intermediate sum overflows.
    mean = 2 * math.fsum(bucket.avg_value / 2 * (bucket.count / count) for bucket in buckets)
    statistics = Statistics(avg_value=min(max(mean, low), high), min_value=low, max_value=high, count=count)
    if series.sketches is not None:
        _add_percentiles(statistics, _merge(list(series.sketches.values())))
    return statistics


def _add_percentiles(statistics: Statistics, sketch: Sketch | None) -> None:
    """Set p50, p95 and p99: the least value that has so many percent of all at or below it, within 1 %."""
    if sketch is None:
        statistics.p50 = statistics.p95 = statistics.p99 = None
        return
    keys, counts = sketch
    ranks = list(accumulate(counts))

    def percentile(hundredths: int) -> float:
        value = _value(keys[bisect_left(ranks, -(-ranks[-1] * hundredths // 100))])
        return min(max(value, statistics.min_value), statistics.max_value)

    statistics.p50, statistics.p95, statistics.p99 = percentile(50), percentile(95), percentile(99)


def _value(key: int) -> float:
    """Return the middle of the values that have that key."""
    if key == 0:
        return 0.0
    return math.copysign(math.exp(min((abs(key) - _ZERO_KEY - 0.5) * _LOG_GAMMA, _LARGEST_LOG)), key)


def _moment(bucket: Bucket) -> datetime:
    """Return when the interval begins."""
    return datetime.fromisoformat(bucket.timestamp)
