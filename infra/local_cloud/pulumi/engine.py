"""Pulumi's resource monitor and engine, as far as a program speaks to them, over gRPC."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from local_cloud.errors import DeploymentFailed
from local_cloud.processes.server import ServerFailed
from local_cloud.pulumi.declaration import Declaration, Provider
from local_cloud.pulumi.dynamic import PREFIX, DynamicProvider
from local_cloud.pulumi.values import decode, encode
from local_cloud.report import Report

STACK = "pulumi:pulumi:Stack"
PROVIDERS = "pulumi:providers:"
MAX_MESSAGE = 400 * 2**20
FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
)


class Engine:
    """Serves one run of a program.

    `failed` ends with the first error; `outputs` are the stack's, secrets in plain text.
    """

    def __init__(self, provider: Provider, dynamic: DynamicProvider, report: Report, project: str, stack: str) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.outputs: Mapping[str, Any] = {}
        self.errors: list[str] = []
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE),
                ("grpc.max_send_message_length", MAX_MESSAGE),
                ("grpc.so_reuseport", 0),
            ]
        )
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(
            _Monitor(self, provider, dynamic, report, project, stack), self._server
        )
        engine_pb2_grpc.add_EngineServicer_to_server(_Log(self, report), self._server)

    async def start(self, socket: Path) -> str:
        """Listen on a socket, which nobody but the program finds, and return the address."""
        address = f"unix:{socket}"
        self._server.add_insecure_port(address)
        await self._server.start()
        return address

    async def stop(self) -> None:
        """Stop listening, and cancel what is being made."""
        await self._server.stop(None)
        if self.failed.done():
            self.failed.exception()
        else:
            self.failed.cancel()

    def fail(self, error: BaseException) -> None:
        """Fail the run with an error, unless it has failed already."""
        if not self.failed.done():
            self.failed.set_exception(error)


class _Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    def __init__(
        self, engine: Engine, provider: Provider, dynamic: DynamicProvider, report: Report, project: str, stack: str
    ) -> None:
        self._engine = engine
        self._provider = provider
        self._dynamic = dynamic
        self._report = report
        self._project = project
        self._stack = stack
        self._stack_urn = ""

    async def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return resource_pb2.DeploymentInfo(
            project=self._project,
            stack=self._stack,
            organization="organization",
            supportedFeatures=FEATURES,
        )

    async def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        urn = self._urn(request.parent, request.type, request.name)
        try:
            return await self._registered(request, urn)
        except Exception as error:
            await self._refuse(context, _named(error, f"{request.type} {request.name}"))

    async def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.urn == self._stack_urn:
            self._engine.outputs = decode(request.outputs).values
        return empty_pb2.Empty()

    async def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        try:
            answer, secret = await self._provider.invoke(request.tok, decode(request.args).values)
        except Exception as error:
            await self._refuse(context, _named(error, request.tok))
        else:
            return resource_pb2.ResourceInvokeResponse(**{"return": encode(answer, secret)})

    async def ReadResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        failure = f"{request.type} {request.name}: the local deployer has nothing that the program did not declare"
        await self._refuse(context, DeploymentFailed(failure))

    async def Call(self, request: Any, context: Any) -> Any:  # noqa: N802
        await self._refuse(context, DeploymentFailed(f"{request.tok}: the local deployer calls no resource methods"))

    async def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    async def _registered(self, request: Any, urn: str) -> Any:
        if request.type == STACK:
            self._stack_urn = urn
        if not request.custom or request.type.startswith(PROVIDERS):
            return resource_pb2.RegisterResourceResponse(urn=urn, id=request.name if request.custom else "")
        if request.type.startswith(PREFIX):
            with self._report.step(request.name):
                made_id, properties = await self._dynamic.apply(urn, request.object)
            return resource_pb2.RegisterResourceResponse(urn=urn, id=made_id, object=properties)
        inputs = decode(request.object)
        declaration = Declaration(request.type, request.name, urn, inputs.values, inputs.secret)
        made = await self._provider.create(declaration)
        secret = made.secret | inputs.secret | set(request.additionalSecretOutputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=made.id, object=encode(made.outputs, secret))

    def _urn(self, parent: str, token: str, name: str) -> str:
        if parent and f"::{STACK}::" not in parent:
            token = f"{parent.split('::')[2]}${token}"
        return f"urn:pulumi:{self._stack}::{self._project}::{token}::{name}"

    async def _refuse(self, context: Any, error: BaseException) -> None:
        self._engine.fail(error)
        await context.abort(grpc.StatusCode.UNKNOWN, str(error))


class _Log(engine_pb2_grpc.EngineServicer):
    def __init__(self, engine: Engine, report: Report) -> None:
        self._engine = engine
        self._report = report
        self._root = ""

    async def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.severity == engine_pb2.ERROR:
            self._engine.errors.append(request.message)
        elif request.severity != engine_pb2.DEBUG:
            self._report.say(request.message)
        return empty_pb2.Empty()

    async def GetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    async def SetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()


def _named(error: Exception, resource: str) -> Exception:
    """With the resource's name; what is no fault of the program or the machine keeps its traceback."""
    if isinstance(error, (DeploymentFailed, ServerFailed, OSError)):
        named = DeploymentFailed(str(error) if resource.split()[0] in str(error) else f"{resource}: {error}")
        named.__cause__ = error
        return named
    error.add_note(f"while making {resource}")
    return error
