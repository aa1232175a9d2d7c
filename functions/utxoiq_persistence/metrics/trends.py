"""What an aggregate tells besides averages and bounds, where that is asked for: percentiles, and how it was before."""

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

from utxoiq_persistence.errors import RuleBroken
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Row
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import AggregateQuery, Document

_AGGREGATE = load("system_metrics")["aggregate"]
_SKETCHES = load("metric_sketches")["percentiles"]
_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
# Weeks, so that weekdays meet weekdays, and intervals meet whole intervals.
_STEPS = {"previous_week": timedelta(weeks=1), "previous_year": timedelta(weeks=52)}
# As metric_sketch_key has them.
_LOG_GAMMA = 0.01980262729617973
_ZERO_KEY = 40_000
_LARGEST_LOG = 709.78
_ENCODER = msgspec.json.Encoder()

Sketch = tuple[list[int], list[int]]
"""The keys of values, in their order, and how many values each has."""


class Figures(Struct, kw_only=True):
    """Percentiles are left out where nobody asks, and None where not every value is known any more."""

    avg_value: float
    min_value: float
    max_value: float
    count: int
    p50: float | UnsetType | None = UNSET
    p95: float | UnsetType | None = UNSET
    p99: float | UnsetType | None = UNSET


class Change(Struct):
    """Of the average. percent: None where that was 0; both: None where they are beyond what a number holds."""

    absolute: float | None
    percent: float | None


class TimedFigures(Figures):
    timestamp: str


class Bucket(TimedFigures, kw_only=True):
    previous: Figures | UnsetType | None = UNSET
    change: Change | UnsetType | None = UNSET


class Comparison(Struct):
    """The whole range, and the one from start_time to end_time; None of nothing."""

    start_time: datetime
    end_time: datetime
    current: Figures | None
    previous: Figures | None
    change: Change | None


class Aggregate(Struct):
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
    """sketches: by interval, None where not every value is known; None of all where percentiles are not wanted."""

    query: AggregateQuery
    aggregate: Aggregate
    sketches: Mapping[datetime, Sketch | None] | None


def check(query: AggregateQuery) -> None:
    """Raises RuleBroken where there is no time so long ago."""
    if query.compare is not None:
        _before(query)


async def aggregate(database: Database, query: AggregateQuery) -> Document:
    if query.percentiles == "false" and query.compare is None:
        return Document(await _aggregated(database, query))
    current = await _read(database, query)
    previous = None if query.compare is None else await _read(database, _before(query))
    # Of long ranges by hour it takes long enough for other requests to notice.
    return Document(await asyncio.to_thread(_told, current, previous))


def _before(query: AggregateQuery) -> AggregateQuery:
    step = _step(query)
    try:
        start, end = query.start_time.astimezone(UTC) - step, query.end_time.astimezone(UTC) - step
        return msgspec.structs.replace(query, start_time=start, end_time=end)
    except OverflowError:
        raise RuleBroken("there is no time so long before start_time to compare with") from None


def _step(query: AggregateQuery) -> timedelta:
    """How far back to look: the range's length in whole intervals, so that each meets one, if nothing else is said."""
    length = _LENGTHS[query.interval]
    intervals = -((query.start_time - query.end_time) // length)
    return _STEPS.get(query.compare or "", max(1, intervals) * length)


async def _aggregated(database: Database, query: AggregateQuery) -> bytes:
    ((text,),) = await database.fetch(_AGGREGATE, idempotent=True, **_parameters(query))
    return str(text).encode()


async def _read(database: Database, query: AggregateQuery) -> _Series:
    answer = _DECODER.decode(await _aggregated(database, query))
    if query.percentiles == "false":
        return _Series(query, answer, None)
    rows = await database.fetch(_SKETCHES, idempotent=True, **_parameters(query))
    return _Series(query, answer, await asyncio.to_thread(_sketches, rows))


def _parameters(query: AggregateQuery) -> dict[str, object]:
    return {
        "service_name": query.service_name,
        "metric_type": query.metric_type,
        "start_time": query.start_time,
        "end_time": query.end_time,
        "interval": query.interval,
    }


def _sketches(rows: Iterable[Row]) -> dict[datetime, Sketch | None]:
    parts: dict[datetime, list[Sketch | None]] = defaultdict(list)
    for at, keys, counts in rows:
        parts[at].append(None if keys is None else (_NUMBERS.decode(keys), _NUMBERS.decode(counts)))
    return {at: _merged(sketches) for at, sketches in parts.items()}


def _merged(sketches: Sequence[Sketch | None]) -> Sketch | None:
    """None if one of them is, and of nothing."""
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


def _told(current: _Series, previous: _Series | None) -> bytes:
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
        bucket.previous = None if match is None else _figures(match)
        bucket.change = None if match is None else _change(bucket, match)
    now, then = _summary(current), _summary(previous)
    current.aggregate.comparison = Comparison(
        previous.query.start_time,
        previous.query.end_time,
        now,
        then,
        None if now is None or then is None else _change(now, then),
    )


def _figures(bucket: Bucket) -> Figures:
    return Figures(**{name: getattr(bucket, name) for name in Figures.__struct_fields__})


def _change(now: Figures, before: Figures) -> Change:
    absolute = now.avg_value - before.avg_value
    percent = 100 * absolute / abs(before.avg_value) if before.avg_value else math.nan
    return Change(_finite(absolute), _finite(percent))


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _summary(series: _Series) -> Figures | None:
    buckets = series.aggregate.data
    if not buckets:
        return None
    count = sum(bucket.count for bucket in buckets)
    low, high = min(bucket.min_value for bucket in buckets), max(bucket.max_value for bucket in buckets)
    # Halves, so that no sum on the way is beyond what a number holds.
    mean = 2 * math.fsum(bucket.avg_value / 2 * (bucket.count / count) for bucket in buckets)
    figures = Figures(avg_value=min(max(mean, low), high), min_value=low, max_value=high, count=count)
    if series.sketches is not None:
        _add_percentiles(figures, _merged(list(series.sketches.values())))
    return figures


def _add_percentiles(figures: Figures, sketch: Sketch | None) -> None:
    """Of each the least value that so many hundredths of all lie at or below, within 1 %."""
    if sketch is None:
        figures.p50 = figures.p95 = figures.p99 = None
        return
    keys, counts = sketch
    ranks = list(accumulate(counts))

    def percentile(hundredths: int) -> float:
        value = _value(keys[bisect_left(ranks, -(-ranks[-1] * hundredths // 100))])
        return min(max(value, figures.min_value), figures.max_value)

    figures.p50, figures.p95, figures.p99 = percentile(50), percentile(95), percentile(99)


def _value(key: int) -> float:
    """The middle of what has that key."""
    if key == 0:
        return 0.0
    return math.copysign(math.exp(min((abs(key) - _ZERO_KEY - 0.5) * _LOG_GAMMA, _LARGEST_LOG)), key)


def _moment(bucket: Bucket) -> datetime:
    """When it begins."""
    return datetime.fromisoformat(bucket.timestamp)
