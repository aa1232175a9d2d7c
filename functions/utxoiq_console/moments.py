"""Moments and spans of time, from Google's form and into words."""

import re
from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3600, 86400
# Python reads six digits of a second, Google writes up to nine.
_BEYOND_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


def parsed(text: str) -> datetime:
    moment = datetime.fromisoformat(_BEYOND_MICROSECONDS.sub(r"\1", text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def written(moment: datetime) -> str:
    """As Google takes it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def span(seconds: float) -> str:
    """`4 s`, `12 min`, `3 h 20 min`, `6 d 4 h`: two units at most."""
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    large, small, names = (HOUR, MINUTE, ("h", "min")) if whole < DAY else (DAY, HOUR, ("d", "h"))
    count, rest = divmod(whole, large)
    return f"{count} {names[0]} {rest // small} {names[1]}" if rest >= small else f"{count} {names[0]}"
