"""Times as clients write them, and those that can be stored and returned: in UTC, in the years 1 to 9999."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
OUT_OF_RANGE = "lies, in UTC, outside the years 1 to 9999"
EXPECTED = "takes a time such as 2026-01-31T12:00:00Z; one without an offset is in UTC"

_parts = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?([Zz]|[+-](\d\d):?(\d\d))?", re.ASCII
).fullmatch
_lost_plus = re.compile(r"\d{4}-\d\d-\d\d[Tt ][\d:.]+ \d\d:?\d\d", re.ASCII).fullmatch


def with_offset(text: str) -> str:
    """Return a time with its offset: that of UTC where it has none. What is no time stays as it is."""
    match = _parts(text)
    return f"{text}Z" if match is not None and match[7] is None else text


def flaw(text: str) -> str:
    """Return what is wrong with a text that is no time, in words for its sender."""
    match = _parts(text)
    if match is None:
        if _lost_plus(text):
            return "has a space in the place of its offset's sign; in a query, a + is written %2B"
        return EXPECTED
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    if second == 60:
        return "has a leap second, which cannot be stored; send the second 59, or the next one"
    if not _exists(date, year, month, day):
        return f"names a day that does not exist: {text[:10]}"
    if not _exists(time, hour, minute, second):
        return f"names a time of day that does not exist: {text[11:19]}"
    if match[8] is not None and not _exists(time, int(match[8]), int(match[9])):
        return f"has an offset that does not exist: {match[7]}"
    return OUT_OF_RANGE


def is_storable(value: object) -> bool:
    """Return whether the value can be stored: False only for a time that is out of range."""
    return not isinstance(value, datetime) or EARLIEST <= value <= LATEST


def _exists(kind: Callable[..., date | time], *parts: int) -> bool:
    try:
        kind(*parts)
    except ValueError:
        return False
    return True
