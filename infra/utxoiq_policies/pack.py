"""The rules as policies of Pulumi's CrossGuard."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import getdoc
from typing import Any

from pulumi_policy import EnforcementLevel, ReportViolation, StackValidationArgs, StackValidationPolicy
from pulumi_policy.proxy import UnknownValueError

from utxoiq_policies.rule import RULES, Rule
from utxoiq_policies.values import UNKNOWN, at


@dataclass(frozen=True)
class AnalyzedResource:
    """A resource as the engine shows it to a policy pack: its type, its name, and its properties."""

    type: str
    name: str
    properties: Mapping[str, Any]

    def __getitem__(self, path: str) -> Any:
        """Return a property by its path, as values.at does."""
        return at(self.properties, path)


@dataclass(frozen=True)
class AnalyzedStack:
    """All resources that the engine shows to a policy pack."""

    resources: Sequence[AnalyzedResource]

    def all(self, type_: str) -> list[AnalyzedResource]:
        """Return the resources of a type of Google's, such as storage/bucket:Bucket."""
        return [resource for resource in self.resources if resource.type == f"gcp:{type_}"]


def policies() -> list[StackValidationPolicy]:
    """Return a policy of each rule, mandatory, with the rule's docstring as its description."""
    return [
        StackValidationPolicy(
            name=name.replace("_", "-"),
            description=getdoc(check) or "",
            validate=_validation(check),
            enforcement_level=EnforcementLevel.MANDATORY,
        )
        for name, check in RULES.items()
    ]


def _validation(check: Rule) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def validate(args: StackValidationArgs, report_violation: ReportViolation) -> None:
        resources = [
            AnalyzedResource(found.resource_type, found.name, known_parts(found.props)) for found in args.resources
        ]
        for violation in check(AnalyzedStack(resources)):
            report_violation(violation, None)

    return validate


def known_parts(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties with UNKNOWN wherever pulumi_policy would raise UnknownValueError for an access."""
    return {key: _read(properties, key) for key in properties}


def _read(holder: Any, key: str | int) -> Any:
    try:
        value = holder[key]
    except UnknownValueError:
        return UNKNOWN
    if isinstance(value, Mapping):
        return known_parts(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_read(value, index) for index in range(len(value))]
    return value
