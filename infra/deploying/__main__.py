"""Previews or deploys a stack of this project on Google Cloud, by the Pulumi CLI.

make preview STACK=prod
make deploy STACK=prod
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import requests
from pulumi import automation
from pulumi.automation.errors import CommandError, InvalidVersionError
from rich.console import Console

from deploying.errors import DeploymentRefused
from deploying.plan import Plan, from_events
from deploying.requirements import missing_of_cli, missing_of_google, signed_in
from deploying.verification import unhealthy

REPOSITORY = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code: 0 once everything is as it should be."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    try:
        _run(options, console)
    except DeploymentRefused as error:
        console.print(str(error), markup=False)
        return 1
    except (CommandError, InvalidVersionError) as error:
        console.print(str(error), markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _run(options: argparse.Namespace, console: Console) -> None:
    _refuse(missing_of_cli(options.project, options.stack))
    stack = automation.select_stack(options.stack, work_dir=str(options.project))
    if not options.offline:
        _check_google(stack, options.stack)
    plan = _planned(stack)
    console.print(plan.table() if plan else "Nothing changes.")
    if options.action == "preview" or not plan:
        return
    if not (options.yes or _agreed(console)):
        raise DeploymentRefused("Nothing was deployed.")
    stack.up(on_output=lambda line: console.print(line, markup=False))
    _verify(stack, console)


def _agreed(console: Console) -> bool:
    """No where nobody can be asked."""
    try:
        return console.input("Deploy this? [y/N] ", markup=False).strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _check_google(stack: automation.Stack, name: str) -> None:
    project = stack.get_all_config().get("gcp:project")
    if project is None:
        raise DeploymentRefused(f"gcp:project is not set: pulumi config set gcp:project PROJECT --stack {name}")
    google = signed_in(project.value)
    if google is None:
        raise DeploymentRefused("nobody is signed in to Google Cloud: gcloud auth application-default login")
    try:
        _refuse(missing_of_google(google))
    except requests.RequestException as error:
        raise DeploymentRefused(f"Google cannot be asked what {project.value} has: {error}") from None


def _planned(stack: automation.Stack) -> Plan:
    events: list[automation.EngineEvent] = []
    stack.preview(on_event=events.append)
    return from_events(events)


def _verify(stack: automation.Stack, console: Console) -> None:
    outputs = {name: output.value for name, output in stack.outputs().items()}
    _refuse(unhealthy(outputs["functions"], outputs["routes"]))
    for name, url in sorted(outputs["functions"].items()):
        console.print(f"{name:<10} {url}", markup=False)
    if "base_url" in outputs:
        console.print(f"all        {outputs['base_url']}", markup=False)
    console.print(f"The first key: {outputs['first_key_command']}", markup=False)


def _refuse(problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        raise DeploymentRefused("\n".join(found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploying", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("action", choices=("preview", "deploy"))
    parser.add_argument("--stack", required=True)
    parser.add_argument("--project", type=Path, default=REPOSITORY, help="folder of Pulumi.yaml")
    parser.add_argument("--yes", action="store_true", help="deploy without asking, as a pipeline does")
    parser.add_argument("--offline", action="store_true", help="do not ask Google what the project has")
    return parser


if __name__ == "__main__":
    sys.exit(main())
