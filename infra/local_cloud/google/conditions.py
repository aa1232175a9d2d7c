"""Conditions of role bindings, as far as the program's go: a resource's type and name are compared, and the hour."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from local_cloud.errors import DeploymentFailed

_COMPARISON = re.compile(
    r'resource\.(?P<equal>type|name) == "(?P<text>[^"\\]*)"|resource\.name\.startsWith\("(?P<prefix>[^"\\]*)"\)'
    r'|resource\.name\.endsWith\("(?P<suffix>[^"\\]*)"\)'
    r'|request\.time\.getHours\("UTC"\) (?P<order>>=|<) (?P<hour>\d+)'
)


class Condition:
    """A condition in CEL: alternatives (`||`) of comparisons that hold together (`&&`), without parentheses."""

    def __init__(self, expression: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Raises DeploymentFailed for what is not known here."""
        self._now = now
        self._alternatives = [
            [_parse(part.strip(), expression) for part in alternative.split(" && ")]
            for alternative in expression.split(" || ")
        ]

    def holds(self, resource_type: str, name: str) -> bool:
        """Return whether it holds for a resource: sqladmin.googleapis.com/Instance, projects/p/instances/i."""
        hour = self._now().hour
        return any(
            all(_compare(comparison, resource_type, name, hour) for comparison in alternative)
            for alternative in self._alternatives
        )


def _parse(part: str, expression: str) -> "re.Match[str]":
    comparison = _COMPARISON.fullmatch(part)
    if comparison is None:
        raise DeploymentFailed(f"the local IAM does not know {part} in the condition {expression}")
    return comparison


def _compare(comparison: "re.Match[str]", resource_type: str, name: str, hour: int) -> bool:
    if comparison["order"] is not None:
        return (hour >= int(comparison["hour"])) == (comparison["order"] == ">=")
    if comparison["prefix"] is not None:
        return name.startswith(comparison["prefix"])
    if comparison["suffix"] is not None:
        return name.endswith(comparison["suffix"])
    return (name if comparison["equal"] == "name" else resource_type) == comparison["text"]
