"""Stands for `pulumi-language-python` where only the CLI itself could be built: starts programs and plugins in Python.

`virtualenv` begins in the folder of Pulumi.yaml or PulumiPlugin.yaml, and without one the first python3 on the PATH is
taken, as Pulumi's own host does. Programs are run by `pulumi-language-python-exec`, which is Pulumi's own.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2
from tests.engine.stand_ins.server import serve

ALREADY_SHOWN = 32


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """Every method is one of the engine's protocol."""

    def __init__(self, engine: str) -> None:
        self._engine = engine

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetRequiredPackagesResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetProgramDependenciesResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        yield language_pb2.InstallDependenciesResponse(stdout=b"")

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        executor = shutil.which("pulumi-language-python-exec")
        options = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
            "pwd": request.pwd,
            "dry_run": "true" if request.dryRun else "false",
            "parallel": str(request.parallel),
        }
        words = [word for name, value in options.items() if value for word in (f"--{name}", value)]
        program = str(Path(request.info.program_directory) / request.info.entry_point)
        environment = {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        ended = subprocess.run(
            [_interpreter(request.info), "-u", str(executor), *words, program],
            env={**os.environ, **environment},
            stdout=sys.stderr,
            check=False,
        )
        if ended.returncode == ALREADY_SHOWN:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"the program ended with {ended.returncode}" if ended.returncode else "")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        process = subprocess.Popen(
            [_interpreter(request.info), "-u", request.info.program_directory, *request.args],
            cwd=request.pwd,
            env={**os.environ, **dict(pair.split("=", 1) for pair in request.env)},
            stdout=subprocess.PIPE,
        )
        context.add_callback(process.kill)
        for line in process.stdout or ():
            yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=process.wait())


def _interpreter(info: Any) -> str:
    virtualenv = dict(info.options).get("virtualenv")
    if not virtualenv:
        return str(shutil.which("python3"))
    return str(Path(info.root_directory) / virtualenv / "bin/python")


if __name__ == "__main__":
    serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(sys.argv[-1]), server))
