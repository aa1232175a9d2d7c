"""A log entry: the body as Cloud Logging shows it, and its time in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A log entry. time: epoch seconds. at, end: where it lies in its file."""

    time: float
    at: int
    end: int
    body: Body


def parse_time(text: str) -> float:
    """Return a text's time in epoch seconds; without a zone it is UTC. Raises ValueError."""
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)).timestamp()


def format_time(time: float) -> str:
    """Return epoch seconds as Cloud Logging writes a time."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
