"""A rule that any stack can be held to, and the list of them all."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol


class Resource(Protocol):
    """What a rule reads of a resource: its name, and its properties."""

    @property
    def name(self) -> str:
        """Return the name that the program gave it."""

    def __getitem__(self, path: str) -> Any:
        """Return a property by its path, None where it is not set, values.UNKNOWN where a preview cannot tell."""


class Stack(Protocol):
    """All resources of a stack."""

    def all(self, type_: str) -> Sequence[Resource]:
        """Return the resources of a type of Google's, such as storage/bucket:Bucket."""


Rule = Callable[[Stack], Iterator[str]]

RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """Enter a rule into RULES, by its name, which says what must hold; it yields whatever breaks it."""
    RULES[check.__name__] = check
    return check
