"""Times as the Admin API writes them."""

from datetime import UTC, datetime

from local_cloud.google.cloud_sql.errors import invalid


def now() -> str:
    return text(datetime.now(UTC))


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse(value: str) -> datetime:
    """Raises ApiError for what is no RFC 3339 time."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid(f"{value!r} is no RFC 3339 time with an offset")
    return moment
