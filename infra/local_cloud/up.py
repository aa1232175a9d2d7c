"""Brings a stack up, keeps it up until told to stop, and leaves nothing running."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from local_cloud import summary
from local_cloud.errors import DeploymentFailed
from local_cloud.google.issuer import Issuers
from local_cloud.google.services import GoogleServices
from local_cloud.processes.processes import Processes
from local_cloud.processes.supervisor import end_leftovers
from local_cloud.pulumi import program
from local_cloud.pulumi.project import Project
from local_cloud.report import Report
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.provider import LocalProvider
from local_cloud.running import Running, hold_state
from local_cloud.serving.console_proxy import find_console
from local_cloud.serving.controls import Controls
from local_cloud.serving.endpoints import Endpoints
from local_cloud.serving.functions import keep_resting, name_by_output
from local_cloud.serving.gateway import Gateway
from local_cloud.serving.google_apis import GoogleApis
from local_cloud.serving.proxy import open_session
from local_cloud.serving.runbooks import Runbooks
from local_cloud.serving.storage_proxy import StorageProxy
from local_cloud.stack_file import StackFile
from local_cloud.state import State

HOST = "127.0.0.1"
RUNBOOKS = Path("docs", "operations")
# By Google's clock; a pace divides them.
FIGURES_SECONDS, PUBLISH_SECONDS = 5.0, 60.0
SHORTEST_FIGURES_SECONDS = 0.2


async def up(
    project: Project,
    folder: Path,
    port: int,
    report: Report,
    pace: float = 1.0,
    ready: Callable[[str, Path], None] = lambda *_: None,
) -> None:
    """Return when told to stop. pace: how many times faster than Google's the local Monitoring is.

    ready: is called with the base URL and the path of stack.json once everything serves.
    Raises AlreadyRunning, DeploymentFailed, ServerFailed.
    """
    base_url = f"http://{HOST}:{port}"
    with hold_state(folder, base_url) as running:
        state = State(folder)
        state.stack_file.unlink(missing_ok=True)
        for name in end_leftovers(state):
            report.say(f"ended {name}, left running by a deployer that was killed")
        state.prune_logs()
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(open_session())
            cloud = _assemble(project, state, base_url, session, report, pace)
            gateway = _gateway(cloud, port, running, project.root / RUNBOOKS)
            stack.push_async_callback(gateway.close)
            await _open(gateway)
            stack.push_async_callback(cloud.stop)
            functions = cloud.endpoints.functions
            cloud.google.start_collecting(cloud.processes, lambda: [one.measured for one in list(functions.values())])
            await cloud.endpoints.open()
            await _deploy_and_wait(project, cloud, gateway, stop, ready)
            report.line()
            report.say("stopping …")
    report.line("  Stopped; the data stay.")


def _assemble(
    project: Project, state: State, base_url: str, session: aiohttp.ClientSession, report: Report, pace: float
) -> LocalCloud:
    processes = Processes(state, report.say)
    issuers = Issuers(state, base_url, project.configured("userIssuer"))
    google = GoogleServices(project.cloud_project, state, processes, issuers, session, report, pace)
    apis = GoogleApis(processes.ports.allocate("google-apis"), google.routes())
    return LocalCloud(
        project.program,
        state,
        report,
        processes,
        google,
        Endpoints(base_url, session, apis, StorageProxy(google.storage)),
    )


def _gateway(cloud: LocalCloud, port: int, running: Running, runbooks: Path) -> Gateway:
    supervisor = cloud.processes.supervisor
    controls = Controls(running.token, running.base_url, cloud.google, supervisor)
    return Gateway(port, cloud.endpoints, cloud.google, supervisor, controls, Runbooks(runbooks))


async def _open(gateway: Gateway) -> None:
    try:
        await gateway.open()
    except OSError as error:
        raise DeploymentFailed(
            f"port {gateway.port} is taken by another program; choose another with PORT=: {error}"
        ) from None


async def _deploy_and_wait(
    project: Project, cloud: LocalCloud, gateway: Gateway, stop: asyncio.Event, ready: Callable[[str, Path], None]
) -> None:
    stopped = asyncio.create_task(stop.wait())
    configuration = _configuration(project, cloud)
    deployed = asyncio.create_task(program.run(project, configuration, LocalProvider(cloud), cloud.state, cloud.report))
    either: list[asyncio.Task[Any]] = [stopped, deployed]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not deployed.done():
        deployed.cancel()
        await asyncio.gather(deployed, return_exceptions=True)
        return
    outputs = await deployed
    functions = name_by_output(cloud.endpoints.functions, outputs)
    routes = {str(prefix): functions[str(name)] for prefix, name in (outputs.get("routes") or {}).items()}
    console = find_console(cloud.google.issuers, outputs, functions, gateway.port)
    gateway.route(routes, console, fallback=outputs.get("fallback"))
    audience = project.configured("userAudience") or cloud.project
    stack_file = StackFile(cloud, outputs, functions, audience)
    stack_file.write()
    fresh = stack_file.keep_fresh()
    supervisor = cloud.processes.supervisor
    cloud.processes.background.hold(keep_resting(cloud.endpoints.functions, supervisor, cloud.report.say))
    try:
        cloud.google.start_schedules()
        summary.show(cloud, routes, project, console=console is not None)
        ready(cloud.endpoints.base_url, cloud.state.stack_file)
        await stopped
    finally:
        fresh.cancel()
        stack_file.remove()


def _configuration(project: Project, cloud: LocalCloud) -> Mapping[str, str]:
    """Return the stack's configuration, and what only this run knows: the users' issuer, the runbooks and the pace."""
    users = cloud.google.issuers.users
    computed = {
        "userIssuer": users.issuer,
        "userJwksUrl": users.jwks_url,
        "runbookUrl": f"{cloud.endpoints.base_url}/runbooks/alerts",
    }
    pace = cloud.google.monitoring.pace
    if pace != 1:
        computed["figuresSeconds"] = f"{max(SHORTEST_FIGURES_SECONDS, FIGURES_SECONDS / pace):g}"
        computed["publishSeconds"] = f"{PUBLISH_SECONDS / pace:g}"
    return {**project.configuration, **{f"{project.name}:{key}": value for key, value in computed.items()}}
