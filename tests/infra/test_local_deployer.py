"""The local deployer knows every type that the program registers, in every configuration."""

import pytest
from tests.infra.test_policies import CONFIGURATIONS, deployed

import local.resources  # noqa: F401 - registers the handlers
from local.deployment import Declaration
from local.dynamic import PREFIX
from local.registry import handler_of

COMPONENTS = "utxoiq:infra:"


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_type_is_known(configuration: str) -> None:
    for found in deployed(configuration).resources:
        if not found.type.startswith((PREFIX, COMPONENTS)):
            handler_of(Declaration(found.type, found.name, found.urn, found.inputs, found.secrets))
