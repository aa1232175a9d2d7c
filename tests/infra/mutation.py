"""A stack that differs from ours in one place."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.infra.deployment import Deployment, Resource, deploy, deployed

Props = dict[str, Any]


@dataclass(frozen=True)
class Mutation:
    """change: of the inputs of those types, where the name ends so. options: of Pulumi's. addition: more resources.

    Both are changed where they were registered, since running the program once for each change takes seconds.
    """

    types: tuple[str, ...] = ()
    change: Callable[[Props], None] | None = None
    options: Callable[[Resource], Resource] | None = None
    ends_with: str = ""
    addition: Callable[[], None] | None = None

    def deploy(self, stack: str, changes: Mapping[str, object]) -> Deployment:
        """What the program registers that differs so. changes: to the stack's configuration."""
        return deploy_all([self], stack, changes)

    def changed(self, resource: Resource) -> Resource:
        """The resource, as the mutation has it."""
        if not self._is_of(resource.type, resource.name):
            return resource
        if self.options is not None:
            resource = self.options(resource)
        if self.change is None:
            return resource
        inputs = copy.deepcopy(dict(resource.inputs))
        self.change(inputs)
        secrets = frozenset(name for name in resource.secrets if inputs.get(name) == resource.inputs[name])
        return replace(resource, inputs=inputs, secrets=secrets)

    def _is_of(self, type_: str, name: str) -> bool:
        return type_.removeprefix("gcp:") in self.types and name.endswith(self.ends_with)


def deploy_all(mutations: Iterable[Mutation], stack: str, changes: Mapping[str, object]) -> Deployment:
    """What a program registers that differs in all those places. changes: to the stack's configuration."""
    ours = deployed(stack, changes)
    resources = ours.resources
    for mutation in mutations:
        resources = [mutation.changed(resource) for resource in resources]
        if mutation.addition is not None:
            resources += deploy(stack, changes, mutation.addition).resources
    return replace(ours, resources=resources)


def put(path: str, value: object) -> Callable[[Props], None]:
    """Sets an input, also one within another, in the program's spelling: settings.disk_autoresize. None removes it."""

    def change(props: Props) -> None:
        *above, last = map(registered, path.split("."))
        target = props
        for name in above:
            target = target[name]
        target.pop(last, None)
        if value is not None:
            target[last] = _registered_keys(value)

    return change


def registered(name: str) -> str:
    """An input's name as it is registered: diskAutoresize. Names in capitals are keys of maps, and stay."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest) if name.islower() else name


def _registered_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {registered(key): _registered_keys(part) for key, part in value.items()}
    return [_registered_keys(part) for part in value] if isinstance(value, list) else value
