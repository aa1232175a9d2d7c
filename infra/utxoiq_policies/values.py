"""Values of properties, some of which a preview cannot know yet."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any


class Unknown(Enum):
    """Stands for a value that is known only once its resource has been made: neither missing nor wrong."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


def at(inputs: Mapping[str, Any], path: str) -> Any:
    """Return a property by its path, such as settings.ipConfiguration.sslMode.

    None where it is not set, and UNKNOWN where it, or what it lies in, is unknown. A block that is a list of one is
    entered.
    """
    value: Any = inputs
    for key in path.split("."):
        if value is UNKNOWN:
            return UNKNOWN
        if isinstance(value, Sequence) and not isinstance(value, str):
            value = value[0] if value else None
        value = value.get(key) if value else None
    return value


def entries(value: Any) -> list[Mapping[str, Any]]:
    """Return those entries of a list of blocks that are known; none of a list that is not set or unknown."""
    return [] if value is None or value is UNKNOWN else [entry for entry in value if entry is not UNKNOWN]


def is_whole(value: Any) -> bool:
    """Return whether nothing in a value is unknown, at any depth."""
    if isinstance(value, Mapping):
        return all(is_whole(inner) for inner in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return all(is_whole(inner) for inner in value)
    return value is not UNKNOWN


def differs(value: Any, wanted: Any) -> bool:
    """Return whether a value is known, and another one than is wanted."""
    return value is not UNKNOWN and value != wanted


def is_below(value: Any, least: float) -> bool:
    """Return whether a number is known, and less than the least; one that is not set counts as 0."""
    return value is not UNKNOWN and float(value or 0) < least


def is_set(value: Any) -> bool:
    """Return whether a value is known, and neither None nor empty."""
    return value is not UNKNOWN and bool(value)
