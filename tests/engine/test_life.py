"""A stack's life under Pulumi's own engine: made, made again, changed, protected, torn down as documented."""

from tests.engine.running import Cli, operations


def up(cli: Cli) -> str:
    return cli.run("up", "--yes", "--skip-preview").succeeded()


def test_a_stack_is_made_guarded_and_torn_down_in_the_documented_order(cli: Cli, migrated: list[str]) -> None:
    cli.init("prod")
    up(cli)
    audience = "https://us-central1-utxoiq-prod.cloudfunctions.net/utxoiq-prod-migrate"
    assert migrated == [f"Bearer for {audience}"], "by the dynamic resource, in the environment that a clone has"
    made = held(cli)
    assert operations(cli.run("preview", "--json").succeeded()).keys() == {"same"}

    refused = cli.run("destroy", "--yes", "--skip-preview")
    assert "utxoiq-prod-guard" in refused.text
    assert refused.code != 0
    cli.run("destroy", "--yes", "--skip-preview", "--exclude-protected")
    assert cli.requested("delete") == []
    assert held(cli) == made

    cli.run("config", "set", "deletionProtection", "false").succeeded()
    up(cli)
    cli.run("destroy", "--yes", "--skip-preview").succeeded()
    assert held(cli) == set()
    assert len(cli.requested("delete")) > len(made) - 5, "providers and the migration are nothing of Google's"


def held(cli: Cli) -> set[str]:
    """What is there, components apart: one without resources is nothing but a heading."""
    return {found["urn"] for found in cli.resources() if found["custom"]}


def test_no_secret_is_in_the_state_in_plain(cli: Cli, migrated: list[str]) -> None:
    cli.init("prod")
    cli.run("config", "set", "--secret", "alertPagerduty", "0123456789abcdef0123456789abcdef").succeeded()
    up(cli)
    state = cli.run("stack", "export").succeeded()
    for secret in ("0123456789abcdef0123456789abcdef", "redis-password", "x" * 43, migrated[0].removeprefix("Bearer ")):
        assert secret not in state
