"""The language in which time series are chosen: metric.type = "…" AND resource.labels.job = starts_with("…")."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from local_cloud.google.monitoring.points import Identity

Predicate = Callable[[Identity], bool]
Test = Callable[[str | None], bool]

TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<operator>!=|>=|<=|=|>|<|:)
    |(?P<mark>[(),])
    |(?P<number>-?\d+(?:\.\d+)?(?![\w.]))
    |(?P<word>[A-Za-z_]\w*(?:\.(?:\w+|"(?:[^"\\]|\\.)*"))*)
    |(?P<minus>-)
    )""",
    re.VERBOSE,
)
END = ("end", "")
LABEL = re.compile(r"(metric|resource)\.labels?\.(?:\"(?P<quoted>[^\"]+)\"|(?P<plain>\w+))")
FUNCTIONS = ("starts_with", "ends_with", "has_substring", "one_of", "monitoring.regex.full_match")
KEYWORDS = frozenset({"AND", "OR", "NOT"})


class BadFilter(Exception):
    """A filter that Google would refuse, or that is not known here; the message says what of it."""


@dataclass(frozen=True)
class Field:
    """side: metric or resource. label: None for its type."""

    side: str
    label: str | None

    def of(self, identity: Identity) -> str | None:
        if self.side == "metric":
            named, labels = identity.metric_type, identity.metric_labels
        else:
            named, labels = identity.resource_type, identity.resource_labels
        if self.label is None:
            return named
        return next((value for key, value in labels if key == self.label), None)

    @classmethod
    def parse(cls, text: str) -> "Field":
        """Raises BadFilter."""
        if text in ("metric.type", "resource.type"):
            return cls(text.partition(".")[0], None)
        label = LABEL.fullmatch(text)
        if label is None:
            raise BadFilter(f"{text!r} is no field that the local Monitoring knows")
        return cls(label[1], label["quoted"] or label["plain"])


class Filter:
    """metric_types: those that are asked for by an equality."""

    def __init__(self, text: str, matches: Predicate, fields: frozenset[Field], metric_types: frozenset[str]) -> None:
        self.text = text
        self.matches = matches
        self.fields = fields
        self.metric_types = metric_types

    @classmethod
    @lru_cache(maxsize=512)
    def parse(cls, text: str) -> "Filter":
        """Raises BadFilter."""
        parser = _Parser(text)
        matches = parser.whole()
        return cls(text, matches, frozenset(parser.fields), frozenset(parser.metric_types))

    @property
    def metric_type(self) -> str:
        """The one that it chooses. Raises BadFilter."""
        if len(self.metric_types) != 1:
            raise BadFilter(f"a filter of time series names one metric.type by =, this one {len(self.metric_types)}")
        return next(iter(self.metric_types))


