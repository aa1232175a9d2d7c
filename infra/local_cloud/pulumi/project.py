"""A Pulumi project on disk: where its program is, and a stack's configuration as the Pulumi CLI would read it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local_cloud.errors import DeploymentFailed
from local_cloud.pulumi import runtime
from local_cloud.pulumi.runtime import Runtime

# Words for people, and what only the CLI's own commands and its backend read.
WITHOUT_EFFECT = {"description", "author", "website", "license", "template", "backend", "requiredPulumiVersion"}
PROJECT_KEYS = {"name", "main", "runtime", "config", "stackConfigDir"} | WITHOUT_EFFECT
# How the CLI encrypts secrets: a local stack has none.
STACK_KEYS = {"config", "secretsprovider", "encryptedkey", "encryptionsalt"}
CONFIG_KEYS = {"type", "description", "items", "default", "value", "secret"}


@dataclass(frozen=True)
class Project:
    """A project and one of its stacks.

    program: the folder of its __main__.py. configuration: texts, by namespace:key.
    """

    name: str
    root: Path
    program: Path
    runtime: Runtime
    stack: str
    configuration: Mapping[str, str]

    def configured(self, key: str) -> str | None:
        """Return the value of a key of the project's own namespace; None if it is not set."""
        return self.configuration.get(f"{self.name}:{key}")

    @property
    def cloud_project(self) -> str:
        """Return the id of the Google Cloud project. Raises DeploymentFailed if it is not set."""
        project = self.configuration.get("gcp:project")
        if not project:
            raise DeploymentFailed(f"gcp:project is not set; Pulumi.{self.stack}.yaml takes it")
        return project


def read_project(root: Path, stack: str) -> Project:
    """Return the project as Pulumi's engine reads it.

    Raises DeploymentFailed, also for an option that is not honoured here.
    """
    description = _load(root / "Pulumi.yaml")
    _refuse_unknown("Pulumi.yaml", description, PROJECT_KEYS)
    name = str(description["name"])
    file = root / str(description.get("stackConfigDir") or ".") / f"Pulumi.{stack}.yaml"
    own = _load(file)
    _refuse_unknown(file.name, own, STACK_KEYS)
    values = {_qualified(key, name): value for key, value in (own.get("config") or {}).items()}
    configuration = {key: _text(key, value) for key, value in {**_declared(description, name), **values}.items()}
    program = root / str(description.get("main") or ".")
    found = runtime.from_description(description.get("runtime", "python"), root, program)
    return Project(name, root, program, found, stack, configuration)


def _declared(description: Mapping[str, Any], project: str) -> dict[str, Any]:
    """What the project itself gives each key: a plain value, or a schema's `value` or `default`."""
    declared: dict[str, Any] = {}
    for key, entry in (description.get("config") or {}).items():
        schema = entry if isinstance(entry, dict) else {"value": entry}
        _refuse_unknown(f"config.{key} of Pulumi.yaml", schema, CONFIG_KEYS)
        for source in ("default", "value"):
            if source in schema:
                declared[_qualified(key, project)] = schema[source]
    return declared


def _refuse_unknown(where: str, found: Mapping[str, Any], known: set[str]) -> None:
    for key in found:
        if key not in known:
            raise DeploymentFailed(f"{where} sets {key}, which the local deployer does not honour")


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise DeploymentFailed(f"{path} is missing") from None
    except yaml.YAMLError as error:
        raise DeploymentFailed(f"{path}: {error}") from None
    return content or {}


def _qualified(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _text(key: str, value: object) -> str:
    if isinstance(value, dict) and value.keys() == {"secure"}:
        raise DeploymentFailed(f"{key} is encrypted for the Pulumi CLI; a local stack takes plain values")
    return value if isinstance(value, str) else json.dumps(value)
