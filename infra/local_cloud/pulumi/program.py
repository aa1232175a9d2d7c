"""One run of a Pulumi program against the local engine."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local_cloud.errors import DeploymentFailed
from local_cloud.processes.server import launch_command, read_tail
from local_cloud.processes.socket_folders import Sockets
from local_cloud.pulumi.declaration import Provider
from local_cloud.pulumi.dynamic import DynamicProvider
from local_cloud.pulumi.engine import Engine
from local_cloud.pulumi.program_host import VARIABLE, Host
from local_cloud.pulumi.project import Project
from local_cloud.report import Report
from local_cloud.state import State

IMPORT_ROOT = Path(__file__).resolve().parents[2]


async def run(
    project: Project, configuration: Mapping[str, str], provider: Provider, state: State, report: Report
) -> Mapping[str, Any]:
    """Run the program, and return the stack's outputs once every resource is up.

    Raises DeploymentFailed, or what a resource failed with.
    """
    log = state.log("program")
    environment = _environment(configuration)
    dynamic = DynamicProvider(project, environment, state, log)
    engine = Engine(provider, dynamic, report, project.name, project.stack)
    try:
        address = await engine.start(Sockets(state.folder).path("engine"))
        host = Host(address, project.name, project.stack, str(project.root), str(project.program))
        process = await _start(project, {**environment, VARIABLE: json.dumps(asdict(host))}, log)
        ended = asyncio.create_task(process.wait())
        try:
            either: list[asyncio.Future[Any]] = [ended, engine.failed]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if process.returncode is None:
                process.kill()
            await ended
        if engine.failed.done():
            await engine.failed
        if engine.errors:
            raise DeploymentFailed("\n".join(engine.errors))
        if process.returncode != 0:
            raise DeploymentFailed(f"the program ended with {process.returncode}\n{read_tail(log, 15)}")
        return engine.outputs
    finally:
        await engine.stop()
        await dynamic.stop()


async def _start(project: Project, environment: Mapping[str, str], log: Path) -> asyncio.subprocess.Process:
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *launch_command(
                [str(project.runtime.program_interpreter()), "-m", "local_cloud.pulumi.program_host"], signal.SIGKILL
            ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )


def _environment(configuration: Mapping[str, str]) -> dict[str, str]:
    return {
        "PYTHONPATH": os.pathsep.join([str(IMPORT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PULUMI_CONFIG": json.dumps(dict(configuration)),
    }
