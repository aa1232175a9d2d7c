"""The cron expressions that Cloud Scheduler accepts."""

import re
from datetime import date, timedelta
from functools import cache
from itertools import pairwise

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# Minute, hour, day of the month, month, day of the week: the least and the greatest number, and names for them.
FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, MONTHS),
    (0, 7, DAYS),
)
_ITEM = re.compile(r"(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:/(\d+))?")


def is_cron(text: str) -> bool:
    """Return whether the text is a cron expression of five fields."""
    fields = text.lower().split()
    return len(fields) == len(FIELDS) and all(map(_is_field, fields, FIELDS))


@cache
def longest_gap(text: str) -> int:
    """Return the most seconds between two times of a cron expression; of one without any in eight years, those.

    A day fits by its number or by its weekday where both are given, as in every cron.
    """
    minutes, hours, days, months, weekdays = map(_numbers, text.lower().split(), FIELDS)
    times = sorted(60 * hour + minute for hour in hours for minute in minutes)
    by_weekday = {day % 7 for day in weekdays}
    day_text, _, weekday_text = text.split()[2:]
    first = date(2024, 1, 1)
    dates = []
    for number in range(8 * 366):
        day = first + timedelta(days=number)
        fits = (day.day in days, day.isoweekday() % 7 in by_weekday)
        is_either = "*" not in (day_text[0], weekday_text[0])
        if day.month in months and (any(fits) if is_either else all(fits)):
            dates.append(number)
    within = max((later - earlier for earlier, later in pairwise(times)), default=0)
    between = max((later - earlier for earlier, later in pairwise(dates)), default=8 * 366)
    return 60 * max(within, between * 1440 - times[-1] + times[0])


def list_hours(text: str) -> list[int]:
    """Return the hours of the day of a cron expression."""
    return sorted(_numbers(text.lower().split()[1], FIELDS[1]))


def _numbers(text: str, field: tuple[int, int, tuple[str, ...]]) -> set[int]:
    """Return the numbers that a field of a cron expression stands for. Raises ValueError."""
    found: set[int] = set()
    for item in text.split(","):
        numbers = _read(item, field)
        if numbers is None:
            raise ValueError(f"{text!r} is no field of cron")
        found |= set(numbers)
    return found


def _is_field(text: str, field: tuple[int, int, tuple[str, ...]]) -> bool:
    return all(_read(item, field) is not None for item in text.split(","))


def _read(text: str, field: tuple[int, int, tuple[str, ...]]) -> range | None:
    """Return the numbers of *, 5, 1-5, mon-fri, */10 or 0-30/10; None for anything else."""
    match = _ITEM.fullmatch(text)
    if match is None:
        return None
    start, end, step = match.groups()
    if step is not None and (int(step) == 0 or (start != "*" and end is None)):
        return None
    if start == "*":
        return None if end is not None else range(field[0], field[1] + 1, int(step or 1))
    first = _number(start, field)
    last = first if end is None else _number(end, field)
    return None if first is None or last is None or first > last else range(first, last + 1, int(step or 1))


def _number(text: str, field: tuple[int, int, tuple[str, ...]]) -> int | None:
    least, greatest, names = field
    if text in names:
        return names.index(text) + least
    return int(text) if text.isdigit() and least <= int(text) <= greatest else None
