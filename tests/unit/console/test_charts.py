"""Lines, ticks and numbers."""

import re

import pytest

from utxoiq_console import charts, moments, numbers
from utxoiq_console.charts import Limit, Line
from utxoiq_console.panels import share, total
from utxoiq_console.series import Series, Window

WINDOW = Window(0, 600, 60)


def path(points: list[tuple[float, float]]) -> str:
    return charts.draw([Line("a", points)], WINDOW, "ms", colours={}).lines[0].path


def test_a_line_goes_through_its_points() -> None:
    assert path([(0, 0), (60, 10)]) == "M0.0 120.0h0L60.0 0.0"


def test_a_gap_is_a_gap_and_a_late_point_none() -> None:
    assert path([(0, 10), (120, 10), (600, 10)]).count("M") == 2


def test_a_point_alone_is_a_dot() -> None:
    assert path([(600, 10)]) == "M600.0 0.0h0"


def test_without_points_there_is_nothing_to_draw() -> None:
    assert charts.draw([Line("a", [])], WINDOW, "ms", colours={}).is_empty


@pytest.mark.parametrize(("highest", "top"), [(0.0, 1.0), (0.7, 0.8), (7.1, 8.0), (11.0, 15.0), (99.0, 100.0)])
def test_the_scale_ends_at_a_round_number(highest: float, top: float) -> None:
    assert charts.draw([Line("a", [(0, highest)])], WINDOW, "ms", colours={}).top == pytest.approx(top)


def test_counts_have_no_halves() -> None:
    chart = charts.draw([Line("a", [(0, 1.0)])], WINDOW, "", colours={})
    assert [level.label for level in chart.levels] == ["0", "1", "2"]


def test_a_limit_is_drawn_where_lines_come_near_it() -> None:
    near = charts.draw([Line("a", [(0, 60.0)])], WINDOW, "ms", colours={}, limit=Limit(200))
    far = charts.draw([Line("a", [(0, 2.0)])], WINDOW, "ms", colours={}, limit=Limit(200))
    assert near.limit is not None
    assert near.limit.label == "200 ms"
    assert far.limit is None


def test_a_function_has_one_colour_on_every_chart() -> None:
    colours = {"backfill": 0, "feedback": 1}
    first = charts.draw([Line("feedback", [(0, 1)])], WINDOW, "ms", colours=colours)
    second = charts.draw([Line("backfill", [(0, 2)]), Line("feedback", [(0, 1)])], WINDOW, "ms", colours=colours)
    assert first.lines[0].colour == second.lines[1].colour == 1


def test_who_sees_no_lines_is_told_their_ends() -> None:
    chart = charts.draw([Line("p50", [(0, 1.0), (60, 2.5)]), Line("p95", [(60, 1200.0)])], WINDOW, "ms", colours={})
    assert chart.spoken == "p95 1.2 s; p50 2.5 ms"


def test_paths_hold_numbers_only() -> None:
    assert re.fullmatch(r"[MLh\d. ]+", path([(0, -5.0), (60, float("1e9"))]))


def test_series_are_summed_by_their_moments() -> None:
    parts = [Series({}, [(0, 1.0), (60, 2.0)]), Series({}, [(60, 3.0)])]
    assert total(parts) == [(0, 1.0), (60, 5.0)]
    assert share(parts[1:], parts) == [(0, 0.0), (60, 60.0)]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "", "0"),
        (0.0123, "ms", "0.012 ms"),
        (9.5, "ms", "9.5 ms"),
        (12.34, "/s", "12.3/s"),
        (1234.0, "ms", "1.23 s"),
        (1234.0, "", "1,234"),
        (56_700.0, "", "56.7k"),
        (2_500_000.0, "", "2.5M"),
        (0.4, "%", "0.4 %"),
        (99.6, "%", "100 %"),
    ],
)
def test_numbers_are_short(value: float, unit: str, text: str) -> None:
    assert numbers.format_with_unit(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (4, "4 s"), (125, "2 min"), (3600, "1 h"), (12_000, "3 h 20 min"), (90_000, "1 d 1 h")],
)
def test_spans_have_two_units_at_most(seconds: float, text: str) -> None:
    assert moments.span(seconds) == text


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.5+00:00"]
)
def test_moments_of_google_are_read(text: str) -> None:
    assert moments.parse_time(text).isoformat().startswith("2026-01-31T12:00:00")
