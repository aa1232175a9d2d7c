"""Which time series a filter chooses: metric.type = "…" AND resource.labels.job = starts_with("…")."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.filters.parsing import Dialect, parse, split_path
from local_cloud.google.filters.patterns import compile_pattern
from local_cloud.google.filters.tree import EVERYTHING, All, AnyOf, Anywhere, Call, Comparison, Literal, Node, Not
from local_cloud.google.monitoring.points import Identity

Predicate = Callable[[Identity], bool]
Test = Callable[[str | None], bool]

ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    ">": lambda found, bound: found > bound,
    ">=": lambda found, bound: found >= bound,
    "<": lambda found, bound: found < bound,
    "<=": lambda found, bound: found <= bound,
}
REGEX = "monitoring.regex.full_match"


@dataclass(frozen=True)
class Field:
    """What a filter compares. side: metric or resource. label: None for its type."""

    side: str
    label: str | None

    def read(self, identity: Identity) -> str | None:
        """Return the field's value; None for a label that the series lacks."""
        if self.side == "metric":
            named, labels = identity.metric_type, identity.metric_labels
        else:
            named, labels = identity.resource_type, identity.resource_labels
        if self.label is None:
            return named
        return next((value for key, value in labels if key == self.label), None)

    @classmethod
    def parse(cls, text: str) -> "Field":
        """Return the field of a dotted name. Raises BadFilter."""
        return cls.from_path(split_path(text))

    @classmethod
    def from_path(cls, path: tuple[str, ...]) -> "Field":
        """Return the field of a path: metric.type, or resource.labels.job. Raises BadFilter."""
        match path:
            case ("metric" | "resource" as side, "type"):
                return cls(side, None)
            case ("metric" | "resource" as side, "label" | "labels", label):
                return cls(side, label)
        raise BadFilter(f"{'.'.join(path)!r} is no field that the local Monitoring knows")


METRIC_TYPE = Field("metric", None)


class Filter:
    """A compiled filter. metric_types: those that it asks for by an equality."""

    def __init__(self, text: str, matches: Predicate, fields: frozenset[Field], metric_types: frozenset[str]) -> None:
        self.text = text
        self.matches = matches
        self.fields = fields
        self.metric_types = metric_types

    @classmethod
    @lru_cache(maxsize=512)
    def parse(cls, text: str) -> "Filter":
        """Return what a text chooses. Raises BadFilter."""
        node = parse(text, Dialect.MONITORING)
        if node is EVERYTHING:
            raise BadFilter("the filter is empty")
        matches = _predicate(node)
        comparisons = [(Field.from_path(one.path), one) for one in _comparisons(node)]
        metric_types = (
            literal.text
            for field, comparison in comparisons
            if field == METRIC_TYPE and comparison.operator == "="
            for literal in _equal_texts(comparison.value)
        )
        return cls(text, matches, frozenset(field for field, _ in comparisons), frozenset(metric_types))

    @property
    def metric_type(self) -> str:
        """Return the only one that it chooses. Raises BadFilter if it names none or several."""
        if len(self.metric_types) != 1:
            raise BadFilter(f"a filter of time series names one metric.type by =, this one {len(self.metric_types)}")
        return next(iter(self.metric_types))


def _comparisons(node: Node) -> Iterator[Comparison]:
    match node:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _comparisons(part)
        case Not(part):
            yield from _comparisons(part)
        case Comparison():
            yield node


def _equal_texts(value: Literal | Call) -> Iterator[Literal]:
    if isinstance(value, Literal):
        yield value
    elif value.name == "one_of":
        yield from (argument for argument in value.arguments if isinstance(argument, Literal))


def _predicate(node: Node) -> Predicate:
    match node:
        case All(parts):
            every = [_predicate(part) for part in parts]
            return lambda identity: all(one(identity) for one in every)
        case AnyOf(parts):
            some = [_predicate(part) for part in parts]
            return lambda identity: any(one(identity) for one in some)
        case Not(part):
            inner = _predicate(part)
            return lambda identity: not inner(identity)
        case Comparison(path, operator, value):
            field = Field.from_path(path)
            test = _test(operator, value)
            return lambda identity: test(field.read(identity))
        case Call(name) | Anywhere(name):
            raise BadFilter(f"{name} is not known to the local Monitoring as a filter of its own")


def _test(operator: str, value: Literal | Call) -> Test:
    if isinstance(value, Literal):
        return _compare(operator, value)
    test = _call(value)
    if operator not in ("=", "!="):
        raise BadFilter(f"{value.name} is compared by = or !=, not by {operator}")
    return test if operator == "=" else lambda found: not test(found)


def _compare(operator: str, value: Literal) -> Test:
    text = value.text
    if not (value.is_quoted or value.is_number or text in ("true", "false")):
        raise BadFilter(f"{text!r} is no value; texts stand in quotes")
    if operator == "=":
        return lambda found: found == text
    if operator == "!=":
        return lambda found: found != text
    if operator == ":":
        return lambda found: found is not None and text in found
    if operator not in ORDERS:
        raise BadFilter(f"{operator} is no comparison of the local Monitoring; {REGEX}() takes a regular expression")
    if not value.is_number:
        raise BadFilter(f"{operator} compares numbers, not {text!r}")
    compare, bound = ORDERS[operator], float(text)
    return lambda found: found is not None and _is_number(found) and compare(float(found), bound)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _call(call: Call) -> Test:
    texts = [argument.text for argument in call.arguments if isinstance(argument, Literal) and argument.is_quoted]
    if len(texts) < len(call.arguments):
        raise BadFilter(f"an argument of {call.name} is no text; texts stand in quotes")
    if call.name == "one_of":
        if not texts:
            raise BadFilter("one_of takes at least one text")
        values = frozenset(texts)
        return lambda found: found in values
    if call.name not in _FUNCTIONS:
        raise BadFilter(f"{call.name} is no function that the local Monitoring knows")
    if len(texts) != 1:
        raise BadFilter(f"{call.name} takes one text, not {len(texts)}")
    holds = _FUNCTIONS[call.name](texts[0])
    return lambda found: found is not None and holds(found)


def _matches_pattern(text: str) -> Callable[[str], bool]:
    try:
        pattern = compile_pattern(text)
    except BadFilter as error:
        raise BadFilter(f"{text!r} is {error}") from None
    return lambda found: pattern.fullmatch(found) is not None


_FUNCTIONS: Mapping[str, Callable[[str], Callable[[str], bool]]] = {
    "starts_with": lambda text: lambda found: found.startswith(text),
    "ends_with": lambda text: lambda found: found.endswith(text),
    "has_substring": lambda text: lambda found: text in found,
    REGEX: _matches_pattern,
}
