"""What the program registers, and what a provider answers: the interface between the engine and the resources."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Declaration:
    """A resource as the program registers it.

    token: its type. inputs: plain values, secrets among them. secret: the names of inputs that hold a secret.
    """

    token: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    secret: frozenset[str]

    @property
    def resource_name(self) -> str:
        """Return the name that Google would know it by."""
        return str(self.inputs.get("name") or self.name)


@dataclass(frozen=True)
class CreatedResource:
    """outputs: properties beyond the inputs. secret: the names of those that hold a secret."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    secret: frozenset[str] = frozenset()


class Provider(Protocol):
    """Makes declared resources real."""

    async def create(self, declaration: Declaration) -> CreatedResource:
        """Return the resource once it is up. Raises DeploymentFailed with what the program has to change."""
        ...

    async def invoke(self, token: str, arguments: Mapping[str, Any]) -> tuple[Mapping[str, Any], frozenset[str]]:
        """Return a provider function's result, and the names of the secrets in it. Raises UnknownFunction."""
        ...
