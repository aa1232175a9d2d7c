"""A Pulumi project on disk: where its program is, and a stack's configuration as the Pulumi CLI would read it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local_cloud.errors import DeploymentFailed


@dataclass(frozen=True)
class Project:
    """A project and one of its stacks.

    program: the folder of its __main__.py. configuration: texts, by namespace:key.
    """

    name: str
    root: Path
    program: Path
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
    """Return the project in a folder with a stack's configuration. Raises DeploymentFailed."""
    description = _load(root / "Pulumi.yaml")
    name = str(description["name"])
    defaults = {
        _qualified(key, name): declared["default"]
        for key, declared in (description.get("config") or {}).items()
        if isinstance(declared, dict) and "default" in declared
    }
    values = _load(root / f"Pulumi.{stack}.yaml").get("config") or {}
    configuration = {key: _text(key, value) for key, value in {**defaults, **values}.items()}
    return Project(name, root, root / str(description.get("main") or "."), stack, configuration)


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
