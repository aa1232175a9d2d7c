"""The policy pack, run by Pulumi's own engine over a preview, in which much is unknown."""

from tests.engine.running import Cli


def test_the_program_is_in_order_until_its_buckets_can_be_made_public(cli: Cli) -> None:
    cli.init("prod")
    preview = ("preview", "--policy-pack", str(cli.project / "infra/policy_pack"))
    assert "utxoiq-persistence@v0.1.0" in cli.run(*preview).succeeded()
    storage = cli.project / "infra/utxoiq_infra/storage.py"
    storage.write_text(storage.read_text().replace('"enforced"', '"inherited"'))
    ended = cli.run(*preview)
    assert ended.code != 0
    assert "[mandatory]  buckets-cannot-be-made-public" in ended.text
    assert ended.text.count("[mandatory]") == 3, "of each bucket, and of nothing else"
