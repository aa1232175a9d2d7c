"""What must not change by accident, as text for people to review: `make snapshots` writes it anew."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.infra.deployment import Deployment, Resource, deploy

FOLDER = Path(__file__).parent / "snapshots"
STACKS = ("dev", "prod")
DIGEST = re.compile(r"[0-9a-f]{64}")
# What changes with every release, and is tested by itself.
LEFT_OUT = {"source", "secretData", "__provider", "trigger", "token", "documentation", "dashboardJson", "keepers"}


def render(deployment: Deployment) -> str:
    resources = sorted(deployment.resources, key=lambda found: (found.type, found.name))
    lines = ["# Who may do what, on what", *sorted(_bindings(resources)), "", "# Every resource"]
    for resource in resources:
        protection = " (protected)" if resource.protect else ""
        lines.append(f"{resource.type} {resource.name}{protection}")
        lines += [f"  {line}" for line in _inputs(resource)]
    outputs = (f"{name}{' (secret)' if name in deployment.secret_outputs else ''}" for name in deployment.outputs)
    return "\n".join([*lines, "", "# Outputs", *sorted(outputs)]) + "\n"


def _bindings(resources: list[Resource]) -> Iterator[str]:
    for found in resources:
        if {"role", "member"} <= found.inputs.keys():
            targets = ("name", "secretId", "bucket", "repository", "serviceAccountId", "cryptoKeyId", "project")
            target = next(found[key] for key in targets if found[key])
            condition = f" if {found['condition.expression']}" if found["condition"] else ""
            yield f"{found['member']} has {found['role']} on {target}{condition}"


def _inputs(resource: Resource) -> Iterator[str]:
    for key, value in _flat("", resource.inputs):
        if key.partition(".")[0] not in LEFT_OUT and value is not None:
            yield f"{key}: {DIGEST.sub('<digest>', json.dumps(value, ensure_ascii=False))}"


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from _flat(f"{path}.{key}" if path else key, value[key])
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, entry in enumerate(value):
            yield from _flat(f"{path}[{index}]", entry)
    else:
        yield path, value


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for stack in STACKS:
        (FOLDER / f"{stack}.txt").write_text(render(deploy(stack)))


if __name__ == "__main__":
    main()
