"""The cron expressions that Cloud Scheduler accepts."""

import re

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


def _is_field(text: str, field: tuple[int, int, tuple[str, ...]]) -> bool:
    return all(_is_item(item, field) for item in text.split(","))


def _is_item(text: str, field: tuple[int, int, tuple[str, ...]]) -> bool:
    """*, 5, 1-5, mon-fri, */10, 0-30/10."""
    match = _ITEM.fullmatch(text)
    if match is None:
        return False
    start, end, step = match.groups()
    if step is not None and (int(step) == 0 or (start != "*" and end is None)):
        return False
    if start == "*":
        return end is None
    first = _number(start, field)
    last = first if end is None else _number(end, field)
    return first is not None and last is not None and first <= last


def _number(text: str, field: tuple[int, int, tuple[str, ...]]) -> int | None:
    least, greatest, names = field
    if text in names:
        return names.index(text) + least
    return int(text) if text.isdigit() and least <= int(text) <= greatest else None
