"""The labels of a log-based metric, taken from the entries that it counts."""

import re
from collections.abc import Callable

from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.filters.patterns import Pattern, compile_pattern
from local_cloud.google.logging.entry import Entry
from local_cloud.google.logging.fields import find_type
from local_cloud.google.logging.matching import find_values

Extractor = Callable[[Entry], str]

_FORM = re.compile(r'\s*(EXTRACT|REGEXP_EXTRACT)\(\s*([\w.@-]+)\s*(?:,\s*"((?:[^"\\]|\\.)*)"\s*)?\)\s*')


def compile_extractor(text: str) -> Extractor:
    """Return what reads a label from an entry: EXTRACT(field), or REGEXP_EXTRACT(field, "with (one group)").

    Raises BadFilter.
    """
    found = _FORM.fullmatch(text)
    if found is None or (found[1] == "EXTRACT") != (found[3] is None):
        raise BadFilter(f'{text!r} is neither EXTRACT(field) nor REGEXP_EXTRACT(field, "expression")')
    path = tuple(found[2].split("."))
    find_type(path)
    pattern = _compile_group(found[3]) if found[3] is not None else None

    def extract(entry: Entry) -> str:
        value = next((str(value) for value in find_values(entry.body, path)), "")
        if pattern is None:
            return value
        match = pattern.search(value)
        return match[1] or "" if match is not None else ""

    return extract


def _compile_group(text: str) -> Pattern:
    try:
        pattern = compile_pattern(text)
    except BadFilter as error:
        raise BadFilter(f"{text!r} is {error}") from None
    if pattern.groups != 1:
        raise BadFilter(f"{text!r} takes one group, for the value")
    return pattern
