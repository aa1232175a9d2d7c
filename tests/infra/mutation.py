"""A program that differs from ours in one place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi.runtime import register_stack_transformation
from tests.infra.deployment import program

Props = dict[str, Any]


@dataclass(frozen=True)
class Mutation:
    """change: of the inputs of those types, where the name ends so. options: of Pulumi's. addition: more resources."""

    types: tuple[str, ...] = ()
    change: Callable[[Props], None] | None = None
    options: Callable[[pulumi.ResourceOptions], None] | None = None
    ends_with: str = ""
    addition: Callable[[], None] | None = None

    def run(self) -> None:
        register_stack_transformation(self._transform)
        program()
        if self.addition is not None:
            self.addition()

    def _transform(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_.removeprefix("gcp:") not in self.types or not args.name.endswith(self.ends_with):
            return None
        if self.change is not None:
            self.change(cast("Props", args.props))
        if self.options is not None:
            self.options(args.opts)
        return pulumi.ResourceTransformationResult(props=args.props, opts=args.opts)


def run_all(mutations: Iterable[Mutation]) -> None:
    """One program that differs in all those places."""
    for mutation in mutations:
        register_stack_transformation(mutation._transform)
    program()


def put(path: str, value: object) -> Callable[[Props], None]:
    """Sets an input, also one within another: settings.tier."""

    def change(props: Props) -> None:
        *above, last = path.split(".")
        target: Any = props
        for name in above:
            target = target[name] if isinstance(target, dict) else getattr(target, name)
        if isinstance(target, dict):
            target[last] = value
        else:
            setattr(target, last, value)

    return change
