"""Conditions of role bindings, as far as the program's go: comparisons of a resource's type and name with texts."""

import re

from local_cloud.errors import DeploymentFailed

_COMPARISON = re.compile(
    r'resource\.(?P<equal>type|name) == "(?P<text>[^"\\]*)"|resource\.name\.startsWith\("(?P<prefix>[^"\\]*)"\)'
)


class Condition:
    """A condition in CEL: alternatives (`||`) of comparisons that hold together (`&&`), without parentheses."""

    def __init__(self, expression: str) -> None:
        """Raises DeploymentFailed for what is not known here."""
        self._alternatives = [
            [_parse(part.strip(), expression) for part in alternative.split(" && ")]
            for alternative in expression.split(" || ")
        ]

    def holds(self, resource_type: str, name: str) -> bool:
        """Return whether it holds for a resource: sqladmin.googleapis.com/Instance, projects/p/instances/i."""
        return any(
            all(_compare(comparison, resource_type, name) for comparison in alternative)
            for alternative in self._alternatives
        )


def _parse(part: str, expression: str) -> "re.Match[str]":
    comparison = _COMPARISON.fullmatch(part)
    if comparison is None:
        raise DeploymentFailed(f"the local IAM does not know {part} in the condition {expression}")
    return comparison


def _compare(comparison: "re.Match[str]", resource_type: str, name: str) -> bool:
    if comparison["prefix"] is not None:
        return name.startswith(comparison["prefix"])
    return (name if comparison["equal"] == "name" else resource_type) == comparison["text"]
