"""A rule, and the list of them all."""

from collections.abc import Callable, Iterator

from tests.infra.deployment import Deployment

Rule = Callable[[Deployment], Iterator[str]]

RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """The rule is what the function's name says; it yields whatever breaks it."""
    RULES[check.__name__] = check
    return check
