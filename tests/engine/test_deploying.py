"""`make preview` and `make deploy`, by Pulumi's Automation API and its own engine."""

import re

from tests.engine.running import Cli


def test_a_stack_is_previewed_deployed_verified_and_then_nothing_changes(cli: Cli, migrated: list[str]) -> None:
    cli.init("dev")
    previewed = cli.deploying("preview", "--stack", "dev").succeeded()
    assert re.search(r"create +DatabaseInstance +1 +utxoiq-dev +\+53", previewed)
    assert re.search(r"in all +\d{3} +\+89", previewed)
    assert cli.resources() == []

    assert "Nothing was deployed." in cli.deploying("deploy", "--stack", "dev").text, "nobody said yes"

    deployed = cli.deploying("deploy", "--stack", "dev", "--yes").succeeded()
    assert len(migrated) == 1
    assert "The first key: pulumi stack output admin_key --show-secrets --stack dev" in deployed
    assert "Nothing changes." in cli.deploying("preview", "--stack", "dev").succeeded()

    cli.run("config", "set", "cacheMemoryGb", "2").succeeded()
    changed = cli.deploying("preview", "--stack", "dev").succeeded()
    assert re.search(r"change +Instance +1 +utxoiq-dev +\+36", changed)


def test_a_stack_that_is_not_there_is_named_with_what_makes_it(cli: Cli) -> None:
    ended = cli.deploying("preview", "--stack", "staging")
    assert ended.code == 1
    assert "there is no stack staging: pulumi stack init staging" in ended.text


def test_a_wrong_value_is_named(cli: Cli) -> None:
    cli.init("dev")
    cli.run("config", "set", "backupRegion", "us-central1").succeeded()
    ended = cli.deploying("preview", "--stack", "dev")
    assert ended.code == 1
    assert "backupRegion is 'us-central1': the loss of that region" in ended.text
    assert "Traceback" not in ended.text
