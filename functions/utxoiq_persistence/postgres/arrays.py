"""Array literals of PostgreSQL. pg8000's own take many times as long over a batch of metrics."""

from collections.abc import Iterable, Sequence

import msgspec

_encode = msgspec.json.Encoder().encode


def of_plain(values: Sequence[float] | Sequence[str]) -> str:
    """Of what JSON writes as PostgreSQL reads it: finite numbers, and texts without quotes and backslashes."""
    return "{" + _encode(values)[1:-1].decode() + "}"


def of_texts(values: Iterable[str | None]) -> str:
    """Of any text; None is NULL."""
    return "{" + ",".join(map(_quoted, values)) + "}"


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
