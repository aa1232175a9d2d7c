"""Lines over time as a chart: coordinates, ticks, and what a reader who sees no lines is told."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from utxoiq_console import numbers
from utxoiq_console.moments import DAY
from utxoiq_console.series import Window

WIDTH, HEIGHT = 600.0, 120.0
# Steps without a point that a line still goes across: one may be late.
LARGEST_GAP = 2.5
COLOURS = 9
TIME_TICKS = 4
_STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
_EVEN_STEPS = (2, 4, 6, 8, 10)


@dataclass(frozen=True)
class Line:
    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Limit:
    """What an alert watches for. above: whether it is bad to be above it."""

    value: float
    above: bool = True


@dataclass(frozen=True)
class Drawn:
    """path: empty of a line without points. colour: from 0 on; the same name has the same one on every chart."""

    name: str
    colour: int
    path: str
    last: str


@dataclass(frozen=True)
class Tick:
    """at: in coordinates of the chart."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """top: the value at the upper edge. start, end: the moments at the sides, in seconds since 1970."""

    lines: Sequence[Drawn]
    levels: Sequence[Tick]
    times: Sequence[Tick]
    limit: Tick | None
    top: float
    unit: str
    start: int
    end: int

    @property
    def is_empty(self) -> bool:
        return not any(line.path for line in self.lines)

    @property
    def spoken(self) -> str:
        return "; ".join(f"{line.name} {line.last}" for line in self.lines if line.path)


def draw(
    lines: Sequence[Line],
    window: Window,
    unit: str,
    *,
    colours: Mapping[str, int],
    top: float | None = None,
    limit: Limit | None = None,
) -> Chart:
    """The line that ends highest comes first. top: of the scale, where it is not the lines that give it."""
    top = top or _top(lines, unit, limit)
    coloured = [(line, _colour(line.name, index, colours)) for index, line in enumerate(lines)]
    coloured.sort(key=lambda pair: -pair[0].points[-1][1] if pair[0].points else 0.0)
    levels = [Tick(HEIGHT * (1 - part), numbers.of_unit(top * part, unit)) for part in (0.0, 0.5, 1.0)]
    reached = limit is not None and limit.value <= top
    return Chart(
        lines=[_drawn(line, colour, window, top, unit) for line, colour in coloured],
        levels=levels,
        times=_times(window),
        limit=Tick(_y(limit.value, top), numbers.of_unit(limit.value, unit)) if limit is not None and reached else None,
        top=top,
        unit=unit,
        start=round(window.start),
        end=round(window.end),
    )


def _colour(name: str, index: int, colours: Mapping[str, int]) -> int:
    return colours.get(name, index) % COLOURS


def _drawn(line: Line, colour: int, window: Window, top: float, unit: str) -> Drawn:
    if not line.points:
        return Drawn(line.name, colour, "", "")
    return Drawn(line.name, colour, _path(line.points, window, top), numbers.of_unit(line.points[-1][1], unit))


def _path(points: Sequence[tuple[float, float]], window: Window, top: float) -> str:
    """A point by itself is a line of no length, which round ends make a dot."""
    parts: list[str] = []
    before = -math.inf
    for moment, value in points:
        goes_on = moment - before <= LARGEST_GAP * window.step
        x, y = WIDTH * (moment - window.start) / (window.end - window.start), _y(value, top)
        parts.append(f"{'L' if goes_on else 'M'}{x:.1f} {y:.1f}" + ("" if goes_on else "h0"))
        before = moment
    return "".join(parts)


def _y(value: float, top: float) -> float:
    return HEIGHT * (1 - min(max(value, 0.0), top) / top)


def _top(lines: Sequence[Line], unit: str, limit: Limit | None) -> float:
    """A round number that nothing exceeds. A limit far above all lines would press them flat, and is not shown."""
    highest = max((value for line in lines for _, value in line.points), default=0.0)
    if limit is not None and limit.value <= 4 * highest:
        highest = max(highest, limit.value * 1.05)
    if highest <= 0:
        return 1.0
    if not unit:
        highest = max(highest, 2.0)  # a count, which has no halves
    magnitude = 10.0 ** math.floor(math.log10(highest))
    return next(magnitude * step for step in (_STEPS if unit else _EVEN_STEPS) if magnitude * step >= highest)


def _times(window: Window) -> list[Tick]:
    form = "%H:%M" if window.end - window.start <= DAY else "%d %b"
    length = window.end - window.start
    parts = [part / TIME_TICKS for part in range(TIME_TICKS + 1)]
    moments = [datetime.fromtimestamp(window.start + length * part, UTC) for part in parts]
    return [Tick(WIDTH * part, f"{moment:{form}}") for part, moment in zip(parts, moments, strict=True)]


def sparkline(points: Sequence[tuple[float, float]], window: Window) -> str:
    """The path of a line without axes."""
    top = max((value for _, value in points), default=0.0) or 1.0
    return _path(points, window, top)
