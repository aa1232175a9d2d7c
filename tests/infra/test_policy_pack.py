"""The rules as a CrossGuard policy pack: over what the program declares, and over what breaks them."""

import functools
import inspect
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import analyzer_pb2_grpc
from pulumi_policy import PolicyCustomTimeouts, PolicyResource, PolicyResourceOptions, StackValidationArgs
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy
from tests.infra.deployment import REPOSITORY, Deployment, deployed
from tests.infra.mutation import Mutation, put
from tests.infra.test_policies_can_fail import BROKEN, DOMAIN

from utxoiq_policies import RULES
from utxoiq_policies.pack import policies

POLICIES = {policy.name: policy for policy in policies()}
# The type, the name and the properties of a resource.
Shown = tuple[str, str, Mapping[str, Any]]
# The first of each rule.
BREAKING = {rule: (mutation, changes) for rule, mutation, changes in reversed(BROKEN) if rule in RULES}
OPTIONS = PolicyResourceOptions(
    protect=False,
    ignore_changes=[],
    delete_before_replace=None,
    aliases=[],
    custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
    additional_secret_outputs=[],
    parent=None,
)


@functools.cache
def with_a_domain() -> Deployment:
    return deployed("prod", DOMAIN)


def properties(deployment: Deployment) -> list[Shown]:
    return [(resource.type, resource.name, resource.inputs) for resource in deployment.resources]


def violations(policy: str, resources: Sequence[Shown]) -> list[str]:
    """What a policy reports, given types, names and properties as the engine gives them."""
    shown = [
        PolicyResource(type_, unknown_checking_proxy(dict(inputs)), name, name, OPTIONS, None, None, [], {})
        for type_, name, inputs in resources
    ]
    found: list[str] = []

    def report(message: str, urn: str | None = None) -> None:
        found.append(message)

    POLICIES[policy].validate(StackValidationArgs(shown), report)
    return found


def without_leaves(value: Any) -> Any:
    """A value of which nothing but the structure is known."""
    if isinstance(value, Mapping):
        return {key: without_leaves(inner) for key, inner in value.items()}
    return [without_leaves(inner) for inner in value] if isinstance(value, list) else UNKNOWN_STRING_VALUE


@pytest.mark.parametrize("policy", POLICIES)
def test_the_program_is_in_order(policy: str) -> None:
    assert violations(policy, properties(with_a_domain())) == []


@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_unknown_breaks_nothing(policy: str) -> None:
    """As a whole, and part by part."""
    known = properties(with_a_domain())
    wholly: list[Shown] = [(type_, name, dict.fromkeys(inputs, UNKNOWN_STRING_VALUE)) for type_, name, inputs in known]
    partly: list[Shown] = [(type_, name, without_leaves(inputs)) for type_, name, inputs in known]
    assert violations(policy, wholly) == violations(policy, partly) == []


@pytest.mark.parametrize("rule", RULES)
def test_a_program_that_breaks_the_rule_is_found_out(rule: str) -> None:
    mutation, changes = BREAKING[rule]
    broken = mutation.deploy("prod", changes)
    found = violations(rule.replace("_", "-"), properties(broken))
    assert found != []
    assert found == list(RULES[rule](broken))


def test_what_is_known_counts_beside_what_is_not() -> None:
    public = Mutation(("sql/databaseInstance:DatabaseInstance",), put("settings.ip_configuration.ipv4_enabled", True))
    resources = properties(public.deploy("prod", {}))
    for _, _, inputs in resources:
        if "settings" in inputs and "ipConfiguration" in inputs["settings"]:
            inputs["settings"]["ipConfiguration"]["privateNetwork"] = UNKNOWN_STRING_VALUE
    assert violations("the-database-is-private-and-takes-tls-only", resources) == ["utxoiq-prod has a public address"]


def test_the_pack_offers_each_rule_with_its_description() -> None:
    command = [sys.executable, "-u", str(REPOSITORY / "infra/policy_pack")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
                analyzer: Any = analyzer_pb2_grpc.AnalyzerStub(channel)
                offered = {policy.name: policy.description for policy in analyzer.GetAnalyzerInfo(Empty()).policies}
        finally:
            process.terminate()
    assert offered == {rule.replace("_", "-"): inspect.getdoc(check) for rule, check in RULES.items()}
    assert all(offered.values())
