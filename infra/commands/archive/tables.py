"""The archive's tables, as this checkout lists them."""

import tomllib
from typing import Any

from commands.stack import REPOSITORY

LIST = REPOSITORY / "sql" / "columns.toml"


def listed() -> dict[str, Any]:
    """Return what the list says of each table."""
    return tomllib.loads(LIST.read_text())


def names() -> tuple[str, ...]:
    """Return the tables' names."""
    return tuple(listed())
