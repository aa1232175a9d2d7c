"""The times that can be stored and returned: in UTC, the years 1 to 9999 of RFC 3339."""

from datetime import UTC, datetime

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
OUT_OF_RANGE = "lies, in UTC, outside the years 1 to 9999"


def is_storable(value: object) -> bool:
    """Return whether the value can be stored: False only for a time that is out of range."""
    return not isinstance(value, datetime) or EARLIEST <= value <= LATEST
