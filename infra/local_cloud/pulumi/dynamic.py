"""Dynamic resources: their provider is code of the program's own, run by Pulumi's own host for it.

What a provider made is kept in the state; it is asked again only for what its own diff finds changed.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from local_cloud.errors import DeploymentFailed
from local_cloud.processes.server import launch_command, read_tail
from local_cloud.pulumi.project import Project
from local_cloud.pulumi.values import decode, encode
from local_cloud.state import State

PREFIX = "pulumi-python:dynamic"
SECTION = "dynamic"


class DynamicProvider:
    """Runs the providers of dynamic resources; the first such resource starts it."""

    def __init__(self, project: Project, environment: Mapping[str, str], state: State, log: Path) -> None:
        self._project = project
        self._environment = environment
        self._state = state
        self._log = log
        self._starting: asyncio.Task[provider_pb2_grpc.ResourceProviderStub] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._channel: grpc.aio.Channel | None = None

    async def apply(self, urn: str, inputs: struct_pb2.Struct) -> tuple[str, struct_pb2.Struct]:
        """Create or update a resource, and return its id and properties.

        Raises DeploymentFailed with the provider's words.
        """
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        provider = await asyncio.shield(self._starting)
        old = self._state.find(SECTION, urn)
        try:
            made = await self._applied(provider, urn, inputs, old)
        except grpc.aio.AioRpcError as error:
            raise DeploymentFailed(_last_line(error.details() or str(error))) from None
        if made != old:
            self._state.put(SECTION, urn, made)
        return made["id"], _struct(made["outputs"])

    async def stop(self) -> None:
        """End the host of the providers."""
        if self._starting is not None:
            self._starting.cancel()
        if self._channel is not None:
            await self._channel.close()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _applied(
        self,
        provider: provider_pb2_grpc.ResourceProviderStub,
        urn: str,
        inputs: struct_pb2.Struct,
        old: Mapping[str, Any] | None,
    ) -> Mapping[str, Any]:
        checked = await provider.Check(
            provider_pb2.CheckRequest(urn=urn, olds=_struct(old["inputs"]) if old else None, news=inputs)
        )
        if checked.failures:
            raise DeploymentFailed("; ".join(f"{failure.property}: {failure.reason}" for failure in checked.failures))
        news = _without_secrets(checked.inputs)
        kept = json_format.MessageToDict(news)
        if old is None:
            created = await provider.Create(provider_pb2.CreateRequest(urn=urn, properties=news))
            return {"id": created.id, "inputs": kept, "outputs": json_format.MessageToDict(created.properties)}
        olds = _struct(old["outputs"])
        difference = await provider.Diff(provider_pb2.DiffRequest(id=old["id"], urn=urn, olds=olds, news=news))
        unknown = difference.changes == provider_pb2.DiffResponse.DIFF_UNKNOWN
        if difference.changes == provider_pb2.DiffResponse.DIFF_NONE or (unknown and kept == old["inputs"]):
            return old
        if difference.replaces:
            created = await provider.Create(provider_pb2.CreateRequest(urn=urn, properties=news))
            await provider.Delete(provider_pb2.DeleteRequest(id=old["id"], urn=urn, properties=olds))
            return {"id": created.id, "inputs": kept, "outputs": json_format.MessageToDict(created.properties)}
        updated = await provider.Update(provider_pb2.UpdateRequest(id=old["id"], urn=urn, olds=olds, news=news))
        return {"id": old["id"], "inputs": kept, "outputs": json_format.MessageToDict(updated.properties)}

    async def _start(self) -> provider_pb2_grpc.ResourceProviderStub:
        interpreter = self._project.runtime.dynamic_interpreter()
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *launch_command([str(interpreter), "-u", "-m", "pulumi.dynamic"], signal.SIGKILL),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._project.program,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )
        output = self._process.stdout
        port = (await output.readline()).strip().decode() if output is not None else ""
        if not port:
            raise DeploymentFailed(f"Pulumi's host of dynamic providers did not start\n{read_tail(self._log, 15)}")
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        return provider_pb2_grpc.ResourceProviderStub(self._channel)


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(values, struct_pb2.Struct())


def _without_secrets(struct: struct_pb2.Struct) -> struct_pb2.Struct:
    """Providers take plain values."""
    return encode(decode(struct).values)


def _last_line(trace: str) -> str:
    return trace.strip().rpartition("\n")[2]
