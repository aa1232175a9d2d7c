"""The local deployer knows every type that the program registers, in every configuration."""

import ast
from collections.abc import Iterator

import pytest
from tests.infra.deployment import REPOSITORY, deployed
from tests.infra.test_policies import CONFIGURATIONS

import local_cloud.resources  # noqa: F401 - registers the handlers
from local_cloud.pulumi.declaration import Declaration
from local_cloud.pulumi.dynamic import PREFIX
from local_cloud.resources.registry import find_handler

COMPONENTS = "utxoiq:infra:"
PROGRAM = REPOSITORY / "infra/utxoiq_infra"


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_type_is_known(configuration: str) -> None:
    for found in deployed(*CONFIGURATIONS[configuration]).resources:
        if not found.type.startswith((PREFIX, COMPONENTS)):
            find_handler(Declaration(found.type, found.name, found.urn, found.inputs, found.secrets))


def test_every_resource_of_the_program_is_declared_in_some_configuration() -> None:
    """What stands behind an option that no configuration sets would be seen by no rule, and by no test here."""
    registered = {found.type.lower() for name in CONFIGURATIONS for found in deployed(*CONFIGURATIONS[name]).resources}
    declared = {f"gcp:{module}/{name}:{name}".lower() for module, name in resources_of_the_program()}
    assert len(declared) > 40
    assert sorted(declared - registered) == []


def resources_of_the_program() -> Iterator[tuple[str, str]]:
    """Yield module and class of every resource of Google's provider that the program's sources make."""
    for path in PROGRAM.rglob("*.py"):
        tree = ast.parse(path.read_bytes())
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "pulumi_gcp"
            for alias in node.names
        }
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)):
                    if module in imported and name[0].isupper() and not name.endswith("Args"):
                        yield module, name
