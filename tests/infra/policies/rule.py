"""A rule, and the list of them all: those that any stack can be held to, and those of this program."""

from collections.abc import Callable, Iterator

from tests.infra.deployment import Deployment

import utxoiq_policies

Rule = Callable[[Deployment], Iterator[str]]

RULES: dict[str, Rule] = dict(utxoiq_policies.RULES)


def rule(check: Rule) -> Rule:
    """The rule is what the function's name says; it yields whatever breaks it."""
    assert check.__name__ not in RULES
    RULES[check.__name__] = check
    return check
