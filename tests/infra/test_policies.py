"""Every rule holds for every stack, and for configurations that nobody thinks of first.

The local deployer knows every type that the program registers in any of them.
"""

import ast
import re
from collections.abc import Iterator, Mapping

import pytest
import yaml
from tests.infra.deployment import NAME, PROJECT, REPOSITORY, deployed
from tests.infra.policies import RULES, hardening

import local_cloud.resources  # noqa: F401 - registers the handlers
from local_cloud.pulumi.declaration import Declaration
from local_cloud.pulumi.dynamic import PREFIX
from local_cloud.resources.registry import find_handler

COMPONENTS = "utxoiq:infra:"
PROGRAM = REPOSITORY / "infra/utxoiq_infra"

KEYS: Mapping[str, object] = {
    "kmsKey": "projects/keys/locations/us-central1/keyRings/ring/cryptoKeys/key",
    "backupKmsKey": "projects/keys/locations/us-east1/keyRings/ring/cryptoKeys/key",
}
CONFIGURATIONS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "local": ("local", {}),
    "dev": ("dev", {}),
    "prod": ("prod", {}),
    "with a domain": ("prod", {"domain": "api.utxoiq.com"}),
    "with an armor that only logs": ("prod", {"domain": "api.utxoiq.com", "armorEnforced": False}),
    "deployed from within the network": ("prod", {"functions": {"migrate": {"ingress": "internal"}}}),
    "with another system beside it": ("prod", {"domain": "api.utxoiq.com", "fallbackService": "old-api"}),
    "with a way in for a person": (
        "prod",
        {"breakGlass": "me@example.com", "breakGlassUntil": "2026-01-31T12:00:00Z"},
    ),
    "with a replica elsewhere": ("prod", {"replicaRegion": "us-west1"}),
    "with keys of its own": ("prod", KEYS),
    "with keys of its own, and vaults": (
        "prod",
        {**KEYS, "exportProject": "utxoiq-vault", "logsProject": "utxoiq-vault"},
    ),
    "with users of another issuer": (
        "prod",
        {
            "userIssuer": "https://login.example.com/",
            "userJwksUrl": "https://login.example.com/keys",
            "egressHosts": ["hooks.example.com"],
        },
    ),
    "reaching every host": ("prod", {"egressListed": False, "domain": "api.utxoiq.com"}),
    "with a budget": (
        "prod",
        {
            "budget": 900,
            "billingAccount": "012345-6789AB-CDEF01",
            "alertEmails": ["a@example.com"],
            "alertTopic": "projects/utxoiq-prod/topics/alerts",
        },
    ),
    "with locked retention": (
        "prod",
        {"archiveRetentionDays": 200, "backupsRetentionDays": 28, "retentionLocked": True},
    ),
    "with logs elsewhere, and keys without an end": ("prod", {"logsProject": "utxoiq-vault", "deploymentKeyDays": 0}),
    "with exports elsewhere": ("prod", {"exportProject": "utxoiq-vault", "schedules": {"export": "0 5 * * *"}}),
    "in other regions": ("prod", {"region": "europe-west1", "backupRegion": "europe-west4"}),
    "another stack of the same project": ("blue", {"auditLogs": False}),
    "dev made safe": ("dev", {"deletionProtection": True}),
    "without a console": ("prod", {"console": False}),
    "with operators": (
        "prod",
        {
            "operators": ["a@example.com", "group:b@example.com", "serviceAccount:c@example.com"],
            "deployer": "user:a@example.com",
        },
    ),
    "traced, with links to runbooks": (
        "prod",
        {"traceSampling": "0.05", "runbookUrl": "https://wiki.example.com/alerts"},
    ),
    "a cache that lasts": ("prod", {"cachePersistence": "6h", "cacheReplicas": 2}),
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
@pytest.mark.parametrize("rule", RULES)
def test_rule(rule: str, configuration: str) -> None:
    assert list(RULES[rule](deployed(*CONFIGURATIONS[configuration]))) == []


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


def test_every_control_is_documented_with_its_rule() -> None:
    named = {name for row in controls() for name in re.findall(r"`(\w+)`", row[2])}
    own = {name for name, check in RULES.items() if check.__module__ == hardening.__name__}
    assert own
    assert own <= named <= RULES.keys()


def test_production_relaxes_no_control() -> None:
    """Its file sets none of their options, and what an option switches on is on by default."""
    options = {name for row in controls() for name in re.findall(r"`(\w+)`", row[1])} & PROJECT["config"].keys()
    assert {"egressListed", "auditLogs", "databaseConnectorEnforced", "armorEnforced"} <= options
    given = yaml.safe_load((REPOSITORY / "Pulumi.prod.yaml").read_text())["config"]
    assert {key for key in options if f"{NAME}:{key}" in given} == set()
    switches = {
        key: PROJECT["config"][key]["default"] for key in options if PROJECT["config"][key]["type"] == "boolean"
    }
    # A lock of the archive is for good, and wanted by few.
    assert {key for key, is_on in switches.items() if not is_on} == {"retentionLocked"}


def controls() -> list[list[str]]:
    """The rows of the table: what, by which option, by which rule."""
    lines = (REPOSITORY / "docs/security.md").read_text().partition("## Controls of the platform")[2].splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("| ")][1:]
    return [row for row in rows if len(row) == 3 and "`" in row[2]]
