"""Whether an entry fits a filter."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.filters.patterns import compile_pattern
from local_cloud.google.filters.tree import All, AnyOf, Anywhere, Call, Comparison, Literal, Node, Not
from local_cloud.google.logging.entry import Body, Entry, parse_time
from local_cloud.google.logging.fields import DEFAULTS, FieldType, find_type
from local_cloud.google.logging.language import PATTERNS, log_id
from local_cloud.google.logging.severities import ORDER

Predicate = Callable[[Entry], bool]
Test = Callable[[Any], bool]

ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ":": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
# `field:*` asks whether there is a value.
EVERY_VALUE = Literal("*", "*")
# Where a word without a field is looked for.
SEARCHED = ("textPayload", "jsonPayload", "protoPayload", "labels", "httpRequest", "resource", "logName", "trace")


def compile_filter(node: Node) -> Predicate:
    """Return what tells whether an entry fits. Raises BadFilter for fields or values that entries do not have."""
    match node:
        case All(parts):
            every = [compile_filter(part) for part in parts]
            return lambda entry: all(one(entry) for one in every)
        case AnyOf(parts):
            some = [compile_filter(part) for part in parts]
            return lambda entry: any(one(entry) for one in some)
        case Not(part):
            inner = compile_filter(part)
            return lambda entry: not inner(entry)
        case Call():
            ending = f"/logs/{quote(log_id(node), safe='')}"
            return lambda entry: str(entry.body.get("logName", "")).endswith(ending)
        case Anywhere(value):
            contained = _test_contained(value)
            return lambda entry: any(contained(entry.body[field]) for field in SEARCHED if field in entry.body)
        case Comparison():
            return _compile_comparison(node)


def find_values(body: Body, path: Sequence[str]) -> Iterator[Any]:
    """Yield a field's value, or those of each element of an array on the way; nothing where it is missing."""
    if not path:
        yield body
        return
    if isinstance(body, Mapping):
        if path[0] in body:
            yield from find_values(body[path[0]], path[1:])
    elif isinstance(body, list):
        for element in body:
            yield from find_values(element, path)


def _compile_comparison(node: Comparison) -> Predicate:
    path = node.path
    kind = find_type(path)
    if node.operator == ":" and node.value == EVERY_VALUE:
        return lambda entry: any(True for _ in find_values(entry.body, path))
    test = _compile_test(node, kind)
    if path == ("timestamp",):
        return lambda entry: test(entry.time)
    if kind is FieldType.TIME:
        return lambda entry: any(test(parse_time(value)) for value in find_values(entry.body, path))
    default = DEFAULTS.get(kind)
    if default is None:
        return lambda entry: any(test(value) for value in find_values(entry.body, path))

    def fits(entry: Entry) -> bool:
        values = list(find_values(entry.body, path))
        return any(map(test, values)) if values else test(default)

    return fits


def _compile_test(node: Comparison, kind: FieldType) -> Test:
    name, literal = ".".join(node.path), cast(Literal, node.value)
    value = literal.text
    if kind is FieldType.STRUCTURE and node.operator != ":":
        raise BadFilter(f"{name!r} is a structure: it takes ':', or the name of a field in it")
    if node.operator in PATTERNS:
        if kind not in (FieldType.TEXT, FieldType.FREE):
            raise BadFilter(f"{name!r} is no text: it takes no {node.operator}")
        return _test_pattern(name, literal.raw, negated=node.operator == "!~")
    compare = ORDERS[node.operator]
    match kind:
        case FieldType.SEVERITY:
            wanted = _parse_severity(value)
            return lambda found: compare(ORDER[str(found)], wanted)
        case FieldType.TIME:
            then = _parse_value(name, value, parse_time, "a time: 2026-01-31T12:00:00Z")
            return lambda found: compare(found, then)
        case FieldType.DURATION:
            seconds = _parse_value(name, value, _parse_seconds, "a duration: 1.5s")
            return lambda found: compare(_parse_seconds(str(found)), seconds)
        case FieldType.INTEGER:
            number = _parse_value(name, value, float, "a number")
            return lambda found: compare(float(found), number)
        case FieldType.BOOLEAN:
            truth = _parse_value(name, value, _parse_truth, "true or false")
            return lambda found: compare(found, truth)
        case FieldType.TEXT:
            return _test_text(node.operator, value)
        case _:
            return _test_contained(value) if node.operator == ":" else _test_free(node.operator, value)


def _test_text(sign: str, value: str) -> Test:
    wanted = value.lower()
    if sign == ":":
        return lambda found: wanted in str(found).lower()
    compare = ORDERS[sign]
    return lambda found: compare(str(found).lower(), wanted)


def _test_free(sign: str, value: str) -> Test:
    """Return a comparison by the type that is found; what cannot be read as one of that type does not fit."""
    compare, compare_text = ORDERS[sign], _test_text(sign, value)

    def test(found: Any) -> bool:
        if isinstance(found, list):
            return any(map(test, found))
        if isinstance(found, str):
            return compare_text(found)
        try:
            if isinstance(found, bool):
                return compare(found, _parse_truth(value))
            if isinstance(found, int | float):
                return compare(found, float(value))
        except ValueError:
            return False
        return found is None and compare(value.upper() == "NULL_VALUE", True)

    return test


def _test_contained(value: str) -> Test:
    """Return what finds a part of a text, or the whole of anything else, however deep it lies."""
    within, whole = _test_text(":", value), _test_free("=", value)

    def test(found: Any) -> bool:
        if isinstance(found, str):
            return within(found)
        if isinstance(found, Mapping):
            return any(map(test, found.values()))
        if isinstance(found, list):
            return any(map(test, found))
        return whole(found)

    return test


def _test_pattern(name: str, value: str, *, negated: bool) -> Test:
    try:
        search = compile_pattern(value).search
    except BadFilter as error:
        raise BadFilter(f"the pattern of {name!r} is {error}") from None
    return lambda found: isinstance(found, str) and (search(found) is None) == negated


def _parse_severity(value: str) -> int:
    if value.upper() in ORDER:
        return ORDER[value.upper()]
    if value.isdecimal() and int(value) % 100 == 0 and int(value) // 100 < len(ORDER):
        return int(value) // 100
    raise BadFilter(f"there is no severity {value!r}; there are: {', '.join(ORDER)}")


def _parse_value(name: str, value: str, read: Callable[[str], Any], wanted: str) -> Any:
    try:
        return read(value)
    except ValueError:
        raise BadFilter(f"{name!r} takes {wanted}, not {value!r}") from None


def _parse_truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _parse_seconds(text: str) -> float:
    units = {"ms": 1e-3, "us": 1e-6, "ns": 1e-9, "s": 1.0, "m": 60.0, "h": 3600.0}
    found = re.fullmatch(r"(-?[\d.]+)(ms|us|ns|s|m|h)", text)
    if found is None:
        raise ValueError(text)
    return float(found[1]) * units[found[2]]
