"""Times and durations: parsed from and formatted for Google's APIs, and formatted for readers."""

import re
from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3600, 86400
# Python parses up to six digits of a second, and Google sends up to nine.
_BEYOND_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


def parse_time(text: str) -> datetime:
    """Return the time of an RFC 3339 text. A time without an offset is in UTC. Raises ValueError."""
    moment = datetime.fromisoformat(_BEYOND_MICROSECONDS.sub(r"\1", text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def format_time(moment: datetime) -> str:
    """Return the time in UTC as Google's APIs take it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def span(seconds: float) -> str:
    """Return a duration with at most two units: `4 s`, `12 min`, `3 h 20 min`, `6 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    large, small, names = (HOUR, MINUTE, ("h", "min")) if whole < DAY else (DAY, HOUR, ("d", "h"))
    count, rest = divmod(whole, large)
    return f"{count} {names[0]} {rest // small} {names[1]}" if rest >= small else f"{count} {names[0]}"
