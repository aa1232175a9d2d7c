"""Runs the whole program against a recorded Google Cloud, and keeps every resource as it was registered."""

import asyncio
import gc
import json
import runpy
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from pulumi.runtime import rpc, set_all_config
from pulumi.runtime.mocks import MockEngine, MockMonitor, MockSettings
from pulumi.runtime.settings import SETTINGS, configure
from pulumi.runtime.stack import run_in_stack
from tests.infra.google import Google

from local_cloud.pulumi import project
from local_cloud.pulumi.settling import run_and_settle
from utxoiq_policies.values import at

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())
NAME: str = PROJECT["name"]


@dataclass(frozen=True, eq=False)
class Resource:
    """inputs: resolved. secrets: the names of those that are marked secret.

    waits_for: the URNs it depends on. comes_of: those of them that its inputs are made from.
    """

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    waits_for: frozenset[str]
    comes_of: frozenset[str]
    protect: bool

    def __getitem__(self, path: str) -> Any:
        """An input by its path, such as settings.ipConfiguration.sslMode; None where it is not set."""
        return at(self.inputs, path)


@dataclass
class Deployment:
    """configuration: as the program saw it."""

    configuration: Mapping[str, str]
    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: set[str] = field(default_factory=set)

    def all(self, type_: str) -> list[Resource]:
        """type_: of Google's, such as storage/bucket:Bucket."""
        return [resource for resource in self.resources if resource.type == f"gcp:{type_}"]

    def named(self, type_: str, name: str) -> Resource:
        (resource,) = (found for found in self.all(type_) if found.name == name)
        return resource

    def google(self) -> list[Resource]:
        return [resource for resource in self.resources if resource.type.startswith("gcp:")]

    def before(self, resource: Resource) -> list[Resource]:
        """All that exists before this resource is made."""
        by_urn = {found.urn: found for found in self.resources}
        pending, seen = [resource.urn], set[str]()
        while pending:
            later = by_urn[pending.pop()].waits_for - seen
            seen |= later
            pending += later
        return [by_urn[urn] for urn in seen]

    def setting(self, key: str) -> str:
        return self.configuration.get(key) or self.configuration[f"{NAME}:{key}"]


def program() -> None:
    runpy.run_path(str(REPOSITORY / "infra" / "__main__.py"))


def deploy(
    stack: str,
    changes: Mapping[str, object] | None = None,
    run: Callable[[], None] = program,
    *,
    preview: bool = False,
    secrets: Collection[str] = (),
) -> Deployment:
    """Raises what the program raises. changes: to the stack's configuration; None removes a key.

    secrets: those keys that are encrypted in its file.
    """
    deployment = Deployment(stack_configuration(stack, changes or {}))
    set_all_config(dict(deployment.configuration), [f"{NAME}:{key}" for key in secrets])
    recorder = _Recorder(deployment, preview)
    settings: Any = MockSettings
    configure(
        settings(
            monitor=recorder,
            monitor_features=set(recorder.GetDeploymentInfo(Empty()).supportedFeatures),
            engine=MockEngine(None),
            project=NAME,
            stack=stack,
            dry_run=preview,
            organization=None,
            callbacks=None,
        )
    )
    SETTINGS.outputs.clear()  # what another program left when it failed
    with _uncollected():
        asyncio.run(_run(run))
    return deployment


def deployed(stack: str, changes: Mapping[str, object] | None = None, *, secrets: Collection[str] = ()) -> Deployment:
    """As `deploy` returns it, run once for all tests that only look."""
    return _deployed(stack, json.dumps(changes or {}, sort_keys=True), frozenset(secrets))


@cache
def _deployed(stack: str, changes: str, secrets: frozenset[str]) -> Deployment:
    return deploy(stack, json.loads(changes), secrets=secrets)


def stack_configuration(stack: str, changes: Mapping[str, object]) -> dict[str, str]:
    like = stack if (REPOSITORY / f"Pulumi.{stack}.yaml").exists() else "prod"
    values: dict[str, Any] = dict(_written_configuration(like))
    for key, value in changes.items():
        full = key if ":" in key else f"{NAME}:{key}"
        values[full] = None if value is None else project._text(full, value)
    return {key: value for key, value in values.items() if value is not None}


@cache
def _written_configuration(stack: str) -> Mapping[str, str]:
    return project.read_project(REPOSITORY, stack).configuration


@contextmanager
def _uncollected() -> Iterator[None]:
    """A program drops little before its end: the collector would look through all that it makes again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _run(program: Callable[[], None]) -> None:
    # A recorded answer comes at once: more threads would only take turns.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    await run_in_stack(lambda: run_and_settle(program))


class _Recorder(MockMonitor):
    def __init__(self, deployment: Deployment, preview: bool) -> None:
        super().__init__(Google(preview=preview))
        self._deployment = deployment

    def GetDeploymentInfo(self, request: Any) -> Any:  # noqa: N802 - gRPC's names, here and below
        return super().GetDeploymentInfo(request)  # type: ignore[no-untyped-call]

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            inputs, secrets = _resolved(request.object)
            self._deployment.resources.append(
                Resource(
                    urn=response.urn,
                    type=request.type,
                    name=request.name,
                    inputs=inputs,
                    secrets=secrets,
                    waits_for=frozenset(request.dependencies),
                    comes_of=frozenset(urn for of in request.propertyDependencies.values() for urn in of.urns),
                    protect=request.protect,
                )
            )
            _mark_secrets(response.object, {*secrets, *request.additionalSecretOutputs})
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if "pulumi:pulumi:Stack" in request.urn:
            outputs, secrets = _resolved(request.outputs)
            self._deployment.outputs.update(outputs)
            self._deployment.secret_outputs.update(secrets)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def _mark_secrets(outputs: Any, names: set[str]) -> None:
    """As the engine does with what is declared secret, and with what is made from secret inputs."""
    for name in names & set(outputs.keys()):
        secret = {rpc._special_sig_key: rpc._special_secret_sig, "value": MessageToDict(outputs)[name]}
        outputs.update({name: secret})


def _resolved(struct: Any) -> tuple[dict[str, Any], frozenset[str]]:
    properties = rpc.deserialize_properties(struct)
    secrets = frozenset(key for key, value in properties.items() if rpc.is_rpc_secret(value))
    return {key: rpc.unwrap_rpc_secret(value) for key, value in properties.items()}, secrets
