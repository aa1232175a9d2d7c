"""`PersistenceLayer` as a package: its schema, and programs outside this repository that declare it."""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.engine.running import Cli, operations
from tests.infra.deployment import PROJECT, REPOSITORY

from utxoiq_infra.package import LEFT_OUT

TYPES = {"string": "string", "integer": "integer", "boolean": "boolean", "array": "array"}
TOKEN = "utxoiq-persistence:index:PersistenceLayer"
PYTHON = """
import pulumi

class PersistenceLayer(pulumi.ComponentResource):
    functions: pulumi.Output[dict]
    adminKey: pulumi.Output[str]

    def __init__(self, name, inputs):
        super().__init__("{token}", name, {{**inputs, "functions": None, "adminKey": None}}, remote=True)

layer = PersistenceLayer("layer", {{"project": "someones-project", "backupRegion": "us-west1", "databaseDiskGb": 50}})
pulumi.export("functions", layer.functions)
pulumi.export("key", layer.adminKey)
"""


def schema(cli: Cli) -> dict[str, Any]:
    text = cli.run("package", "get-schema", str(cli.project / "infra/package")).succeeded()
    found: dict[str, Any] = json.loads(text[text.index("{\n") :])
    return found


def test_the_schema_has_every_key_of_the_configuration_with_its_type(cli: Cli) -> None:
    component = schema(cli)["resources"][TOKEN]
    inputs = component["inputProperties"]
    expected = {key: TYPES[entry["type"]] for key, entry in PROJECT["config"].items() if key not in LEFT_OUT}
    assert {key: inputs[key]["type"] for key in expected} == expected
    assert inputs.keys() - expected.keys() == {"project", "stack", "functions", "schedules"}
    assert component["requiredInputs"] == ["project"]
    for key in expected:
        assert inputs[key]["description"] == PROJECT["config"][key]["description"], key


def program(cli: Cli, description: dict[str, Any]) -> Path:
    """A program of somebody else's, beside the project."""
    folder = cli.folder / "analytics"
    folder.mkdir()
    plugin = {"name": "utxoiq-persistence", "path": str(cli.project / "infra/package")}
    described = {**description, "name": "analytics", "plugins": {"providers": [plugin]}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(described))
    cli.run("stack", "init", "theirs", folder=folder).succeeded()
    return folder


def test_another_program_deploys_it_and_the_plugin_migrates(cli: Cli, migrated: list[str]) -> None:
    folder = program(cli, {"runtime": {"name": "python", "options": {"virtualenv": sys.prefix}}})
    (folder / "__main__.py").write_text(PYTHON.format(token=TOKEN))
    cli.run("up", "--yes", "--skip-preview", folder=folder).succeeded()
    assert len(migrated) == 1
    outputs = json.loads(cli.run("stack", "output", "--json", "--show-secrets", folder=folder).succeeded())
    assert set(outputs["functions"]) >= {"feedback", "metrics"}
    assert outputs["key"].startswith("uiq_")
    assert "[secret]" in cli.run("stack", "output", folder=folder).succeeded()
    assert operations(cli.run("preview", "--json", folder=folder).succeeded()).keys() == {"same"}


def test_a_wrong_input_is_named(cli: Cli) -> None:
    folder = program(cli, {"runtime": {"name": "python", "options": {"virtualenv": sys.prefix}}})
    (folder / "__main__.py").write_text(PYTHON.format(token=TOKEN).replace('"us-west1"', '"us-central1"'))
    ended = cli.run("preview", folder=folder)
    assert ended.code != 0
    assert "backupRegion is 'us-central1': the loss of that region" in ended.text


@pytest.mark.skipif(shutil.which("pulumi-language-yaml") is None, reason="there is no `pulumi-language-yaml`")
def test_the_yaml_example_previews(cli: Cli) -> None:
    text = (REPOSITORY / "docs/component.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    folder = program(cli, yaml.safe_load(example))
    assert operations(cli.run("preview", "--json", folder=folder).succeeded()).keys() == {"create"}
