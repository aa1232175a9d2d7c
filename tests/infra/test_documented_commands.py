"""Every documented sequence of commands leaves a stack whose program runs; so do the examples beside the schema."""

import re
from collections.abc import Mapping

import pytest
import yaml
from tests.infra.deployment import NAME, REPOSITORY, deployed
from tests.infra.documented_commands import Command, Stacks, sequences
from tests.infra.policies import RULES

SEQUENCES = dict(sequences())
REGION_LOSS = SEQUENCES["docs/operations/recovery.md, Loss of the region"]


def applied(commands: list[Command]) -> Stacks:
    stacks = Stacks()
    for command in commands:
        stacks.apply(command)
    return stacks


def test_the_documents_have_sequences() -> None:
    assert len(SEQUENCES) >= 6


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_the_program_runs_after_the_documented_commands(sequence: str) -> None:
    stacks = applied(SEQUENCES[sequence])
    for stack, changes in stacks.changes.items():
        assert deployed(stack, changes, secrets=stacks.secrets.get(stack, ())).resources


def test_the_stack_in_another_region_needs_nothing_of_the_lost_one_and_takes_nothing_of_its_names() -> None:
    stacks = applied([*alerting(), *REGION_LOSS])
    lost = deployed("prod", stacks.changes["prod"], secrets=stacks.secrets["prod"])
    again = deployed("dr", stacks.changes["dr"], secrets=stacks.secrets["dr"])
    for found in again.google():
        assert found["region"] != "us-central1", found.name
        assert found["location"] != "us-central1", found.name
    names = [
        {(found.type, found.name) for found in one.google() if found.type != "gcp:projects/service:Service"}
        for one in (lost, again)
    ]
    assert not names[0] & names[1]
    audited = [one.all("projects/iAMAuditConfig:IAMAuditConfig") for one in (lost, again)]
    assert audited[0]
    assert not audited[1], "the project's audit configuration would be declared twice"
    assert [failure for rule in RULES.values() for failure in rule(again)] == []


def alerting() -> list[Command]:
    """Secrets and arrays, which a copy takes along, and a replica, over which no backup is restored."""
    replica = Command(("config", "set", "replicaRegion", "us-east1"), "", "")
    return [*SEQUENCES["docs/deployment.md, Whom alerts reach"], replica]


def test_the_stack_in_another_region_has_no_replica() -> None:
    stacks = applied([*alerting(), *REGION_LOSS])
    instances = deployed("dr", stacks.changes["dr"], secrets=stacks.secrets["dr"]).all(
        "sql/databaseInstance:DatabaseInstance"
    )
    assert [found.name for found in instances] == ["utxoiq-dr"]


def test_no_secret_depends_on_one_region() -> None:
    made = [command for commands in SEQUENCES.values() for command in commands if command.arguments[1] == "init"]
    assert made
    for command in made:
        (provider,) = (word for word in command.arguments if word.startswith("gcpkms://"))
        assert "/locations/us/" in provider


def examples() -> Mapping[str, object]:
    """The objects described in the comment above the schema."""
    text = (REPOSITORY / "Pulumi.yaml").read_text()
    lines = [line[2:] for line in text.splitlines() if re.match(r"#  ", line)]
    found: Mapping[str, object] = yaml.safe_load("\n".join(lines))
    return found


def test_the_examples_beside_the_schema_run() -> None:
    assert examples().keys() == {f"{NAME}:functions", f"{NAME}:schedules"}
    assert deployed("prod", examples()).resources


def commented(stack: str) -> dict[str, object]:
    """What a stack's file shows as a comment only."""
    text = (REPOSITORY / f"Pulumi.{stack}.yaml").read_text()
    lines = re.findall(rf"^  # ({NAME}:\w+: .+)$", text, re.MULTILINE)
    return yaml.safe_load("\n".join(lines)) or {}


@pytest.mark.parametrize("stack", ["local", "dev", "prod"])
def test_what_the_stack_files_show_in_comments_runs(stack: str) -> None:
    assert deployed(stack, commented(stack)).resources
