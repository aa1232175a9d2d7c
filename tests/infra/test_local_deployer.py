"""The local deployer knows every type that the program registers, in every configuration."""

import pytest
from tests.infra.test_policies import CONFIGURATIONS, deployed

import local_cloud.resources  # noqa: F401 - registers the handlers
from local_cloud.pulumi.declaration import Declaration
from local_cloud.pulumi.dynamic import PREFIX
from local_cloud.resources.registry import find_handler

COMPONENTS = "utxoiq:infra:"


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_type_is_known(configuration: str) -> None:
    for found in deployed(configuration).resources:
        if not found.type.startswith((PREFIX, COMPONENTS)):
            find_handler(Declaration(found.type, found.name, found.urn, found.inputs, found.secrets))