class _Parser:
    """Recursive descent: what stands side by side without a word between is ANDed."""

    def __init__(self, text: str) -> None:
        self.fields: set[Field] = set()
        self.metric_types: set[str] = set()
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def whole(self) -> Predicate:
        if self._peek() == END:
            raise BadFilter("the filter is empty")
        found = self._any()
        if self._peek() != END:
            raise BadFilter(f"{self._peek()[1]!r} is not expected in {self._text!r}")
        return found

    def _any(self) -> Predicate:
        parts = [self._all()]
        while self._word("OR"):
            parts.append(self._all())
        if len(parts) == 1:
            return parts[0]
        return lambda identity: any(part(identity) for part in parts)

    def _all(self) -> Predicate:
        parts = [self._one()]
        while self._word("AND") or self._begins():
            parts.append(self._one())
        if len(parts) == 1:
            return parts[0]
        return lambda identity: all(part(identity) for part in parts)

    def _one(self) -> Predicate:
        if self._word("NOT") or self._take("minus"):
            negated = self._one()
            return lambda identity: not negated(identity)
        if self._mark("("):
            inner = self._any()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        kind, name = self._next()
        if kind != "word" or name in KEYWORDS:
            raise BadFilter(f"{name!r} is no field of {self._text!r}")
        if self._mark("("):
            raise BadFilter(f"{name} is not known to the local Monitoring as a filter of its own")
        field = Field.parse(name)
        self.fields.add(field)
        kind, operator = self._next()
        if kind != "operator":
            raise BadFilter(f"{name} is followed by {operator!r}, not by a comparison")
        test = self._value(field, operator)
        return lambda identity: test(field.of(identity))

    def _value(self, field: Field, operator: str) -> Test:
        kind, text = self._next()
        if kind == "text" or kind == "number" or (kind == "word" and text in ("true", "false")):
            value = _unquoted(text) if kind == "text" else text
            if field == Field("metric", None) and operator == "=":
                self.metric_types.add(value)
            return _compared(operator, value, kind == "number")
        if kind != "word" or not self._mark("("):
            raise BadFilter(f"{text!r} is no value; texts stand in quotes")
        arguments = self._arguments()
        if operator not in ("=", "!="):
            raise BadFilter(f"{text} is compared by = or !=, not by {operator}")
        if field == Field("metric", None) and operator == "=" and text == "one_of":
            self.metric_types.update(arguments)
        test = _called(text, arguments)
        return test if operator == "=" else lambda value: not test(value)

    def _arguments(self) -> list[str]:
        arguments = []
        while not self._mark(")"):
            kind, text = self._next()
            if kind != "text":
                raise BadFilter(f"{text!r} is no argument; texts stand in quotes")
            arguments.append(_unquoted(text))
            if not self._mark(","):
                self._expect(")")
                break
        return arguments

    def _begins(self) -> bool:
        kind, text = self._peek()
        return kind == "minus" or (kind == "mark" and text == "(") or (kind == "word" and text != "OR")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else END

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, kind: str, text: str | None = None) -> bool:
        found, value = self._peek()
        taken = found == kind and (text is None or value == text)
        self._at += taken
        return taken

    def _word(self, word: str) -> bool:
        return self._take("word", word)

    def _mark(self, mark: str) -> bool:
        return self._take("mark", mark)

    def _expect(self, mark: str) -> None:
        if not self._mark(mark):
            raise BadFilter(f"{mark!r} is missing in {self._text!r}")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        if found is None:
            raise BadFilter(f"{text[at:].lstrip()[:20]!r} is nothing that a filter may hold")
        at = found.end()
        yield str(found.lastgroup), found[str(found.lastgroup)]


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _compared(operator: str, value: str, is_number: bool) -> Test:
    if operator == "=":
        return lambda found: found == value
    if operator == "!=":
        return lambda found: found != value
    if operator == ":":
        return lambda found: found is not None and value in found
    if not is_number:
        raise BadFilter(f"{operator} compares numbers, not {value!r}")
    bound = float(value)
    order: dict[str, Callable[[float], bool]] = {
        ">": lambda found: found > bound,
        ">=": lambda found: found >= bound,
        "<": lambda found: found < bound,
        "<=": lambda found: found <= bound,
    }
    in_order = order[operator]
    return lambda found: found is not None and _is_number(found) and in_order(float(found))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _called(name: str, arguments: Sequence[str]) -> Test:
    if name not in FUNCTIONS:
        raise BadFilter(f"{name} is no function that the local Monitoring knows")
    if name == "one_of":
        if not arguments:
            raise BadFilter("one_of takes at least one text")
        values = frozenset(arguments)
        return lambda found: found in values
    if len(arguments) != 1:
        raise BadFilter(f"{name} takes one text, not {len(arguments)}")
    wanted = arguments[0]
    if name == "monitoring.regex.full_match":
        try:
            pattern = re.compile(wanted)
        except re.error as error:
            raise BadFilter(f"{wanted!r} is no regular expression: {error}") from None
        return lambda found: found is not None and pattern.fullmatch(found) is not None
    if name == "starts_with":
        return lambda found: found is not None and found.startswith(wanted)
    if name == "ends_with":
        return lambda found: found is not None and found.endswith(wanted)
    return lambda found: found is not None and wanted in found
