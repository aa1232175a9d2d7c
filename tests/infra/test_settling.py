"""Who waits for all that a program began makes of it what Pulumi alone makes of it, errors included."""

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import pulumi
import pytest
from pulumi.runtime.stack import run_in_stack
from pulumi_gcp import projects
from tests.infra import deployment
from tests.infra.deployment import Deployment, Resource, deploy, deployed


def test_what_is_registered_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = deployed("dev")
    monkeypatch.setattr(deployment, "_run", run_in_stack)
    usual = deploy("dev")
    assert ours.resources
    assert registered(ours) == registered(usual)
    assert (ours.outputs, ours.secret_outputs) == (usual.outputs, usual.secret_outputs)


def registered(made: Deployment) -> dict[str, Any]:
    return {found.urn: plain(found) for found in made.resources}


def plain(resource: Resource) -> Any:
    """Its fields, with assets and archives as what they are made of."""
    return [contents(value) for value in astuple(resource)]


def contents(value: Any) -> Any:
    match value:
        case dict():
            return {key: contents(part) for key, part in value.items()}
        case list():
            return [contents(part) for part in value]
        case pulumi.Asset() | pulumi.Archive():
            return contents(vars(value))
    return value


def circular() -> None:
    class Own(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("tests:infra:Own", "own")
            service("waits", opts=pulumi.ResourceOptions(parent=self, depends_on=[self]))

    Own()


def wrong_input() -> None:
    service("later", named=service("first").service.apply(lambda name: name[99]))


def wrong_output() -> None:
    service("first").service.apply(lambda name: name[99])


def wrong_at_once() -> None:
    service("first")
    raise LookupError("at once")


def service(name: str, named: pulumi.Input[str] = "sqladmin", opts: pulumi.ResourceOptions | None = None) -> Any:
    return projects.Service(name, project="utxoiq", service=named, opts=opts)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (circular, pytest.raises(RuntimeError, match="circular dependency")),
        (wrong_input, pytest.raises(IndexError)),
        (wrong_output, pytest.raises(IndexError)),
        (wrong_at_once, pytest.raises(LookupError, match="at once")),
    ],
)
def test_what_is_wrong_with_a_program_is_raised(program: Callable[[], None], error: Any) -> None:
    with error:
        deploy("dev", run=program)
