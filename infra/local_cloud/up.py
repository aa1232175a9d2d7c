"""Brings a stack up, keeps it up until told to stop, and leaves nothing running."""

import asyncio
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from local_cloud import summary
from local_cloud.errors import DeploymentFailed
from local_cloud.google.issuer import Issuers
from local_cloud.processes.supervisor import Supervisor, end_leftovers
from local_cloud.pulumi import program
from local_cloud.pulumi.project import Project
from local_cloud.report import Report
from local_cloud.resources import platform as serving
from local_cloud.resources.deployment import Deployment, Function
from local_cloud.running import alone
from local_cloud.serving.console import door_of
from local_cloud.serving.gateway import Gateway
from local_cloud.serving.proxy import open_session
from local_cloud.stack_file import StackFile
from local_cloud.state import State

HOST = "127.0.0.1"
RUNBOOKS = Path("docs", "operations")
# By Google's clock; a pace divides them.
FIGURES_SECONDS, PUBLISH_SECONDS = 5.0, 60.0
SHORTEST_FIGURES_SECONDS = 0.2


async def up(project: Project, folder: Path, port: int, report: Report, pace: float = 1.0) -> None:
    """Returns when it was told to stop. pace: how many times faster than Google's the local Monitoring is.

    Raises AlreadyRunning, DeploymentFailed, ServerFailed.
    """
    base_url = f"http://{HOST}:{port}"
    with alone(folder, base_url) as running:
        state = State(folder)
        state.stack_file.unlink(missing_ok=True)
        for name in end_leftovers(state):
            report.say(f"ended {name}, left running by a deployer that was killed")
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(open_session())
            deployment = Deployment(
                project=project.cloud_project,
                stack=project.stack,
                base_url=base_url,
                program=project.program,
                state=state,
                supervisor=Supervisor(state, report.say),
                issuers=Issuers(state, base_url, project.configured("userIssuer")),
                session=session,
                report=report,
                pace=pace,
            )
            gateway = Gateway(port, running.token, project.root / RUNBOOKS)
            stack.push_async_callback(gateway.close)
            await _open(gateway, deployment, port)
            stack.push_async_callback(deployment.stop)
            serving.start(deployment)
            await deployment.google_apis.open()
            await _deploy_and_wait(project, deployment, gateway, stop)
            report.line()
            report.say("stopping …")
    report.line("  Stopped; the data stay.")


async def _deploy_and_wait(project: Project, deployment: Deployment, gateway: Gateway, stop: asyncio.Event) -> None:
    stopped = asyncio.create_task(stop.wait())
    deployed = asyncio.create_task(program.run(project, _configuration(project, deployment), deployment))
    either: list[asyncio.Task[Any]] = [stopped, deployed]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not deployed.done():
        deployed.cancel()
        await asyncio.gather(deployed, return_exceptions=True)
        return
    outputs = await deployed
    functions = _by_stack_name(deployment, outputs)
    routes = {str(prefix): functions[str(name)] for prefix, name in (outputs.get("routes") or {}).items()}
    door = door_of(deployment, outputs, functions, gateway.port)
    gateway.route(routes, door)
    audience = project.configured("userAudience") or deployment.project
    stack_file = StackFile(deployment, outputs, functions, audience)
    stack_file.write()
    fresh = asyncio.create_task(stack_file.keep_fresh())
    try:
        deployment.scheduler.start()
        deployment.monitoring.start()
        summary.show(deployment, routes, project.name, console=door is not None)
        await stopped
    finally:
        fresh.cancel()
        stack_file.remove()


async def _open(gateway: Gateway, deployment: Deployment, port: int) -> None:
    try:
        await gateway.open(deployment)
    except OSError as error:
        raise DeploymentFailed(f"port {port} is taken by another program; choose another with PORT=: {error}") from None


def _configuration(project: Project, deployment: Deployment) -> Mapping[str, str]:
    """The stack's, and what only this run knows: where the users' issuer and the runbooks are, and its pace."""
    users = deployment.issuers.users
    computed = {
        "userIssuer": users.issuer,
        "userJwksUrl": users.jwks_url,
        "runbookUrl": f"{deployment.base_url}/runbooks/alerts",
    }
    pace = deployment.monitoring.pace
    if pace != 1:
        computed["figuresSeconds"] = f"{max(SHORTEST_FIGURES_SECONDS, FIGURES_SECONDS / pace):g}"
        computed["publishSeconds"] = f"{PUBLISH_SECONDS / pace:g}"
    return {**project.configuration, **{f"{project.name}:{key}": value for key, value in computed.items()}}


def _by_stack_name(deployment: Deployment, outputs: Mapping[str, Any]) -> dict[str, Function]:
    """Functions by the names that the program exports them under."""
    by_url = {function.front_end.url: function for function in deployment.functions.values()}
    return {str(name): by_url[str(url)] for name, url in (outputs.get("functions") or {}).items()}
