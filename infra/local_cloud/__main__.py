"""The local deployer: runs the Pulumi program on this machine."""

import argparse
import asyncio
import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from local_cloud import bytecode
from local_cloud.errors import DeploymentFailed, NotRunning, WrongUsage
from local_cloud.processes.server import ServerFailed
from local_cloud.pulumi import project as projects
from local_cloud.report import Report
from local_cloud.running import AlreadyRunning, Running, await_leftovers, end_deployer, find_running
from local_cloud.state import STACK_FILE

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8080
STOP_SECONDS = 60.0
STATUS_SECONDS = 30.0
# Longer than any job's attempt deadline.
JOB_SECONDS = 1900.0
# A minute of the local Monitoring is then a second.
MAX_PACE = 60.0
MAX_PORT = 65_535
# As a shell reports a command that Ctrl-C ended.
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """A parser that raises WrongUsage for a wrong command line, which is then said as any other error."""

    def error(self, message: str) -> NoReturn:
        """Raise WrongUsage."""
        raise WrongUsage(f"{self.prog}: {message.removeprefix('argument ')}; `{self.prog} --help` tells what it takes")


def main() -> int:
    """Run the command that the arguments name, and return the exit status, as docs/commands.md lists them."""
    try:
        arguments = build_parser().parse_args()
        return int(arguments.command(arguments) or 0)
    except (DeploymentFailed, ServerFailed) as failure:
        known = failure if isinstance(failure, DeploymentFailed) else DeploymentFailed(str(failure))
        _show_error(known)
        return known.exit_status
    except KeyboardInterrupt:
        return INTERRUPTED


def _show_error(failure: DeploymentFailed) -> None:
    if "--json" in sys.argv:
        Report().result({"error": {"code": failure.code, "message": str(failure), "remedy": None}})
    else:
        Console(stderr=True, highlight=False).print(str(failure), style="red", markup=False, soft_wrap=True)


def build_parser() -> Parser:
    """Return the parser of the whole program."""
    parser = Parser(prog="local_cloud", description=__doc__)
    state = Path(os.environ.get("LOCAL_STATE") or REPOSITORY / ".local")
    parser.add_argument("--state", type=Path, default=state, help="folder of the data (LOCAL_STATE; default: .local)")
    parser.add_argument("--project", type=Path, default=REPOSITORY, help="folder of Pulumi.yaml")
    parser.add_argument("--stack", default="local", help="the stack: Pulumi.<stack>.yaml (default: local)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    starting = commands.add_parser("up", help="bring everything up, and keep it up until Ctrl-C")
    starting.add_argument("--port", type=_parse_port, default=DEFAULT_PORT, help="of the base URL (default: 8080)")
    starting.add_argument(
        "--pace", type=_parse_pace, default=1.0, help="how many times faster alerts are evaluated (default: 1)"
    )
    starting.set_defaults(command=_up)
    stopping = commands.add_parser("down", help="stop what runs; the data stay")
    stopping.add_argument(
        "--seconds",
        type=_parse_seconds,
        default=STOP_SECONDS,
        help=f"how long it may take to end before it is killed (default: {STOP_SECONDS:g})",
    )
    stopping.set_defaults(command=_down)
    commands.add_parser("clean", help="remove the data").set_defaults(command=_clean)
    commands.add_parser("status", help="show what runs, jobs and open incidents").set_defaults(command=_status)
    firing = commands.add_parser("run-job", help="fire a scheduler job now")
    firing.add_argument("job", metavar="JOB", type=_parse_job, help="its name, or the end of it: publish-metrics")
    firing.set_defaults(command=_run_job)
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print one JSON document instead of words and tables")
    return parser


def _parse_port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; choose one from 1 to {MAX_PORT}, as PORT=9000")
    return int(text)


def _parse_pace(text: str) -> float:
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 1 <= pace <= MAX_PACE:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_PACE:g}")
    return pace


def _parse_seconds(text: str) -> float:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of seconds")
    return float(text)


def _parse_job(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("it is empty; name one, as JOB=publish-metrics")
    return text


def _up(arguments: argparse.Namespace) -> int:
    bytecode.keep()
    from local_cloud.up import up  # half a second of imports that no other command needs

    project = projects.read_project(arguments.project.resolve(), arguments.stack)
    report = Report(Console(stderr=True, highlight=False)) if arguments.json else Report()

    def ready(base_url: str, stack_file: Path) -> None:
        if arguments.json:
            Report().result({"base_url": base_url, "stack_file": str(stack_file)})

    try:
        asyncio.run(up(project, arguments.state, arguments.port, report, arguments.pace, ready))
    except AlreadyRunning as already:
        said = f"{project.name} runs already, at {already.running.base_url}; `make down` stops it"
        if not already.running.base_url.endswith(f":{arguments.port}"):
            raise DeploymentFailed(said) from None
        report.line(said)
        ready(already.running.base_url, arguments.state.resolve() / STACK_FILE)
    return 0


def _down(arguments: argparse.Namespace) -> int:
    running = find_running(arguments.state)
    stopped = running is not None and end_deployer(running, arguments.seconds)
    if running is not None and not stopped:
        _note(f"the deployer, process {running.pid}, did not stop in {arguments.seconds:g} s, and was killed")
    if not stopped:
        # What it leaves ends by itself, or is killed as well.
        stopped = bool(await_leftovers(arguments.state, arguments.seconds, _note)) or running is not None
    _show(arguments, "Stopped; the data stay." if stopped else "Nothing runs.", {"stopped": stopped})
    return 0


def _clean(arguments: argparse.Namespace) -> int:
    running = find_running(arguments.state)
    if running is not None:
        raise DeploymentFailed(f"it runs, at {running.base_url}: `make down` first")
    await_leftovers(arguments.state, STOP_SECONDS, _note)
    if arguments.state.exists():
        shutil.rmtree(arguments.state)
    _show(arguments, f"{arguments.state} is removed.", {"removed": str(arguments.state)})
    return 0


def _show(arguments: argparse.Namespace, line: str, data: object) -> None:
    if arguments.json:
        Report().result(data)
    else:
        Report().line(line)


def _note(line: str) -> None:
    """Print what happens meanwhile, beside the result."""
    Report(Console(stderr=True, highlight=False)).line(line)


def _status(arguments: argparse.Namespace) -> int:
    status, answer = _call_control(_require_running(arguments), "status", "GET", STATUS_SECONDS)
    if status != 200:
        raise DeploymentFailed(str(answer.get("detail")))
    report = Report()
    if arguments.json:
        report.result(answer)
        return 0
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
    status, answer = _call_control(_require_running(arguments), f"jobs/{arguments.job}/run", "POST", JOB_SECONDS)
    if status != 200:
        raise DeploymentFailed(str(answer.get("detail")))
    report = Report()
    if arguments.json:
        report.result(answer)
    else:
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
        raise NotRunning("nothing runs: `make up` first")
    return running


def _call_control(running: Running, command: str, method: str, seconds: float) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310
        f"{running.base_url}/_local/control/{command}",
        method=method,
        headers={"Authorization": f"Bearer {running.token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except (OSError, HTTPException) as error:
        raise NotRunning(f"the deployer at {running.base_url} does not answer: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
