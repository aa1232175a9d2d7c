"""The one spelling of times in answers: six digits and +00:00, which clients on any version of Python parse."""

from datetime import UTC, datetime


def spell(moment: datetime) -> str:
    """Return a moment, in whatever zone, as in 2026-01-31T12:00:00.000000+00:00."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
