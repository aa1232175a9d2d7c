"""What a filter tells before any entry is read: where it can fit, since when, and which words its lines must hold."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from local_cloud.google.filters.tree import All, AnyOf, Anywhere, Call, Comparison, Literal, Node, Not
from local_cloud.google.logging.entry import Body, Entry, parse_time
from local_cloud.google.logging.matching import compile_filter
from local_cloud.google.logging.severities import NAMES, list_spellings

# Groups of words: a line holds at least one of each group, in whatever case.
Words = list[frozenset[bytes]]

# Everywhere else JSON might write a character in another way.
PLAIN = re.compile(r"[A-Za-z0-9_.@ -]{2,}")
# Fields that the lines themselves hold.
WRITTEN = frozenset({"jsonPayload", "textPayload", "labels", "trace", "spanId"})
# Fields that lack what no line names: nothing fits what is lacking.
NAMED = frozenset({"jsonPayload", "labels"})
WRITTEN_TEXTS = frozenset({"requestMethod", "requestUrl", "remoteIp"})
ALWAYS = (-math.inf, math.inf)


def decide(node: Node, constants: Body) -> bool | None:
    """Return whether all entries that have these fields in common fit: True, False, or None if it depends.

    Raises BadFilter.
    """
    match node:
        case All(parts):
            return _conjoin([decide(part, constants) for part in parts])
        case AnyOf(parts):
            either = _conjoin([_negate(decide(part, constants)) for part in parts])
            return _negate(either)
        case Not(part):
            return _negate(decide(part, constants))
        case Call():
            return compile_filter(node)(_make_entry(constants))
        case Comparison(path, _, _) if path[0] in constants:
            return compile_filter(node)(_make_entry(constants))
    return None


def find_span(node: Node) -> tuple[float, float]:
    """Return the times, in epoch seconds, between which all that fits lies."""
    match node:
        case All(parts):
            spans = [find_span(part) for part in parts]
            return max((low for low, _ in spans), default=ALWAYS[0]), min(
                (high for _, high in spans), default=ALWAYS[1]
            )
        case AnyOf(parts):
            spans = [find_span(part) for part in parts]
            return min(low for low, _ in spans), max(high for _, high in spans)
        case Comparison(("timestamp",), sign, Literal(value)) if value != "*":
            then = parse_time(value)
            return (then if sign in (">", ">=", "=", ":") else ALWAYS[0]), (
                then if sign in ("<", "<=", "=", ":") else ALWAYS[1]
            )
    return ALWAYS


def find_words(node: Node, constants: Body) -> Words:
    """Return groups of words, of each of which a line that fits holds at least one. constants: not in the lines."""
    match node:
        case All(parts):
            return [group for part in parts for group in find_words(part, constants)]
        case AnyOf(parts):
            alternatives = [find_words(part, constants) for part in parts]
            if not all(alternatives):
                return []
            return [frozenset().union(*(max(groups, key=_measure_shortest) for groups in alternatives))]
        case Comparison(("severity",), _, _):
            fitting = [name for name in NAMES if compile_filter(node)(_make_entry({"severity": name}))]
            if "DEFAULT" in fitting:
                return []  # of lines that tell none
            return [frozenset(word.lower().encode() for name in fitting for word in list_spellings(name))]
        case Comparison(("httpRequest", "status"), "=", Literal(value)) if value.isdecimal() and int(value) > 0:
            return [frozenset({value.encode()})]
        case Comparison(path, sign, Literal(value)) if _is_written(path):
            named = _find_longest_word(path[-1]) if len(path) > 1 and path[0] in NAMED else []
            return [*named, *(_find_longest_word(value) if sign in ("=", ":") else [])]
        case Anywhere(value) if not any(value.lower() in text.lower() for text in _iterate_texts(constants)):
            return _find_longest_word(value)
    return []


def may_hold(lowered: bytes, groups: Iterable[Iterable[bytes]]) -> bool:
    """Return whether bytes hold a word of each group. lowered: in lower case."""
    return all(any(word in lowered for word in group) for group in groups)


def _is_written(path: Sequence[str]) -> bool:
    return path[0] in WRITTEN or (len(path) == 2 and path[0] == "httpRequest" and path[1] in WRITTEN_TEXTS)


def _find_longest_word(value: str) -> Words:
    """Return the longest part that is written as it is. A number may be written in more than one way."""
    parts = PLAIN.findall(value)
    if not parts or value.lower() in ("true", "false", "null_value") or _is_number(value):
        return []
    return [frozenset({max(parts, key=len).lower().encode()})]


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _measure_shortest(group: frozenset[bytes]) -> int:
    return min(map(len, group))


def _conjoin(verdicts: Iterable[bool | None]) -> bool | None:
    found = set(verdicts)
    return False if False in found else None if None in found else True


def _negate(found: bool | None) -> bool | None:
    return None if found is None else not found


def _make_entry(fields: Mapping[str, Any]) -> Entry:
    return Entry(0.0, 0, 0, fields)


def _iterate_texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _iterate_texts(part)
    else:
        yield str(value)
