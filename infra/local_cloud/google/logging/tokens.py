"""The words and signs of the Logging query language."""

import re
from enum import Enum, auto
from typing import NamedTuple

from local_cloud.google.logging.errors import BadFilter

MAX_LENGTH = 20_000


class Kind(Enum):
    TEXT = auto()  # quoted
    WORD = auto()  # unquoted: a name, a number, AND, OR, NOT
    SIGN = auto()
    END = auto()


class Token(NamedTuple):
    kind: Kind
    text: str
    at: int

    def __str__(self) -> str:
        return "the end" if self.kind is Kind.END else f"{self.text!r} at character {self.at + 1}"


_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
  | "(?P<text>(?:[^"\\]|\\.)*)"
  | (?P<sign>!=|=~|!~|>=|<=|[=:<>().,-])
  | (?P<word>[\w@$*&+/%{}?#|~^'](?:[\w@$*&+/%{}?#|~^'-])*)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[0-7]{3}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a"}


def tokens_of(text: str) -> list[Token]:
    """With an END. Raises BadFilter."""
    if len(text) > MAX_LENGTH:
        raise BadFilter(f"the filter has {len(text)} characters; it takes {MAX_LENGTH} at most")
    found = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            what = "a quotation mark without an end" if text[at] == '"' else repr(text[at])
            raise BadFilter(f"{what} at character {at + 1}")
        kind = match.lastgroup
        if kind == "text":
            found.append(Token(Kind.TEXT, match["text"], at))
        elif kind != "space":
            found.append(Token(Kind.SIGN if kind == "sign" else Kind.WORD, match[0], at))
        at = match.end()
    return [*found, Token(Kind.END, "", at)]


def unescaped(text: str) -> str:
    """What stands between quotation marks. Of a regular expression the escapes are its own."""

    def one(match: re.Match[str]) -> str:
        escape = match[1]
        if escape[0] in "ux" and len(escape) > 1:
            return chr(int(escape[1:], 16))
        if len(escape) == 3:
            return chr(int(escape, 8))
        return _ESCAPED.get(escape, escape)

    return _ESCAPE.sub(one, text)
