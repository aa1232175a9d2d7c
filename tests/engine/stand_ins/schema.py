"""What the pinned SDK of a provider knows of a resource: the inputs that it takes, and those that it must have."""

import importlib
import inspect
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

PACKAGES = {"gcp": "pulumi_gcp", "random": "pulumi_random"}
# What the SDK marks as optional for the sake of the provider's defaults, and sends itself.
ALWAYS = {"__defaults", "__internal"}


@dataclass(frozen=True)
class Inputs:
    known: frozenset[str]
    required: frozenset[str]

    def failures(self, given: Collection[str]) -> list[tuple[str, str]]:
        """The inputs that are wrong, each with what is wrong."""
        unknown = [(name, "there is no such input") for name in given if name not in self.known | ALWAYS]
        return unknown + [(name, "missing required input") for name in self.required - set(given)]


@cache
def inputs_of(token: str) -> Inputs:
    """The inputs of a type such as gcp:storage/bucket:Bucket. Raises LookupError where the SDK has no such type."""
    package, module, name = token.split(":")
    folder = module.partition("/")[0]
    path = PACKAGES[package] + ("" if folder == "index" else f".{folder}")
    arguments = getattr(importlib.import_module(path), f"{name}Args", None)
    if arguments is None:
        raise LookupError(f"{token} is no type of {path}")
    parameters = [one for one in inspect.signature(arguments).parameters.values() if one.name != "self"]
    return Inputs(
        frozenset(_wire_name(arguments, one.name) for one in parameters),
        frozenset(_wire_name(arguments, one.name) for one in parameters if one.default is inspect.Parameter.empty),
    )


def _wire_name(arguments: type, name: str) -> str:
    """As the SDK's property of that name has it: mostly in camel case, with exceptions of its own."""
    getter = getattr(arguments, name).fget
    wire: str = getattr(getter, "_pulumi_name", name)
    return wire
