"""What there is, as the program that declared it tells the console."""

from typing import Literal

import msgspec
from msgspec import Struct

from utxoiq_persistence.errors import ConfigurationError

Kind = Literal["entry", "scheduler", "function", "database", "cache", "bucket", "service"]


class Resource(Struct, frozen=True, forbid_unknown_fields=True):
    """id: by which others name it. name: the one Google knows it by. uses: the ids of what it calls.

    members: names of what it consists of. Of a function: what its paths begin with, where those are, and where its
    health is asked; of one that is closed at the platform, nowhere.
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
    all: tuple[Resource, ...]

    def of(self, *kinds: Kind) -> list[Resource]:
        return [resource for resource in self.all if resource.kind in kinds]

    @property
    def functions(self) -> list[Resource]:
        return self.of("function")

    def routed(self, path: str) -> Resource | None:
        """The function that answers a path; the longest prefix that fits is taken."""
        fitting = [(len(start), one) for one in self.functions for start in one.paths if _is_below(path, start)]
        return max(fitting, key=lambda found: found[0])[1] if fitting else None


def read(text: str) -> Resources:
    """Raises ConfigurationError."""
    try:
        return Resources(msgspec.json.decode(text, type=tuple[Resource, ...]))
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"RESOURCES takes what the Pulumi program makes of its resources: {error}") from None


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
