"""The local deployer: runs the Pulumi program on this machine."""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from rich.console import Console

from local_cloud.errors import DeploymentFailed
from local_cloud.processes.server import PROBE_SECONDS, ServerFailed
from local_cloud.processes.supervisor import is_running
from local_cloud.pulumi import project as projects
from local_cloud.report import Report
from local_cloud.running import AlreadyRunning, Running, find_running

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8080
STOP_SECONDS = 60.0
# Longer than any job's attempt deadline.
JOB_SECONDS = 1900.0
# A minute of the local Monitoring is then a second.
MAX_PACE = 60.0


def main() -> int:
    """Run the command that the arguments name, and return the exit status."""
    arguments = _parser().parse_args()
    try:
        return int(arguments.command(arguments) or 0)
    except (DeploymentFailed, ServerFailed) as failure:
        Console(stderr=True, highlight=False).print(str(failure), style="red", markup=False, soft_wrap=True)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local_cloud", description=__doc__)
    state = Path(os.environ.get("LOCAL_STATE") or REPOSITORY / ".local")
    parser.add_argument("--state", type=Path, default=state, help="folder of the data (LOCAL_STATE; default: .local)")
    parser.add_argument("--project", type=Path, default=REPOSITORY, help="folder of Pulumi.yaml")
    parser.add_argument("--stack", default="local", help="the stack: Pulumi.<stack>.yaml (default: local)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    starting = commands.add_parser("up", help="bring everything up, and keep it up until Ctrl-C")
    starting.add_argument("--port", type=int, default=DEFAULT_PORT, help="of the base URL (default: 8080)")
    starting.add_argument(
        "--pace", type=_parse_pace, default=1.0, help="how many times faster alerts are evaluated (default: 1)"
    )
    starting.set_defaults(command=_up)
    commands.add_parser("down", help="stop what runs; the data stay").set_defaults(command=_down)
    commands.add_parser("clean", help="remove the data").set_defaults(command=_clean)
    commands.add_parser("status", help="show the processes").set_defaults(command=_status)
    firing = commands.add_parser("run-job", help="fire a scheduler job now")
    firing.add_argument("job", metavar="JOB", help="its name, or the end of it: publish-metrics")
    firing.set_defaults(command=_run_job)
    return parser


def _parse_pace(text: str) -> float:
    pace = float(text)
    if not 1 <= pace <= MAX_PACE:
        raise argparse.ArgumentTypeError(f"it is 1 to {MAX_PACE:g}, not {text}")
    return pace


def _up(arguments: argparse.Namespace) -> int:
    _keep_bytecode()
    from local_cloud.up import up  # half a second of imports that no other command needs

    project = projects.read_project(arguments.project.resolve(), arguments.stack)
    report = Report()
    try:
        asyncio.run(up(project, arguments.state, arguments.port, report, arguments.pace))
    except AlreadyRunning as already:
        report.line(f"{project.name} runs already, at {already.running.base_url}; `make down` stops it")
        return 0 if already.running.base_url.endswith(f":{arguments.port}") else 1
    return 0


def _keep_bytecode() -> None:
    """Keep compiled modules, even where Python is told to keep none: compiling at each start takes seconds."""
    if sys.dont_write_bytecode:
        sys.dont_write_bytecode = False
        sys.pycache_prefix = str(Path(sys.prefix) / "bytecode")


def _down(arguments: argparse.Namespace) -> int:
    running = find_running(arguments.state)
    if running is None:
        Report().line("Nothing runs.")
        return 0
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while is_running(running.pid, running.created):
        if time.monotonic() > deadline:
            raise DeploymentFailed(f"the deployer, process {running.pid}, did not stop in {STOP_SECONDS:g} s")
        time.sleep(PROBE_SECONDS)
    Report().line("Stopped; the data stay.")
    return 0


def _clean(arguments: argparse.Namespace) -> int:
    running = find_running(arguments.state)
    if running is not None:
        raise DeploymentFailed(f"it runs, at {running.base_url}: `make down` first")
    if arguments.state.exists():
        shutil.rmtree(arguments.state)
    Report().line(f"{arguments.state} is removed.")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    status, answer = _call_control(_require_running(arguments), "status", "GET")
    if status != 200:
        raise DeploymentFailed(str(answer.get("detail")))
    report = Report()
    report.line(str(answer["base_url"]))
    rows = [
        (name, str(one["pid"] or ""), one["health"], str(one["restarts"])) for name, one in answer["processes"].items()
    ]
    report.table("Processes", ("name", "process", "state", "restarts"), rows)
    jobs = [(name, run["at"] if run else "not yet", _describe_outcome(run)) for name, run in answer["jobs"].items()]
    report.table("Jobs", ("name", "last run", ""), jobs)
    incidents = [
        (one["policy"], one["opened"], f"{one['value']:.4g} ({one['limit']})", one["subject"])
        for one in answer["incidents"]
        if one["state"] == "open"
    ]
    report.table("Open incidents", ("alert", "since", "", "of"), incidents)
    return 0


def _run_job(arguments: argparse.Namespace) -> int:
    status, answer = _call_control(_require_running(arguments), f"jobs/{arguments.job}/run", "POST")
    if status != 200:
        raise DeploymentFailed(str(answer.get("detail")))
    report = Report()
    report.line(f"{answer['job']}: {_describe_outcome(answer)}")
    report.line(str(answer["answer"]))
    return 0 if answer["succeeded"] else 1


def _describe_outcome(run: dict[str, Any] | None) -> str:
    if run is None:
        return ""
    return f"{'succeeded' if run['succeeded'] else 'failed'}, {run['status'] or 'no answer'}"


def _require_running(arguments: argparse.Namespace) -> Running:
    running = find_running(arguments.state)
    if running is None:
        raise DeploymentFailed("nothing runs: `make up` first")
    return running


def _call_control(running: Running, command: str, method: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310
        f"{running.base_url}/_local/control/{command}",
        method=method,
        headers={"Authorization": f"Bearer {running.token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=JOB_SECONDS) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


if __name__ == "__main__":
    sys.exit(main())
