"""Request headers, combined to one value for each name."""

from collections.abc import Iterable

Headers = dict[bytes, bytes]


def combine(lines: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the values by their names, which are in lower case.

    Lines of the same name are joined to one list, in their order (RFC 9110, section 5.3). A reader of a single value
    then refuses the list, instead of trusting one of the lines.
    """
    pairs = list(lines)
    headers = dict(pairs)
    if len(headers) == len(pairs):
        return headers
    lists: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return {name: b", ".join(values) for name, values in lists.items()}
