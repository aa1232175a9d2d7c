"""What `pulumi preview` says of the program as shipped, run by Pulumi's own engine."""

import pytest
from tests.engine.running import Cli, operations
from tests.infra.deployment import deploy
from tests.infra.documented_commands import sequences

EVERYTHING: dict[str, str] = {
    "domain": "api.utxoiq.com",
    "replicaRegion": "us-west1",
    "deployer": "user:me@example.com",
    "serviceKey": "true",
    "alertTopic": "projects/utxoiq-prod/topics/alerts",
    "budget": "900",
    "billingAccount": "012345-6789AB-CDEF01",
    "projectNumber": "123456789012",
    "traceSampling": "0.05",
    "cachePersistence": "6h",
}


def previewed(cli: Cli, stack: str) -> int:
    """How many resources would be made; and nothing else would be done."""
    summary = operations(cli.run("preview", "--json", "--stack", stack).succeeded())
    assert summary.keys() == {"create"}
    return summary["create"]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_stack_as_shipped(cli: Cli, stack: str) -> None:
    cli.init(stack)
    assert previewed(cli, stack) == len(deploy(stack).resources) + 1, "and the stack itself"


def test_everything_switched_on_asks_google_for_nothing(cli: Cli) -> None:
    cli.init("prod")
    for key, value in EVERYTHING.items():
        cli.run("config", "set", key, value).succeeded()
    for index, operator in enumerate(("a@example.com", "b@example.com")):
        cli.run("config", "set", "--path", f"operators[{index}]", operator).succeeded()
    assert previewed(cli, "prod") > len(deploy("prod").resources) + 1
    assert cli.requested("invoke") == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("backupRegion", "us-central1", "utxoiq-persistence:backupRegion is 'us-central1': the loss of that region"),
        ("databaseDiskGb", "many", "databaseDiskGb"),
        ("deletionProtection", "perhaps", "deletionProtection"),
        ("regoin", "us-west1", "regoin is 'us-west1': there is no such key; did you mean region?"),
    ],
)
def test_a_wrong_value_is_named_without_a_traceback(cli: Cli, key: str, value: str, message: str) -> None:
    cli.init("prod")
    cli.run("config", "set", key, value)
    ended = cli.run("preview")
    assert ended.code != 0
    assert message in ended.text
    assert "Traceback" not in ended.text


@pytest.mark.parametrize("sequence", dict(sequences()))
def test_documented_commands_leave_a_stack_that_previews(cli: Cli, sequence: str) -> None:
    """By the CLI itself; its own key encrypts instead of Google's."""
    commands = dict(sequences())[sequence]
    for stack in ("dev", "prod"):
        if ("stack", "init", stack) not in {command.arguments[:3] for command in commands}:
            cli.init(stack)
    changed = "prod"
    for command in commands:
        words = list(command.arguments)
        if "--secrets-provider" in words:
            place = words.index("--secrets-provider")
            del words[place : place + 2]
        cli.run(*words).succeeded()
        if "--stack" in words:
            changed = words[words.index("--stack") + 1]
    assert previewed(cli, changed)
