"""Runs the runbook of an alert while its incident is open, as somebody on call would."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.documents.blocks import Block, read_blocks, read_sections
from tests.documents.shell import run_blocks
from tests.system.running import REPOSITORY, LocalStack

OPERATIONS = REPOSITORY / "docs/operations"
RUNBOOKS = OPERATIONS / "alerts"
GIVEN = "What the pages take as given"
STEPS = ("Confirm", "Do")
# What a runbook says at its end where Do ends the incident.
ENDS = "which ends it"


def read_steps(slug: str) -> list[Block]:
    """Return the blocks that are run of the runbook of this alert: those of Confirm, then those of Do."""
    return [block for block in read_blocks(find_runbook(slug)) if block.section in STEPS and block.is_run]


def find_runbook(slug: str) -> Path:
    """Return where the runbook of this alert is."""
    return RUNBOOKS / f"{slug}.md"


def says_that_it_ends_the_incident(slug: str) -> bool:
    """Return whether the runbook says that what it does ends the incident."""
    return ENDS in read_sections(find_runbook(slug))["Tried"]


def run_runbook(stack: LocalStack, slug: str, labels: Mapping[str, str] | None = None) -> None:
    """Run what the runbook has under Confirm and Do. labels: the incident's, and what Do is told by Confirm.

    Raises AssertionError.
    """
    names = {name.upper(): value for name, value in (labels or {}).items()}
    run_blocks(stack, [*_given(), *read_steps(slug)], stack.state.parent / "repository", names)


def labels_of(incident: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels of an incident, as the deployer's status has it."""
    return {**incident["resource_labels"], **incident["metric_labels"]}


def _given() -> Sequence[Block]:
    return [block for block in read_blocks(OPERATIONS / "README.md") if block.section == GIVEN and block.is_run]
