"""Conditions of role bindings hold where Google's would, and one that is not understood fails by name."""

from datetime import UTC, datetime

import pytest

from local_cloud.errors import DeploymentFailed
from local_cloud.google.conditions import Condition

INSTANCE, BACKUP = "sqladmin.googleapis.com/Instance", "sqladmin.googleapis.com/BackupRun"
OURS = "projects/p/instances/ours"
KEEPING = f'resource.name == "{OURS}" || resource.name.startsWith("{OURS}/backupRuns/")'
VERIFYING = f'resource.type == "{INSTANCE}" && resource.name.startsWith("{OURS}-verify-")'


@pytest.mark.parametrize(
    ("expression", "resource_type", "name", "holds"),
    [
        (KEEPING, INSTANCE, OURS, True),
        (KEEPING, BACKUP, f"{OURS}/backupRuns/1", True),
        (KEEPING, INSTANCE, f"{OURS}-2", False),
        (KEEPING, BACKUP, f"{OURS}-2/backupRuns/1", False),
        (VERIFYING, INSTANCE, f"{OURS}-verify-1", True),
        (VERIFYING, INSTANCE, OURS, False),
        (VERIFYING, BACKUP, f"{OURS}-verify-1", False),
        ('resource.name.endsWith("buckets/b")', "", "projects/p/buckets/b", True),
        ('resource.name.endsWith("buckets/b")', "", "projects/p/buckets/b/views/v", False),
    ],
)
def test_a_condition_narrows_a_role(expression: str, resource_type: str, name: str, holds: bool) -> None:
    assert Condition(expression).holds(resource_type, name) is holds


@pytest.mark.parametrize(("hour", "holds"), [(22, True), (3, True), (4, False), (21, False)])
def test_a_condition_narrows_a_role_to_hours(hour: int, holds: bool) -> None:
    prefix = 'resource.name.startsWith("exports/")'
    until = 'request.time.getHours("UTC") < 4'
    expression = f'{prefix} && request.time.getHours("UTC") >= 22 || {prefix} && {until}'
    condition = Condition(expression, lambda: datetime(2026, 1, 1, hour, 59, tzinfo=UTC))
    assert condition.holds("", "exports/1") is holds
    assert not condition.holds("", "others/1")


@pytest.mark.parametrize(
    "expression",
    ["", "true", 'request.time < timestamp("2030-01-01T00:00:00Z")', f"!({KEEPING})", f"({KEEPING})", "resource.name"],
)
def test_a_condition_that_is_not_understood_is_named(expression: str) -> None:
    with pytest.raises(DeploymentFailed, match="does not know"):
        Condition(expression)
