"""The Logging query language, read: AND, OR, NOT, comparisons, words looked for anywhere, and log_id()."""

from collections.abc import Callable
from dataclasses import dataclass

from local_cloud.google.logging.errors import BadFilter
from local_cloud.google.logging.tokens import Kind, Token, tokens_of, unescaped

OPERATORS = frozenset({"=", "!=", "=~", "!~", ":", ">", ">=", "<", "<="})
PATTERNS = frozenset({"=~", "!~"})


@dataclass(frozen=True)
class Comparison:
    """path: of the field. value: as it is written, without its quotation marks."""

    path: tuple[str, ...]
    operator: str
    value: str


@dataclass(frozen=True)
class Anywhere:
    """A word without a field."""

    value: str


@dataclass(frozen=True)
class LogId:
    id: str


@dataclass(frozen=True)
class Not:
    part: "Node"


@dataclass(frozen=True)
class All:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Any:
    parts: tuple["Node", ...]


Node = Comparison | Anywhere | LogId | Not | All | Any
EVERYTHING = All(())


def parse(text: str) -> Node:
    """An empty filter chooses everything. Raises BadFilter."""
    reader = _Reader(tokens_of(text))
    return EVERYTHING if reader.next.kind is Kind.END else reader.whole()


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    def whole(self) -> Node:
        node = self._both(self._restriction)
        if self.next.kind is not Kind.END:
            raise BadFilter(f"unexpected {self.next}")
        return node

    def _both(self, leaf: Callable[[], Node]) -> Node:
        """OR binds more closely than AND, and than the AND that nobody writes."""
        parts = [self._either(leaf)]
        while True:
            if self._takes_word("AND"):
                parts.append(self._either(leaf))
            elif self.next.kind is Kind.END or self._is_sign(")"):
                return parts[0] if len(parts) == 1 else All(tuple(parts))
            else:
                parts.append(self._either(leaf))

    def _either(self, leaf: Callable[[], Node]) -> Node:
        parts = [self._one(leaf)]
        while self._takes_word("OR"):
            parts.append(self._one(leaf))
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _one(self, leaf: Callable[[], Node]) -> Node:
        if self._takes_word("NOT") or self._takes_sign("-"):
            return Not(self._one(leaf))
        if self._takes_sign("("):
            node = self._both(leaf)
            self._require(")")
            return node
        return leaf()

    def _restriction(self) -> Node:
        if self.next.kind is Kind.TEXT and not self._is_path():
            return Anywhere(self._text())
        token = self.next
        path = self._path()
        if self._is_sign("(") and len(path) == 1 and token.kind is Kind.WORD:
            return self._function(token)
        if self.next.kind is Kind.SIGN and self.next.text in OPERATORS:
            operator = self._take().text
            return self._compared(path, operator)
        if len(path) == 1:
            return Anywhere(path[0])
        raise BadFilter(f"{'.'.join(path)!r} lacks a comparison before {self.next}")

    def _compared(self, path: tuple[str, ...], operator: str) -> Node:
        def leaf() -> Node:
            return Comparison(path, operator, self._value(operator))

        if self._takes_sign("("):
            node = self._both(leaf)
            self._require(")")
            return node
        return leaf()

    def _function(self, name: Token) -> Node:
        if name.text.lower() != "log_id":
            raise BadFilter(f"the function {name.text}() is not known here; log_id() is")
        self._require("(")
        argument = self._value("=")
        self._require(")")
        return LogId(argument)

    def _is_path(self) -> bool:
        """Whether what is quoted is the name of a field."""
        following = self._tokens[self._at + 1]
        return following.kind is Kind.SIGN and following.text in OPERATORS | {"."}

    def _path(self) -> tuple[str, ...]:
        parts = [self._name()]
        while self._is_sign(".") and self._is_adjacent():
            self._take()
            parts.append(self._name())
        return tuple(parts)

    def _name(self) -> str:
        if self.next.kind is Kind.TEXT:
            return self._text()
        if self.next.kind is not Kind.WORD or self.next.text in ("AND", "OR", "NOT"):
            raise BadFilter(f"unexpected {self.next}")
        return self._take().text

    def _value(self, operator: str) -> str:
        if self.next.kind is Kind.TEXT:
            return self._take().text if operator in PATTERNS else self._text()
        sign = self._take().text if self._is_sign("-") else ""
        parts = [sign + self._name()]
        while self._is_sign(".") and self._is_adjacent():
            self._take()
            parts.append(self._name())
        if self._is_sign(":") and self._is_adjacent():
            raise BadFilter(f"unexpected {self.next}: a value with a colon takes quotation marks")
        return ".".join(parts)

    def _text(self) -> str:
        return unescaped(self._take().text)

    def _take(self) -> Token:
        token = self.next
        self._at += 1
        return token

    def _is_adjacent(self) -> bool:
        before = self._tokens[self._at - 1]
        length = len(before.text) + (2 if before.kind is Kind.TEXT else 0)
        return before.at + length == self.next.at

    def _is_sign(self, sign: str) -> bool:
        return self.next.kind is Kind.SIGN and self.next.text == sign

    def _takes_sign(self, sign: str) -> bool:
        if self._is_sign(sign):
            self._at += 1
            return True
        return False

    def _takes_word(self, word: str) -> bool:
        if self.next.kind is Kind.WORD and self.next.text == word:
            self._at += 1
            return True
        return False

    def _require(self, sign: str) -> None:
        if not self._takes_sign(sign):
            raise BadFilter(f"{sign!r} is missing before {self.next}")
