"""Stands for Google's cloud, and for the random provider, behind Pulumi's own engine.

Inputs are checked against the pinned SDK; what a resource answers is what tests/infra knows of Google. Every request is
a line of JSON in the file that STAND_IN_LOG names. STAND_IN_URL is where functions answer.
"""

import json
import os
import sys
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict, ParseDict  # type: ignore[import-untyped]
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc
from tests.engine.stand_ins.schema import inputs_of
from tests.engine.stand_ins.server import serve
from tests.infra.google import CALLS, OUTPUTS

FUNCTION = "gcp:cloudfunctionsv2/function:Function"
# A change of these makes a resource anew.
IDENTITY = {
    "name",
    "accountId",
    "bucketId",
    "secretId",
    "repositoryId",
    "location",
    "region",
    "project",
    "role",
    "member",
}


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Every method is one of the engine's protocol."""

    def __init__(self, version: str) -> None:
        self._version = version

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=self._version)

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        failures = inputs_of(_type(request.urn)).failures(request.news.fields.keys())
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in failures],
        )

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        olds, news = MessageToDict(request.old_inputs), MessageToDict(request.news)
        changed = sorted(key for key in olds.keys() | news.keys() if olds.get(key) != news.get(key))
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=kind, diffs=changed, replaces=[key for key in changed if key in IDENTITY], deleteBeforeReplace=False
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        _log("create", request.urn, preview=request.preview)
        properties = _made(request.urn, request.properties, preview=request.preview)
        name = request.urn.rpartition("::")[2]
        return provider_pb2.CreateResponse(id="" if request.preview else f"{name}-id", properties=properties)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return provider_pb2.ReadResponse(id=request.id, inputs=request.inputs, properties=request.properties)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        _log("update", request.urn, preview=request.preview)
        properties = _made(request.urn, request.news, preview=request.preview)
        return provider_pb2.UpdateResponse(properties=properties)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        _log("delete", request.urn, preview=False)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        _log("invoke", request.tok, preview=False)
        if request.tok not in CALLS:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.tok} is not known")
        answer = CALLS[request.tok](MessageToDict(request.args))
        return provider_pb2.InvokeResponse(**{"return": ParseDict(answer, struct_pb2.Struct())})


def _made(urn: str, properties: Any, *, preview: bool) -> Any:
    """The properties of a resource; in a preview, what Google would answer is not known."""
    type_, inputs = _type(urn), MessageToDict(properties)
    outputs: dict[str, Any] = {} if "name" in inputs else {"name": urn.rpartition("::")[2]}
    outputs |= OUTPUTS[type_](inputs) if type_ in OUTPUTS else {}
    if type_ == FUNCTION and "STAND_IN_URL" in os.environ:
        outputs["url"] = os.environ["STAND_IN_URL"]
    if preview:
        outputs = dict.fromkeys(outputs, rpc.UNKNOWN)
    return ParseDict({**inputs, **outputs}, struct_pb2.Struct())


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _log(what: str, target: str, *, preview: bool) -> None:
    with open(os.environ["STAND_IN_LOG"], "a") as log:
        log.write(json.dumps({"what": what, "target": target, "preview": preview}) + "\n")


if __name__ == "__main__":
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(sys.argv[1]), server))
