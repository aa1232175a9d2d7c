"""The documents name what there is."""

import re

import pytest
from tests.infra.deployment import PROJECT, REPOSITORY, deploy

from utxoiq_http import problems
from utxoiq_infra.configuration.catalog import FUNCTIONS, SCHEDULES
from utxoiq_infra.configuration.settings import NAME

KEYS = set(PROJECT["config"])


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
    assert named <= deploy("prod", {"domain": "api.example.com"}).outputs.keys()


def test_resources_are_called_so() -> None:
    text = (REPOSITORY / "docs/deployment.md").read_text()
    suffixes = {*(spec.name for spec in FUNCTIONS), *(row.name for row in SCHEDULES), "guard"}
    assert set(re.findall(r"utxoiq-prod-([a-z-]+)", text)) <= suffixes


def test_the_estimate_is_of_what_is_declared() -> None:
    text = (REPOSITORY / "docs/cost.md").read_text()
    deployment = deploy("prod")
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


def test_local_links_lead_somewhere() -> None:
    for document in (REPOSITORY / "docs/deployment.md", REPOSITORY / "docs/cost.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            assert "://" in target or (document.parent / target).exists(), target


def test_every_object_key_is_described_beside_the_schema() -> None:
    text = (REPOSITORY / "Pulumi.yaml").read_text()
    assert f"{NAME}:functions:" in text
    assert f"{NAME}:schedules:" in text


def test_every_type_of_problem_is_in_the_catalogue() -> None:
    sources = (REPOSITORY / "functions").rglob("*.py")
    named = {kind for source in sources for kind in re.findall(r"urn:utxoiq:problem:([a-z-]+)", source.read_text())}
    named |= set(problems.CONFLICTS.values())
    catalogue = re.findall(
        r"^\| `urn:utxoiq:problem:([a-z-]+)` \|", (REPOSITORY / "docs/api.md").read_text(), re.MULTILINE
    )
    assert set(catalogue) == named
