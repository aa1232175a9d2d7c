"""The documents name what there is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.infra.deployment import PROJECT, REPOSITORY, deployed
from tests.infra.policies import RULES

from utxoiq_http import problems
from utxoiq_infra.configuration.catalog import FUNCTIONS, SCHEDULES
from utxoiq_infra.configuration.settings import NAME

KEYS = set(PROJECT["config"])
# Files that the recipes have somebody make.
NOTES = {"functions/notes/main.py", "functions/utxoiq_http/endpoints/notes.py"}
EXAMPLES = {".up.sql", ".down.sql", "NNNN_name.py", "migrations/versions/NNNN_name.up.sql", *NOTES}


@pytest.mark.parametrize("document", ["deployment.md", "cost.md"])
def test_configuration_keys_exist(document: str) -> None:
    text = (REPOSITORY / "docs" / document).read_text()
    named = set(re.findall(r"pulumi config set (?:--path ')?(\w+)(?![\w:])", text)) - {"gcp"}
    named |= set(re.findall(r"`([a-z]+[A-Z]\w+)`", text))
    assert named
    assert named - KEYS - {"minInstances", "maxInstances", "allUsers"} == set()


def test_stack_outputs_exist() -> None:
    text = (REPOSITORY / "docs/deployment.md").read_text()
    named = set(re.findall(r"pulumi stack output (?:--show-secrets )?(\w+)", text))
    assert named
    assert named <= deployed("prod", {"domain": "api.example.com"}).outputs.keys()


def test_resources_are_called_so() -> None:
    text = (REPOSITORY / "docs/deployment.md").read_text()
    suffixes = {*(spec.name for spec in FUNCTIONS), *(row.name for row in SCHEDULES), "guard"}
    assert set(re.findall(r"utxoiq-prod-([a-z-]+)", text)) <= suffixes


def test_the_estimate_is_of_what_is_declared() -> None:
    text = (REPOSITORY / "docs/cost.md").read_text()
    deployment = deployed("prod")
    (database,) = deployment.all("sql/databaseInstance:DatabaseInstance")
    (cache,) = deployment.all("redis/instance:Instance")
    functions = deployment.all("cloudfunctionsv2/function:Function")
    instances = sum(int(found["serviceConfig.maxInstanceCount"]) for found in functions)
    warm = {found["buildConfig.entryPoint"]: int(found["serviceConfig.minInstanceCount"]) for found in functions}
    assert (database["settings.tier"], database["settings.diskSize"]) == ("db-custom-2-7680", 100)
    assert f"2 vCPU, 7.5 GB, {database['settings.availabilityType']} |" in text
    assert f"{int(cache['memorySizeGb'])} GB, {cache['tier']} |" in text
    assert f"{', '.join(f'{name} {count}' for name, count in sorted(warm.items()) if count)} |" in text
    assert f"are {instances} instances" in text
    checks = deployment.all("monitoring/uptimeCheckConfig:UptimeCheckConfig")
    assert f"{len(checks)} functions, 3 places" in text


def test_what_the_recipes_of_contributing_name_exists() -> None:
    """Tests, rules, files and targets: a step that is forgotten fails what the recipe says it does."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    sources = "".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"`(test_\w+)`", text))
    assert len(tests) > 25
    assert not {name for name in tests if f"def {name}(" not in sources}
    assert set(re.findall(r"rule `(\w+)`", text)) <= RULES.keys()
    targets = set(re.findall(r"^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets
    files = {f"/{path.relative_to(REPOSITORY)}" for path in files_of_the_repository()}
    named = set(re.findall(r"`([\w/.-]+\.(?:py|md|toml|yaml|sql|json))`", text)) - EXAMPLES
    assert not {name for name in named if not any(path.endswith(f"/{name}") for path in files)}


def files_of_the_repository() -> Iterator[Path]:
    for folder in ("docs", "functions", "infra", "migrations", "sql", "tests"):
        yield from (path for path in (REPOSITORY / folder).rglob("*") if path.is_file())
    yield from (path for path in REPOSITORY.iterdir() if path.is_file())


def test_local_links_lead_somewhere() -> None:
    for document in (REPOSITORY / "docs/deployment.md", REPOSITORY / "docs/cost.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            assert "://" in target or (document.parent / target).exists(), target


def test_every_object_key_is_described_beside_the_schema() -> None:
    text = (REPOSITORY / "Pulumi.yaml").read_text()
    assert f"{NAME}:functions:" in text
    assert f"{NAME}:schedules:" in text


def test_the_documented_limits_are_the_defaults() -> None:
    text = (REPOSITORY / "docs/api.md").read_text()
    found = re.search(r"A caller has ([\d,]+) requests an hour, (\d+) without credentials, and (\d+) batches", text)
    assert found is not None
    keys = ("rateLimitSignedIn", "rateLimitAnonymous", "rateLimitBatches")
    assert [int(number.replace(",", "")) for number in found.groups()] == [
        PROJECT["config"][key]["default"] for key in keys
    ]


def test_every_type_of_problem_is_in_the_catalogue() -> None:
    sources = (REPOSITORY / "functions").rglob("*.py")
    named = {kind for source in sources for kind in re.findall(r"urn:utxoiq:problem:([a-z-]+)", source.read_text())}
    named |= set(problems.CONFLICTS.values())
    catalogue = re.findall(
        r"^\| `urn:utxoiq:problem:([a-z-]+)` \|", (REPOSITORY / "docs/api.md").read_text(), re.MULTILINE
    )
    assert set(catalogue) == named
