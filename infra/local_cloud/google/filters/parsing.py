"""Reads filters by the grammar in grammar.lark."""

import re
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.filters.tree import EVERYTHING, All, AnyOf, Anywhere, Call, Comparison, Literal, Node, Not

MAX_LENGTH = 20_000
# Of NOTs and groups within each other: whoever walks a tree calls itself as often.
MAX_DEPTH = 100
QUOTATION_MARKS = ('"', "'")
GRAMMAR = Path(__file__).with_name("grammar.lark")

_PART = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^."]+)', re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[0-7]{3}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a"}


class Dialect(StrEnum):
    """Whose filters they are: the grammar's rule to begin with."""

    LOGGING = "logging_filter"
    MONITORING = "monitoring_filter"


def parse(text: str, dialect: Dialect) -> Node:
    """Return a filter's tree; an empty filter chooses everything. Raises BadFilter."""
    if len(text) > MAX_LENGTH:
        raise BadFilter(f"the filter has {len(text)} characters; it takes {MAX_LENGTH} at most")
    try:
        # The tree is built as the text is read, so that no depth of nesting exhausts the stack.
        node = cast(Node, _parser().parse(text, start=dialect))
    except UnexpectedInput as error:
        raise BadFilter(_describe(error, text)) from None
    _check_depth(node)
    return node


def split_path(name: str) -> tuple[str, ...]:
    """Return the parts of a dotted name, without the quotation marks of those that have them."""
    return tuple(
        found["plain"] if found["quoted"] is None else unescape(found["quoted"]) for found in _PART.finditer(name)
    )


def unescape(text: str) -> str:
    """Return what a quoted text stands for. text: without its quotation marks."""

    def replace(match: re.Match[str]) -> str:
        escape = match[1]
        if escape[0] in "ux" and len(escape) > 1:
            return chr(int(escape[1:], 16))
        if len(escape) == 3:
            return chr(int(escape, 8))
        return _ESCAPED.get(escape, escape)

    return _ESCAPE.sub(replace, text)


@v_args(inline=True)
class _TreeBuilder(Transformer[Token, Node]):
    """Has a method for each rule of the grammar that makes a node."""

    def everything(self) -> Node:
        return EVERYTHING

    def conjunction(self, *parts: Node) -> Node:
        return All(parts)

    def disjunction(self, *parts: Node) -> Node:
        return AnyOf(parts)

    def negation(self, *children: Node | Token) -> Node:
        return Not(cast(Node, children[-1]))

    def comparison(self, name: Token, operator: Token, value: Literal | Call) -> Node:
        return Comparison(split_path(name), str(operator), value)

    def distributed_comparison(self, name: Token, operator: Token, values: Node | Literal) -> Node:
        _check_depth(values)
        return _distribute(split_path(name), str(operator), values)

    def call(self, name: Token, arguments: tuple[Literal | Call, ...]) -> Call:
        return Call(str(name), arguments)

    def arguments(self, *values: Literal | Call | None) -> tuple[Literal | Call, ...]:
        return tuple(value for value in values if value is not None)

    def anywhere(self, name: Token) -> Node:
        path = split_path(name)
        if len(path) > 1:
            raise BadFilter(f"{'.'.join(path)!r} lacks a comparison")
        return Anywhere(path[0])

    def logging_value(self, *children: Token | None) -> Literal:
        sign, name = "-" if len(children) == 2 and children[0] else "", str(children[-1])
        if name.startswith('"') and len(split_path(name)) == 1:
            return Literal(sign + unescape(name[1:-1]), sign + name[1:-1], is_quoted=True)
        return Literal(sign + ".".join(split_path(name)), sign + name)

    def text_value(self, text: Token) -> Literal:
        return Literal(unescape(text[1:-1]), text[1:-1], is_quoted=True)

    def number_value(self, number: Token) -> Literal:
        return Literal(str(number), str(number), is_number=True)

    def name_value(self, name: Token) -> Literal:
        return Literal(str(name), str(name))


def _distribute(path: tuple[str, ...], operator: str, values: Node | Literal) -> Node:
    """Compare the field with each value: `status=(401 OR 403)`."""
    match values:
        case All(parts):
            return All(tuple(_distribute(path, operator, part) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_distribute(path, operator, part) for part in parts))
        case Not(part):
            return Not(_distribute(path, operator, part))
    return Comparison(path, operator, cast(Literal, values))


def _check_depth(node: Node | Literal) -> None:
    waiting = [(node, 0)]
    while waiting:
        inner, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise BadFilter(f"the filter is nested more than {MAX_DEPTH} deep")
        parts = inner.parts if isinstance(inner, All | AnyOf) else (inner.part,) if isinstance(inner, Not) else ()
        waiting += [(part, depth + 1) for part in parts]


def _describe(error: UnexpectedInput, text: str) -> str:
    at = error.pos_in_stream or 0
    if isinstance(error, UnexpectedCharacters):
        if error.char in QUOTATION_MARKS:
            return f"a quotation mark without an end at character {at + 1}: {text[at:]}"
        return f"unexpected {error.char!r} at character {at + 1}"
    if not isinstance(error, UnexpectedToken):
        return "something is missing before the end"
    if error.token.type == "$END":
        wanted = error.accepts or set()
        return "')' is missing before the end" if "RPAR" in wanted else "something is missing before the end"
    unexpected = str(error.token)
    hint = ": a value with a colon takes quotation marks" if unexpected == ":" else ""
    return f"unexpected {unexpected!r} at character {at + 1}{hint}"


@cache
def _parser() -> Lark:
    return Lark(
        GRAMMAR.read_text(),
        start=list(Dialect),
        parser="lalr",
        lexer="contextual",
        transformer=_TreeBuilder(),
        maybe_placeholders=True,
    )
