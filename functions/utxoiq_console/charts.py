"""Charts of lines over time: coordinates, ticks, and a description for screen readers."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from utxoiq_console import numbers
from utxoiq_console.moments import DAY
from utxoiq_console.series import Window

WIDTH, HEIGHT = 600.0, 120.0
# A line is drawn across a gap of up to this many steps, because a point may be late.
LARGEST_GAP = 2.5
COLOURS = 9
TIME_TICKS = 4
_STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
_EVEN_STEPS = (2, 4, 6, 8, 10)


@dataclass(frozen=True)
class Line:
    """Has the points of a line: Unix seconds and a value."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Limit:
    """Has the threshold of an alert. `above` says whether values above or below it set off the alert."""

    value: float
    above: bool = True


@dataclass(frozen=True)
class DrawnLine:
    """Has the SVG path of a line, empty if it has no points, and its last value with its unit.

    `colour` counts from 0. A name has the same colour on every chart. `points` are those of the path, with a None where
    the line has a gap.
    """

    name: str
    colour: int
    path: str
    last: str
    points: Sequence[tuple[float, float | None]]


@dataclass(frozen=True)
class Tick:
    """Marks a value or a time on an axis. `at` is in the chart's coordinates."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """Describes a chart for a template.

    `top` is the value at the upper edge; `start` and `end` are the times at the sides, in Unix seconds. `mark` is a
    time to point out, such as the opening of an incident; None if there is none.
    """

    lines: Sequence[DrawnLine]
    levels: Sequence[Tick]
    times: Sequence[Tick]
    limit: Tick | None
    top: float
    unit: str
    start: int
    end: int
    limit_value: float | None = None
    mark: int | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether no line has points."""
        return not any(line.path for line in self.lines)

    @property
    def data(self) -> str:
        """Return what a script draws the chart from, as JSON: of each line its times in seconds and its values."""
        drawn = {
            "start": self.start,
            "end": self.end,
            "top": self.top,
            "unit": self.unit,
            "limit": self.limit_value,
            "mark": self.mark,
            "lines": [
                {
                    "name": line.name,
                    "colour": line.colour,
                    "times": [round(moment) for moment, _ in line.points],
                    "values": [value if value is None else float(f"{value:.6g}") for _, value in line.points],
                }
                for line in self.lines
                if line.path
            ],
        }
        return json.dumps(drawn, separators=(",", ":"))

    @property
    def spoken(self) -> str:
        """Return the last value of each line, for screen readers."""
        return "; ".join(f"{line.name} {line.last}" for line in self.lines if line.path)


def draw(
    lines: Sequence[Line],
    window: Window,
    unit: str,
    *,
    colours: Mapping[str, int],
    top: float | None = None,
    limit: Limit | None = None,
    counts: bool = True,
    mark: float | None = None,
) -> Chart:
    """Return a chart of the lines, the one with the highest last value first.

    `top` is the upper end of the scale; by default the lines determine it. `counts` says that values without a unit
    are whole numbers.
    """
    top = top or _top(lines, unit or ("" if counts else " "), limit)
    coloured = [(line, _colour(line.name, index, colours)) for index, line in enumerate(lines)]
    coloured.sort(key=lambda pair: -pair[0].points[-1][1] if pair[0].points else 0.0)
    levels = [Tick(HEIGHT * (1 - part), numbers.format_with_unit(top * part, unit)) for part in (0.0, 0.5, 1.0)]
    reached = limit is not None and limit.value <= top
    return Chart(
        lines=[_drawn(line, colour, window, top, unit) for line, colour in coloured],
        levels=levels,
        times=_times(window),
        limit=Tick(_y(limit.value, top), numbers.format_with_unit(limit.value, unit))
        if limit is not None and reached
        else None,
        top=top,
        unit=unit,
        start=round(window.start),
        end=round(window.end),
        limit_value=limit.value if limit is not None and reached else None,
        mark=None if mark is None else round(mark),
    )


def _colour(name: str, index: int, colours: Mapping[str, int]) -> int:
    return colours.get(name, index) % COLOURS


def _drawn(line: Line, colour: int, window: Window, top: float, unit: str) -> DrawnLine:
    if not line.points:
        return DrawnLine(line.name, colour, "", "", ())
    last = numbers.format_with_unit(line.points[-1][1], unit)
    return DrawnLine(line.name, colour, _path(line.points, window, top), last, list(_with_gaps(line.points, window)))


def _with_gaps(points: Sequence[tuple[float, float]], window: Window) -> Iterator[tuple[float, float | None]]:
    before = math.inf
    for moment, value in points:
        if moment - before > LARGEST_GAP * window.step:
            yield before + window.step, None
        yield moment, value
        before = moment


def _path(points: Sequence[tuple[float, float]], window: Window, top: float) -> str:
    """Return the SVG path of a line. A single point is a line of length 0, which round line ends show as a dot."""
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
    """Return a round number that no value exceeds. A limit far above all lines is ignored: it would flatten them."""
    highest = max((value for line in lines for _, value in line.points), default=0.0)
    if limit is not None and limit.value <= 4 * highest:
        highest = max(highest, limit.value * 1.05)
    if highest <= 0:
        return 1.0
    if not unit:
        highest = max(highest, 2.0)  # a count, which is a whole number
    magnitude = 10.0 ** math.floor(math.log10(highest))
    return next(magnitude * step for step in (_STEPS if unit else _EVEN_STEPS) if magnitude * step >= highest)


def _times(window: Window) -> list[Tick]:
    form = "%H:%M" if window.end - window.start <= DAY else "%d %b"
    length = window.end - window.start
    parts = [part / TIME_TICKS for part in range(TIME_TICKS + 1)]
    moments = [datetime.fromtimestamp(window.start + length * part, UTC) for part in parts]
    return [Tick(WIDTH * part, f"{moment:{form}}") for part, moment in zip(parts, moments, strict=True)]


def sparkline(points: Sequence[tuple[float, float]], window: Window) -> str:
    """Return the SVG path of a line without axes."""
    top = max((value for _, value in points), default=0.0) or 1.0
    return _path(points, window, top)
