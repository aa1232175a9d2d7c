"""A log entry: the body as Cloud Logging shows it, and its time in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """at, end: where it lies in its file."""

    time: float
    at: int
    end: int
    body: Body


def moment(text: str) -> float:
    """Raises ValueError. Without a zone it is UTC."""
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)).timestamp()


def stamp(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
