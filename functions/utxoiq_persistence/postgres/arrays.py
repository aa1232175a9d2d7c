"""Array literals of PostgreSQL, built many times faster than pg8000 builds them for a batch of metrics."""

from collections.abc import Iterable, Sequence

import msgspec

_encode = msgspec.json.Encoder().encode


def encode_plain(values: Sequence[float] | Sequence[str]) -> str:
    """Return the array literal of finite numbers, or of texts without quotes and backslashes, as JSON writes them."""
    return "{" + _encode(values)[1:-1].decode() + "}"


def encode_texts(values: Iterable[str | None]) -> str:
    """Return the array literal of any texts, each of them quoted; None becomes NULL."""
    return "{" + ",".join(["NULL" if value is None else _quote(value) for value in values]) + "}"


def _quote(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
