"""The stack's resources, as the Pulumi program declares them to the console."""

from typing import Literal

import msgspec
from msgspec import Struct

from utxoiq_persistence.errors import ConfigurationError

Kind = Literal["entry", "scheduler", "function", "database", "cache", "bucket", "service"]


class Resource(Struct, frozen=True, forbid_unknown_fields=True):
    """Describes a resource.

    Attributes:
        id: The id that other resources refer to it by.
        kind: The kind of resource.
        title: The title on the page.
        name: The name in Google Cloud.
        about: A short description.
        uses: The ids of the resources that it uses.
        members: The names of what it consists of, such as a scheduler's jobs.
        paths: The path prefixes that a function serves.
        url: The URL of a function by which the console calls it, or the one by which callers reach all.
        health: The URL of a function's health; empty if the platform does not let the console call it.
    """

    id: str
    kind: Kind
    title: str
    name: str
    about: str
    uses: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    url: str = ""
    health: str = ""


class Resources(Struct, frozen=True, forbid_unknown_fields=True):
    """Has all resources of the stack."""

    all: tuple[Resource, ...]

    def with_kind(self, *kinds: Kind) -> list[Resource]:
        """Return the resources of these kinds."""
        return [resource for resource in self.all if resource.kind in kinds]

    @property
    def functions(self) -> list[Resource]:
        """Return the functions."""
        return self.with_kind("function")

    def routed(self, path: str) -> Resource | None:
        """Return the function that serves a path, the one with the longest matching prefix; None if there is none."""
        fitting = [(len(start), one) for one in self.functions for start in one.paths if _is_below(path, start)]
        return max(fitting, key=lambda found: found[0])[1] if fitting else None


def read(text: str) -> Resources:
    """Return the resources of the variable RESOURCES. Raises ConfigurationError."""
    try:
        return Resources(msgspec.json.decode(text, type=tuple[Resource, ...]))
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"RESOURCES is not the list of resources that the Pulumi program writes: {error}"
        ) from None


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
