"""Times as the Admin API writes them."""

from datetime import UTC, datetime

from local_cloud.google.cloud_sql.errors import invalid


def format_now() -> str:
    """Return the time now, in UTC."""
    return format_time(datetime.now(UTC))


def format_time(moment: datetime) -> str:
    """Return a time as the Admin API writes it, in UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(value: str) -> datetime:
    """Return the time of a text. Raises ApiError for what is no RFC 3339 time with an offset."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid(f"{value!r} is no RFC 3339 time with an offset")
    return moment
