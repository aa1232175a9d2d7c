"""A filter as a tree, whose leaves each dialect gives a meaning."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Literal:
    """A value as it is written.

    text: without quotation marks and escapes. raw: with its escapes, as a regular expression takes it.
    """

    text: str
    raw: str
    is_quoted: bool = False
    is_number: bool = False


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple["Literal | Call", ...]


@dataclass(frozen=True)
class Comparison:
    """A field compared with a value. path: the parts of the field's name."""

    path: tuple[str, ...]
    operator: str
    value: Literal | Call


@dataclass(frozen=True)
class Anywhere:
    """A word without a field."""

    value: str


@dataclass(frozen=True)
class Not:
    """Holds where its part does not."""

    part: "Node"


@dataclass(frozen=True)
class All:
    """Holds where all of its parts do; without parts, everywhere."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class AnyOf:
    """Holds where at least one of its parts does."""

    parts: tuple["Node", ...]


Node = Comparison | Anywhere | Call | Not | All | AnyOf
EVERYTHING = All(())
