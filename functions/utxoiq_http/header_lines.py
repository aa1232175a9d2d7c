"""A request's headers as one value each."""

from collections.abc import Iterable

Headers = dict[bytes, bytes]


def combine(lines: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the values by their names, which are in lower case.

    Lines of one name are one list, in their order (RFC 9110, section 5.3). What takes one value alone finds that the
    list is none, and refuses it, rather than believe one of the lines.
    """
    pairs = list(lines)
    headers = dict(pairs)
    if len(headers) == len(pairs):
        return headers
    lists: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return {name: b", ".join(values) for name, values in lists.items()}
