"""Previews or deploys a stack of this project on Google Cloud, by the Pulumi CLI."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from pulumi import automation
from pulumi.automation.errors import CommandError, InvalidVersionError

from commands.deploy.plan import COLUMNS, Plan, from_events
from commands.deploy.requirements import find_missing_rights, find_missing_tools, signed_in
from commands.deploy.verification import unhealthy
from commands.errors import CommandFailed
from commands.output import Output


def select(project: Path, name: str, offline: bool) -> automation.Stack:
    """Return a stack that can be deployed. Raises CommandFailed, with a line for each thing that is missing.

    project: the folder of Pulumi.yaml. offline: without asking Google.
    """
    _refuse(find_missing_tools(project, name))
    with _report_pulumi_failures():
        stack = automation.select_stack(name, work_dir=str(project))
        if not offline:
            _check_google(stack, name)
    return stack


def preview(stack: automation.Stack, output: Output) -> Any:
    """Show what a deployment would change, and return the same. Raises CommandFailed."""
    return _show(_plan(stack, output), output)


def deploy(stack: automation.Stack, output: Output, agreed: bool) -> Any:
    """Show the plan, ask unless that is `agreed`, deploy and verify. Raises CommandFailed."""
    plan = _plan(stack, output)
    shown = _show(plan, output)
    if not plan:
        return shown
    if not (agreed or _agrees(output)):
        raise CommandFailed("Nothing was deployed.")
    with _report_pulumi_failures():
        stack.up(on_output=output.note)
        outputs = {name: one.value for name, one in stack.outputs().items()}
    _refuse(unhealthy(outputs["functions"], outputs["routes"]))
    urls = {**dict(sorted(outputs["functions"].items())), **_base_url(outputs)}
    output.table("", ("function", "URL"), list(urls.items()))
    output.line(f"The first key: {outputs['first_key_command']}")
    return {**shown, "urls": urls, "first_key_command": outputs["first_key_command"]}


def _plan(stack: automation.Stack, output: Output) -> Plan:
    events: list[automation.EngineEvent] = []
    with output.step("Asking for the changes"), _report_pulumi_failures():
        stack.preview(on_event=events.append)
    return from_events(events)


def _show(plan: Plan, output: Output) -> Any:
    if plan:
        output.table("", COLUMNS, plan.rows())
    else:
        output.line("Nothing changes.")
    return {"changes": plan.changes(), "more_a_month": round(plan.more_a_month, 2)}


def _agrees(output: Output) -> bool:
    """No where nobody can be asked."""
    output.note("Deploy this? [y/N]")
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _check_google(stack: automation.Stack, name: str) -> None:
    project = stack.get_all_config().get("gcp:project")
    if project is None:
        raise CommandFailed(
            "gcp:project is not set", remedy=f"Run `pulumi config set gcp:project PROJECT --stack {name}`."
        )
    google = signed_in(project.value)
    if google is None:
        raise CommandFailed(
            "nobody is signed in to Google Cloud", remedy="Run `gcloud auth application-default login`."
        )
    try:
        _refuse(find_missing_rights(google))
    except requests.RequestException as error:
        raise CommandFailed(f"Google cannot be asked what {project.value} has: {error}") from None


def _base_url(outputs: dict[str, Any]) -> dict[str, str]:
    return {"all": outputs["base_url"]} if "base_url" in outputs else {}


def _refuse(problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        raise CommandFailed("\n".join(found))


@contextmanager
def _report_pulumi_failures() -> Iterator[None]:
    try:
        yield
    except (CommandError, InvalidVersionError) as error:
        raise CommandFailed(str(error)) from None
